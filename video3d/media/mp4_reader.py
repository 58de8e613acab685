"""Reads the structure of an MP4 or MOV file in place. Shares nothing with the editor, so that it can check its work."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import IO

import numpy as np
import numpy.typing as npt

from video3d.media.file_facts import (
    KEYFRAME_HEAD,
    KEYFRAME_SECONDS,
    KEYFRAMES_AT_MOST,
    FileFacts,
    StereoClaim,
    TrackFacts,
    UnreadableError,
    VideoFacts,
)

TABLE_LIMIT = 256 * 1024 * 1024
SAMPLE_LIMIT = 256 * 1024
BOX_LIMIT = 65536
SAMPLES_AT_MOST = 1 << 20
"""Looked at, where all have one size and no table limits their number."""
_NO_SIZES: npt.NDArray[np.int64] = np.zeros(0, np.int64)
_CODECS = {"avc1": "h264", "avc3": "h264", "hvc1": "hevc", "hev1": "hevc", "dvh1": "hevc", "dvhe": "hevc",
           "av01": "av1"}
_KINDS = {b"vide": "video", b"soun": "audio", b"sbtl": "subtitle", b"subt": "subtitle", b"text": "subtitle"}
_ST3D = {0: ("mono", False), 1: ("top and bottom", False), 2: ("side by side", False), 4: ("side by side", True)}
_SPHERICAL_V1 = bytes.fromhex("ffcc8263f8554a938814587a02521fdd")
"""User type of the box of Google's Spherical Video V1: the whole sphere."""
_STILL_PICTURES = ("jpeg", "png ", "mjpa", "mjpb")


@dataclass(frozen=True)
class Span:
    """A box: its kind, where its payload begins and where it ends, in bytes of the file."""

    kind: str
    payload: int
    end: int


def spans(file: IO[bytes], start: int, end: int) -> Iterator[Span]:
    """The boxes between two places of the file; UnreadableError where one does not fit."""
    count = 0
    while end - start >= 8:
        file.seek(start)
        size, kind = struct.unpack(">I4s", _exactly(file, 8))
        payload = start + 8
        if size == 1:
            size, payload = struct.unpack(">Q", _exactly(file, 8))[0], start + 16
        elif size == 0:
            size = end - start
        count += 1
        if start + size > end or start + size < payload or count > BOX_LIMIT:
            raise UnreadableError(f"it is cut short or damaged at byte {start}")
        yield Span(kind.decode("latin-1"), payload, start + size)
        start += size


def read_mp4(file: IO[bytes]) -> FileFacts:
    """The facts of an MP4 or MOV file; UnreadableError if it is none or damaged."""
    top = list(spans(file, 0, file.seek(0, os.SEEK_END)))
    kinds = [span.kind for span in top]
    if "moov" not in kinds:
        raise UnreadableError("it has no header (moov): the recording or copy was never finished")
    moov = top[kinds.index("moov")]
    brand = _bytes(file, top[0])[:4].decode("latin-1").strip() if kinds[0] == "ftyp" else "qt"
    first_media = kinds.index("mdat") if "mdat" in kinds else len(kinds)
    tracks = [span for span in spans(file, moov.payload, moov.end) if span.kind == "trak"]
    facts = tuple(_track(file, track) for track in tracks)
    main = _main_video(file, tracks, facts)
    return FileFacts(
        container="MOV" if brand == "qt" else "MP4",
        brand=brand,
        header_first=kinds.index("moov") < first_media,
        is_fragmented="moof" in kinds or bool(_find(file, moov, "mvex")),
        duration=_movie_duration(file, moov),
        tracks=facts,
        video=_video(file, main) if main else None,
    )


def chunk_starts(file: IO[bytes]) -> list[list[int]]:
    """Where each track's chunks begin, for comparing two files."""
    top = list(spans(file, 0, file.seek(0, os.SEEK_END)))
    moov = next((span for span in top if span.kind == "moov"), None)
    if moov is None:
        raise UnreadableError("it has no header (moov)")
    tables = [_find(file, track, "mdia", "minf", "stbl") for track in _find(file, moov, "trak")]
    return [_chunk_table(file, table[0]) if table else [] for table in tables]


