"""Frame-packing messages leave a picture's bytes, and nothing else does."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from video3d.media import frame_packing
from video3d.media.message_removal import (
    UnitCoding,
    configuration_without_message,
    sample_patches,
    unit_without_message,
)
from video3d.media.rewriting import MalformedError

H264, HEVC = UnitCoding(is_hevc=False, length_size=4), UnitCoding(is_hevc=True, length_size=4)
HEADS = {False: b"\x06", True: b"\x4e\x01"}
# ue(0), cancel 0, type 3 in seven bits, then six bits of interpretation 1 …
PACKING = bytes([0b10000001, 0b10000001, 0x00, 0x02, 0x00, 0x00, 0x0C])


def escaped(data: bytes) -> bytes:
    """Emulation prevention, a byte at a time (ITU-T H.264 §7.4.1.1)."""
    out = bytearray()
    zeros = 0
    for byte in data:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def unit(*messages: tuple[int, bytes], is_hevc: bool = False) -> bytes:
    body = b"".join(b"\xff" * (kind // 255) + bytes([kind % 255]) + b"\xff" * (len(data) // 255)
                    + bytes([len(data) % 255]) + data for kind, data in messages)
    return HEADS[is_hevc] + escaped(body + b"\x80")


def sample(*units: bytes) -> bytes:
    return b"".join(len(each).to_bytes(4, "big") + each for each in units)


def cleaned(data: bytes, coding: UnitCoding = H264) -> bytes:
    for patch in reversed(sample_patches(data, coding)):
        data = data[:patch.start] + patch.data + data[patch.end:]
    return data


SLICE = b"\x65" + bytes(range(9, 60))


def test_a_unit_of_its_own_goes() -> None:
    assert cleaned(sample(unit((45, PACKING)), SLICE)) == sample(SLICE)
    assert cleaned(sample(SLICE, unit((45, PACKING)), unit((45, PACKING)), SLICE)) == sample(SLICE, SLICE)


def test_other_messages_of_its_unit_stay() -> None:
    text, recovery = (5, b"sixteen bytes id" + b"\0\0\0\0words\0\0\1" * 40), (6, b"\x80")
    before = sample(unit(text, (45, PACKING), recovery), SLICE)
    assert cleaned(before) == sample(unit(text, recovery), SLICE)


def test_what_has_no_message_is_not_touched() -> None:
    for other in (sample(unit((5, b"x" * 300)), SLICE), sample(SLICE), b"", b"\0\0", sample(SLICE)[:-1]):
        assert sample_patches(other, H264) == []


def test_a_message_whose_end_is_missing_goes_with_its_unit() -> None:
    assert cleaned(sample(b"\x06\x2d\x30\x81\x80", SLICE)) == sample(SLICE)
    assert cleaned(sample(SLICE, unit((45, PACKING)))[:-3]) == sample(SLICE)
    broken = unit((5, b"a" * 99))[:-20]
    assert cleaned(sample(unit((45, PACKING))[:-1] + broken[1:], SLICE)) == sample(broken + b"\x80", SLICE)


def test_hevc_has_another_header() -> None:
    mastering = (137, bytes(24))
    before = sample(unit(mastering, (45, PACKING), is_hevc=True), b"\x26\x01" + SLICE)
    after = cleaned(before, HEVC)
    assert after == sample(unit(mastering, is_hevc=True), b"\x26\x01" + SLICE)
    assert cleaned(before) == before, "in H.264 the same bytes are something else"


def hvcc(*arrays: tuple[int, list[bytes]]) -> bytes:
    head = bytes(21) + b"\x03" + bytes([len(arrays)])
    return head + b"".join(bytes([kind]) + len(units).to_bytes(2, "big") + b"".join(
        len(each).to_bytes(2, "big") + each for each in units) for kind, units in arrays)


def test_the_codecs_description_may_hold_it_too() -> None:
    text = unit((5, b"y" * 20), is_hevc=True)
    packing = unit((45, PACKING), is_hevc=True)
    before = hvcc((32, [b"vps"]), (39, [packing, text]), (39, [packing]))
    after = configuration_without_message(before, HEVC)
    assert after == hvcc((32, [b"vps"]), (39, [text]))
    assert frame_packing.message("hevc", before, b"") is not None
    assert frame_packing.message("hevc", after, b"") is None
    assert configuration_without_message(after, HEVC) == after
    assert configuration_without_message(b"\1\x64\0\x1e\xff", H264) == b"\1\x64\0\x1e\xff"
    with pytest.raises(MalformedError, match="cut short"):
        configuration_without_message(before[:-1], HEVC)


messages = st.lists(st.tuples(st.sampled_from([0, 1, 4, 5, 6, 44, 45, 46, 300]),
                              st.binary(max_size=300) | st.binary(max_size=40).map(lambda data: b"\0\0" + data)),
                    min_size=1, max_size=5)


@given(messages, st.booleans())
def test_what_is_left_is_all_other_messages(found: list[tuple[int, bytes]], is_hevc: bool) -> None:
    kept = [message for message in found if message[0] != 45]
    coding = HEVC if is_hevc else H264
    after = unit_without_message(unit(*found, is_hevc=is_hevc), coding)
    assert after == (unit(*kept, is_hevc=is_hevc) if kept else b"")


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_survived_and_never_grow(data: bytes, is_hevc: bool) -> None:
    coding = HEVC if is_hevc else H264
    for patch in sample_patches(data, coding):
        assert 0 <= patch.start < patch.end <= len(data)
        assert len(patch.data) < patch.end - patch.start
    with contextlib.suppress(MalformedError):
        configuration_without_message(data, coding)
