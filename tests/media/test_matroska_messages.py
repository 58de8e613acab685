"""Messages leave Matroska's blocks; clusters keep their sizes, and what cannot be looked into is refused."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from video3d.media.elements import CRC_32, VOID, Element, master, number_element, parse
from video3d.media.matroska_messages import without_messages
from video3d.media.rewriting import MalformedError, Patch, pieces

AVCC = b"\x01\x64\x00\x1e\xff"
MESSAGE = b"\0\0\0\x0a\x06\x2d\x07\x81\x81\0\x02\0\0\x80"
SLICE = b"\0\0\0\x05\x65four"
TIME = number_element(0xE7, 0)


def track(*more: Element, codec: bytes = b"V_MPEG4/ISO/AVC") -> Element:
    return master(0xAE, [number_element(0xD7, 1), Element(0x86, codec), Element(0x63A2, AVCC), *more])


def stripping(prefix: bytes, algorithm: int = 3) -> Element:
    compression = master(0x5034, [number_element(0x4254, algorithm), Element(0x4255, prefix)])
    return master(0x6D80, [master(0x6240, [number_element(0x5033, 0), compression])])


def block(sample: bytes, *, number: int = 1, flags: int = 0x80, simple: bool = True) -> Element:
    inside = bytes([0x80 | number, 0, 0, flags]) + sample
    return Element(0xA3, inside) if simple else master(0xA0, [Element(0xA1, inside), number_element(0x9B, 40)])


def rewritten(entry: Element, cluster: bytes) -> bytes:
    def read(start: int, size: int) -> bytes:
        assert start + size <= len(cluster)
        return cluster[start:start + size]

    patches = without_messages(entry, read)[1](0, len(cluster))
    assert all(earlier.end <= later.start for earlier, later in itertools.pairwise(patches))
    return b"".join(piece if isinstance(piece, bytes) else cluster[slice(*piece)]
                    for piece in pieces(0, len(cluster), patches))


def cluster(*elements: Element) -> bytes:
    return b"".join(element.raw for element in elements)


def without_voids(data: bytes) -> list[Element]:
    def clean(element: Element) -> Element:
        return master(0xA0, without_voids(element.payload)) if element.id == 0xA0 else element

    return [clean(element) for element in parse(data) if element.id != VOID]


@pytest.mark.parametrize("simple", [True, False])
def test_a_block_shrinks_and_a_void_fills_its_place(simple: bool) -> None:
    before = cluster(TIME, block(MESSAGE + SLICE, simple=simple), block(SLICE, simple=simple))
    after = rewritten(track(), before)
    assert len(after) == len(before)
    assert without_voids(after) == [TIME, block(SLICE, simple=simple), block(SLICE, simple=simple)]


def test_other_tracks_and_clusters_without_messages_stay() -> None:
    before = cluster(Element(CRC_32, b"abcd"), TIME, block(MESSAGE + SLICE, number=2), block(SLICE))
    assert rewritten(track(), before) == before
    assert rewritten(track(codec=b"V_VP9"), cluster(block(MESSAGE))) == cluster(block(MESSAGE))


def test_a_stale_checksum_becomes_a_void() -> None:
    after = rewritten(track(), cluster(Element(CRC_32, b"abcd"), TIME, block(MESSAGE + SLICE)))
    assert parse(after)[0].id == VOID
    assert without_voids(after) == [TIME, block(SLICE)]


@pytest.mark.parametrize("prefix", [b"\0", b"\0\0\0", b"\0\0\0\x0a\x06"])
def test_a_stripped_beginning_is_counted_in_and_stays_stripped(prefix: bytes) -> None:
    before = cluster(TIME, block((MESSAGE + SLICE)[len(prefix):]))
    if not SLICE.startswith(prefix):
        with pytest.raises(MalformedError, match="would change"):
            rewritten(track(stripping(prefix)), before)
        return
    after = rewritten(track(stripping(prefix)), before)
    assert len(after) == len(before)
    assert without_voids(after) == [TIME, block(SLICE[len(prefix):])]


def test_what_cannot_be_looked_into_is_refused() -> None:
    plain = cluster(TIME, block(SLICE))
    with pytest.raises(MalformedError, match="compressed or encrypted"):
        rewritten(track(stripping(b"", algorithm=0)), plain)
    with pytest.raises(MalformedError, match="share a block"):
        rewritten(track(), cluster(TIME, block(SLICE, flags=0x84)))
    with pytest.raises(MalformedError, match="damaged"):
        rewritten(track(), plain[:-1])


@given(st.integers(2, 3000), st.sampled_from([1, 2, 3]))
def test_any_size_that_is_freed_is_filled(size: int, count: int) -> None:
    payload = b"\x81" + b"\xff" * (size - 1)
    message = b"\x06\x2d" + b"\xff" * (size // 255) + bytes([size % 255]) + payload + b"\x80"
    before = cluster(TIME, block((len(message).to_bytes(4, "big") + message) * count + SLICE), block(SLICE))
    after = rewritten(track(), before)
    assert len(after) == len(before)
    assert without_voids(after) == [TIME, block(SLICE), block(SLICE)]


@given(st.binary(max_size=120))
def test_any_bytes_are_survived(data: bytes) -> None:
    with contextlib.suppress(MalformedError):
        assert len(rewritten(track(), data)) == len(data)


def test_patches_are_applied_in_order() -> None:
    found = list(pieces(2, 9, [Patch(2, 3, b"a"), Patch(5, 5, b"b"), Patch(7, 9, b"")]))
    assert found == [b"a", (3, 5), b"b", (5, 7)]