def _track(file: IO[bytes], track: Span) -> TrackFacts:
    entries = _entries(file, track)
    timescale, duration, language = _media_header(file, track)
    return TrackFacts(
        kind=_KINDS.get(_handler(file, track), "other"),
        codec=entries[0].kind if entries else "",
        language=language,
        duration=Fraction(duration, timescale) if timescale and duration else None,
    )


def _main_video(file: IO[bytes], tracks: list[Span], facts: tuple[TrackFacts, ...]) -> Span | None:
    moving = [track for track, fact in zip(tracks, facts, strict=True)
              if fact.kind == "video" and fact.codec and fact.codec not in _STILL_PICTURES]
    enabled = [track for track in moving for header in _find(file, track, "tkhd")[:1]
               if _bytes(file, header)[3:4] and _bytes(file, header)[3] & 1]
    return (enabled or moving or [None])[0]


def _video(file: IO[bytes], track: Span) -> VideoFacts:
    entry = _entries(file, track)[0]
    fields = _bytes(file, entry)
    if len(fields) < 78:
        raise UnreadableError("its video description is too short")
    width, height = struct.unpack_from(">HH", fields, 24)
    children = list(spans(file, entry.payload + 78, entry.end))
    by_kind = {child.kind: child for child in reversed(children)}
    stbl = _find(file, track, "mdia", "minf", "stbl")[0]
    configuration = next((_bytes(file, by_kind[kind]) for kind in ("avcC", "hvcC", "av1C") if kind in by_kind), b"")
    return VideoFacts(
        codec=_CODECS.get(entry.kind, entry.kind),
        entry=entry.kind,
        width=width,
        height=height,
        sample_aspect=_pixel_aspect(file, by_kind),
        display=None,
        claims=_claims(file, by_kind),
        projection=_projection(file, track, by_kind),
        field_of_view=_field_of_view(file, by_kind),
        keyframe_distance=_keyframe_distance(file, track, stbl),
        configuration=configuration,
        first_sample=_first_sample(file, stbl),
        keyframes=tuple(_keyframes(file, track, stbl)),
        box_order=tuple(child.kind for child in children),
    )


def _pixel_aspect(file: IO[bytes], boxes: dict[str, Span]) -> Fraction | None:
    data = _bytes(file, boxes["pasp"]) if "pasp" in boxes else b""
    across, down = struct.unpack_from(">II", data) if len(data) >= 8 else (0, 0)
    return Fraction(across, down) if across and down else None


def _claims(file: IO[bytes], boxes: dict[str, Span]) -> tuple[StereoClaim, ...]:
    claims: list[StereoClaim] = []
    if "st3d" in boxes:
        mode = (_bytes(file, boxes["st3d"])[4:5] or b"\xff")[0]
        packing, swapped = _ST3D.get(mode, ("stereo", False))
        claims.append(StereoClaim("st3d", packing, swapped))
    if "vexu" in boxes:
        eyes = _find(file, boxes["vexu"], "eyes", "stri")
        bits = (_bytes(file, eyes[0])[4:5] or b"\0")[0] if eyes else 0
        packs = _find(file, boxes["vexu"], "pack", "pkin")
        word = _bytes(file, packs[0])[4:8] if packs else b""
        packing = {b"side": "side by side", b"over": "top and bottom"}.get(word, "stereo")
        claims.append(StereoClaim("vexu", packing if bits & 3 else "mono", bool(bits & 8)))
    return tuple(claims)


def _projection(file: IO[bytes], track: Span, boxes: dict[str, Span]) -> str:
    old = [box for box in _find(file, track, "uuid") if _bytes(file, box)[:16] == _SPHERICAL_V1]
    words: set[str] = {"equirectangular"} if old and "sv3d" not in boxes else set()
    if "sv3d" in boxes:
        equi = _find(file, boxes["sv3d"], "proj", "equi")
        left, right = struct.unpack_from(">II", _bytes(file, equi[0]).ljust(20, b"\0"), 12) if equi else (0, 0)
        words.add("other" if not equi else "half equirectangular" if left + right > 0x70000000 else "equirectangular")
    for kind in _find(file, boxes["vexu"], "proj", "prji") if "vexu" in boxes else []:
        known = {b"rect": "flat", b"hequ": "half equirectangular", b"equi": "equirectangular"}
        words.add(known.get(_bytes(file, kind)[4:8], "other"))
    return next(iter(words - {"flat"}), "flat") if len(words - {"flat"}) < 2 else "other"


