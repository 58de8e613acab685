"""Boxes in memory: what is not edited keeps its bytes, impossible structures are refused."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from video3d.media import boxes
from video3d.media.boxes import Box
from video3d.media.rewriting import MalformedError


def test_parse_and_join_are_inverse() -> None:
    data = Box.make(b"aaaa", b"123").raw + Box.make_full(b"bbbb", b"").raw + b"\0\0\0\0"
    found, tail = boxes.parse(data)
    assert b"".join(box.raw for box in found) + tail == data
    assert [box.kind for box in found] == [b"aaaa", b"bbbb"]
    assert tail == b"\0\0\0\0"


@pytest.mark.parametrize("data", [b"\0\0\0\7aaaa", b"\0\0\1\0aaaa", b"\0\0\0\1aaaa\0\0\0\0\0\0\0\x0f", b"\0\0\0\0aaaa"])
def test_impossible_sizes_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        boxes.parse(data)


def nested(*kinds: bytes, inside: bytes) -> Box:
    for kind in reversed(kinds):
        inside = Box.make(kind, inside).raw
    return boxes.parse(inside)[0][0]


def entry(kind: bytes, *children: bytes) -> bytes:
    return Box.make(kind, bytes(78) + b"".join(Box.make(child, b"").raw for child in children)).raw


def movie(*tracks: tuple[bytes, bytes, bool]) -> Box:
    """A header with tracks of (handler, sample entry, enabled)."""
    raw = b""
    for handler, sample_entry, enabled in tracks:
        stsd = Box.make(b"stsd", bytes(7) + b"\1" + sample_entry).raw
        media = Box.make_full(b"hdlr", bytes(4) + handler).raw + nested(b"minf", b"stbl", inside=stsd).raw
        raw += Box.make(b"trak", Box.make_full(b"tkhd", b"", flags=int(enabled)).raw + Box.make(b"mdia", media).raw).raw
    return Box.make(b"moov", raw)


def labelled_children(moov: Box, track: int) -> list[bytes]:
    stereo = (Box.make_full(b"st3d", b"\2"), Box.make(b"vexu", b""))
    edited = boxes.set_stereo_boxes(moov, stereo)
    stsd = boxes.find(boxes.find(edited, b"trak")[track], b"mdia", b"minf", b"stbl", b"stsd")[0]
    return [child.kind for child in boxes.parse(boxes.parse(stsd.payload[8:])[0][0].payload[78:])[0]]


@pytest.mark.parametrize(("before", "after"), [
    ([b"avcC", b"pasp"], [b"avcC", b"st3d", b"vexu", b"pasp"]),
    ([b"hvcC", b"colr", b"st3d", b"btrt"], [b"hvcC", b"st3d", b"vexu", b"colr", b"btrt"]),
    ([b"av1C"], [b"av1C", b"st3d", b"vexu"]),
    ([b"pasp"], [b"st3d", b"vexu", b"pasp"]),
    ([], [b"st3d", b"vexu"]),
    ([b"esds", b"hfov", b"sv3d", b"vexu", b"fiel"], [b"esds", b"st3d", b"vexu", b"fiel"]),
])
def test_where_stereo_boxes_go(before: list[bytes], after: list[bytes]) -> None:
    assert labelled_children(movie((b"vide", entry(b"avc1", *before), True)), 0) == after


def test_the_main_track_is_the_first_enabled_moving_one() -> None:
    cover, first, second = entry(b"jpeg"), entry(b"avc1", b"avcC"), entry(b"hvc1", b"hvcC")
    sound = Box.make(b"mp4a", bytes(28)).raw
    moov = movie((b"soun", sound, True), (b"vide", cover, True), (b"vide", first, False), (b"vide", second, True))
    assert boxes.main_video_track(moov).raw == boxes.find(moov, b"trak")[3].raw
    disabled = movie((b"vide", cover, True), (b"vide", first, False))
    assert boxes.main_video_track(disabled).raw == boxes.find(disabled, b"trak")[1].raw
    with pytest.raises(MalformedError, match="no video track"):
        boxes.main_video_track(movie((b"soun", sound, True), (b"vide", cover, True)))


def test_a_terminator_after_the_boxes_stays_last() -> None:
    sample_entry = Box.make(b"avc1", bytes(78) + Box.make(b"avcC", b"").raw + bytes(4)).raw
    edited = boxes.set_stereo_boxes(movie((b"vide", sample_entry, True)), (Box.make(b"vexu", b""),))
    stsd = boxes.find(edited, b"trak", b"mdia", b"minf", b"stbl", b"stsd")[0]
    assert stsd.payload.endswith(Box.make(b"avcC", b"").raw + Box.make(b"vexu", b"").raw + bytes(4))


def test_old_spherical_metadata_goes_with_the_old_label() -> None:
    moov = movie((b"vide", entry(b"avc1", b"avcC"), True))
    marked = boxes.descend(moov, (b"trak",), lambda track: Box.make(
        b"trak", track.payload + Box.make(b"uuid", boxes.SPHERICAL_V1 + b"<xml/>").raw + Box.make(b"udta", b"").raw))
    assert boxes.set_stereo_boxes(marked, ()).raw == boxes.descend(moov, (b"trak",), lambda track: Box.make(
        b"trak", track.payload + Box.make(b"udta", b"").raw)).raw


def test_editing_nothing_keeps_odd_bytes() -> None:
    odd = b"\0\0\0\1moov" + (16 + 12).to_bytes(8, "big") + Box.make(b"trak", b"").raw + bytes(4)
    box = boxes.parse(odd)[0][0]
    assert boxes.with_children(box, lambda children: children).raw == odd


@pytest.mark.parametrize(("kind", "width"), [(b"stco", 4), (b"co64", 8)])
def test_offsets_move_and_stay_as_wide(kind: bytes, width: int) -> None:
    table = Box.make_full(kind, struct.pack(">I", 2) + (7).to_bytes(width, "big") + (9).to_bytes(width, "big"))
    moov = nested(b"moov", b"trak", b"mdia", b"minf", b"stbl", inside=table.raw)
    moved = boxes.offset_tables(boxes.move_offsets(moov, lambda offsets: offsets + 5, promote=False))[0]
    assert (moved.kind, boxes.read_offsets(moved).tolist()) == (kind, [12, 14])
    wide = boxes.offset_tables(boxes.move_offsets(moov, lambda offsets: offsets + 2**33, promote=True))[0]
    assert (wide.kind, boxes.read_offsets(wide).tolist()) == (b"co64", [2**33 + 7, 2**33 + 9])


def test_a_table_with_too_few_offsets_is_refused() -> None:
    with pytest.raises(MalformedError, match="too short"):
        boxes.read_offsets(Box.make_full(b"stco", struct.pack(">II", 2, 7)))
    with pytest.raises(MalformedError, match="not there"):
        boxes.read_offsets(Box.make_full(b"co64", struct.pack(">IQ", 1, 2**63)))
    assert boxes.read_offsets(Box.make_full(b"stco", bytes(4))).dtype == np.int64