def _field_of_view(file: IO[bytes], boxes: dict[str, Span]) -> float | None:
    data = _bytes(file, boxes["hfov"]) if "hfov" in boxes else b""
    return struct.unpack_from(">I", data)[0] / 1000 if len(data) >= 4 else None


def _keyframe_distance(file: IO[bytes], track: Span, stbl: Span) -> Fraction | None:
    timescale = _media_header(file, track)[0]
    runs = _table(file, stbl, "stts", 2)
    if not timescale or not len(runs) or int(runs[:, 0].sum()) > 1 << 26:
        return None
    times = np.concatenate([[0], np.cumsum(np.repeat(runs[:, 1], runs[:, 0]))])
    sync = _table(file, stbl, "stss", 1)
    if not _find(file, stbl, "stss"):
        return Fraction(int(runs[:, 1].max()), timescale)
    numbers = sync[:, 0] - 1
    if not len(numbers) or numbers.min() < 0 or numbers.max() >= len(times):
        return None
    gaps = np.diff(np.append(times[numbers], times[-1]))
    return Fraction(int(gaps.max(initial=0)), timescale)


def _first_sample(file: IO[bytes], stbl: Span) -> bytes:
    chunks = _chunk_table(file, stbl)
    sizes = _find(file, stbl, "stsz")
    header = _bytes(file, sizes[0]) if sizes else b""
    if not chunks or len(header) < 12:
        return b""
    common = struct.unpack_from(">I", header, 4)[0]
    size = common or (struct.unpack_from(">I", header, 12)[0] if len(header) >= 16 else 0)
    file.seek(chunks[0])
    return file.read(min(size, SAMPLE_LIMIT))


def _keyframes(file: IO[bytes], track: Span, stbl: Span) -> Iterator[bytes]:
    """How the keyframes of the first minute begin; none where the tables do not lead to them (ISO/IEC 14496-12 §8.7).

    Where each lies: the start of its chunk, and the sizes of the samples before it there.
    """
    chunks = np.array(_chunk_table(file, stbl), np.int64)
    runs = _table(file, stbl, "stsc", 3)
    sizes = _sample_sizes(file, stbl)
    if not len(chunks) or not len(runs) or not len(sizes) or runs[0, 0] != 1 or (np.diff(runs[:, 0]) <= 0).any():
        return
    run_of_chunk = np.searchsorted(runs[:, 0] - 1, np.arange(len(chunks)), side="right") - 1
    ends = np.cumsum(runs[run_of_chunk, 1])
    before = np.concatenate([[0], np.cumsum(sizes)])
    for sample in _keyframe_numbers(file, track, stbl):
        chunk = int(np.searchsorted(ends, sample, side="right"))
        if sample >= len(sizes) or chunk >= len(chunks):
            return
        begins = int(ends[chunk - 1]) if chunk else 0
        file.seek(int(chunks[chunk] + before[sample] - before[begins]))
        yield file.read(min(int(sizes[sample]), KEYFRAME_HEAD))


def _keyframe_numbers(file: IO[bytes], track: Span, stbl: Span) -> list[int]:
    """The first keyframes' numbers among the samples, from 0."""
    wanted = KEYFRAME_SECONDS * _media_header(file, track)[0]
    samples = time = 0
    for count, step in _table(file, stbl, "stts", 2).tolist():
        fitting = min(count, -(-(wanted - time) // step) if step else count)
        samples, time = samples + fitting, time + fitting * step
        if fitting < count or time >= wanted:
            break
    if not _find(file, stbl, "stss"):
        return list(range(min(samples, KEYFRAMES_AT_MOST)))
    numbers = (_table(file, stbl, "stss", 1)[:, 0] - 1).tolist()
    return [number for number in numbers if 0 <= number < samples][:KEYFRAMES_AT_MOST]


def _sample_sizes(file: IO[bytes], stbl: Span) -> npt.NDArray[np.int64]:
    found = _find(file, stbl, "stsz")
    data = _bytes(file, found[0]) if found else b""
    common, count = struct.unpack_from(">II", data, 4) if len(data) >= 12 else (0, 0)
    if common:
        return np.full(min(count, SAMPLES_AT_MOST), common, np.int64)
    return np.frombuffer(data, ">u4", min(count, (len(data) - 12) // 4), 12).astype(np.int64) if count else _NO_SIZES


def _chunk_table(file: IO[bytes], stbl: Span) -> list[int]:
    narrow = _table(file, stbl, "stco", 1)
    wide = _find(file, stbl, "co64")
    if not wide:
        return [int(value) for value in narrow[:, 0]]
    data = _bytes(file, wide[0])
    count = min(struct.unpack_from(">I", data, 4)[0], (len(data) - 8) // 8) if len(data) >= 8 else 0
    places = [int(value) for value in np.frombuffer(data, ">u8", count, 8)]
    if max(places, default=0) > 1 << 62:
        raise UnreadableError("its header points at media that are not there")
    return places


def _table(file: IO[bytes], stbl: Span, kind: str, columns: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    """A full box of a count and rows of 32-bit numbers, as int64 [rows, columns]; empty where there is none."""
    found = _find(file, stbl, kind)
    data = _bytes(file, found[0]) if found else bytes(8)
    count = struct.unpack_from(">I", data, 4)[0] if len(data) >= 8 else 0
    if len(data) < 8 + 4 * columns * count:
        raise UnreadableError(f"its table {kind} is cut short")
    return np.frombuffer(data, ">u4", columns * count, 8).astype(np.int64).reshape(count, columns)


def _media_header(file: IO[bytes], track: Span) -> tuple[int, int, str]:
    """(timescale, duration, language) of a track."""
    headers = _find(file, track, "mdia", "mdhd")
    data = _bytes(file, headers[0]) if headers else b""
    if len(data) < 24 or (data[0] == 1 and len(data) < 36):
        return 0, 0, ""
    timescale, duration, code = struct.unpack_from(">IQH" if data[0] == 1 else ">IIH", data, 20 if data[0] == 1 else 12)
    letters = "".join(chr(0x60 + (code >> shift & 31)) for shift in (10, 5, 0))
    return timescale, duration, letters if letters.isalpha() and letters != "und" else ""


def _movie_duration(file: IO[bytes], moov: Span) -> Fraction | None:
    headers = _find(file, moov, "mvhd")
    data = _bytes(file, headers[0]) if headers else b""
    if len(data) < 20 or (data[0] == 1 and len(data) < 32):
        return None
    timescale, duration = struct.unpack_from(">IQ" if data[0] == 1 else ">II", data, 20 if data[0] == 1 else 12)
    return Fraction(duration, timescale) if timescale and duration else None


def _handler(file: IO[bytes], track: Span) -> bytes:
    handlers = _find(file, track, "mdia", "hdlr")
    return _bytes(file, handlers[0])[8:12] if handlers else b""


def _entries(file: IO[bytes], track: Span) -> list[Span]:
    tables = _find(file, track, "mdia", "minf", "stbl", "stsd")
    return list(spans(file, tables[0].payload + 8, tables[0].end)) if tables else []


def _find(file: IO[bytes], parent: Span, *path: str) -> list[Span]:
    found = [parent]
    for kind in path:
        found = [child for span in found for child in spans(file, span.payload, span.end) if child.kind == kind]
    return found


def _bytes(file: IO[bytes], span: Span) -> bytes:
    if span.end - span.payload > TABLE_LIMIT:
        raise UnreadableError("its header is impossibly large")
    file.seek(span.payload)
    return _exactly(file, span.end - span.payload)


def _exactly(file: IO[bytes], size: int) -> bytes:
    data = file.read(size)
    if len(data) < size:
        raise UnreadableError("it is cut short")
    return data
