"""The lowest level of a codec that holds a frame size and rate.

H.264: ITU-T H.264 table A-1. HEVC: ITU-T H.265 tables A.8 and A.9, Main tier. AV1: AV1 specification annex A.3.
"""

from __future__ import annotations

import math
from fractions import Fraction

from video3d.settings import Codec

# (level, macroblocks per frame, macroblocks per second); a side may hold √(8 · macroblocks per frame).
_H264 = (
    ("1.0", 99, 1485), ("1.1", 396, 3000), ("1.2", 396, 6000), ("1.3", 396, 11880), ("2.1", 792, 19800),
    ("2.2", 1620, 20250), ("3.0", 1620, 40500), ("3.1", 3600, 108000), ("3.2", 5120, 216000), ("4.0", 8192, 245760),
    ("4.2", 8704, 522240), ("5.0", 22080, 589824), ("5.1", 36864, 983040), ("5.2", 36864, 2073600),
    ("6.0", 139264, 4177920), ("6.1", 139264, 8355840), ("6.2", 139264, 16711680),
)
# (highest level, macroblocks held)
_H264_HELD = ((1.0, 396), (1.1, 900), (2.0, 2376), (2.1, 4752), (3.0, 8100), (3.1, 18000), (3.2, 20480), (4.1, 32768),
              (4.2, 34816), (5.0, 110400), (5.2, 184320), (6.2, 696320))
# (level, luma samples per picture, luma samples per second); a side may hold √(8 · samples per picture).
_HEVC = (
    ("1.0", 36864, 552960), ("2.0", 122880, 3686400), ("2.1", 245760, 7372800), ("3.0", 552960, 16588800),
    ("3.1", 983040, 33177600), ("4.0", 2228224, 66846720), ("4.1", 2228224, 133693440), ("5.0", 8912896, 267386880),
    ("5.1", 8912896, 534773760), ("5.2", 8912896, 1069547520), ("6.0", 35651584, 1069547520),
    ("6.1", 35651584, 2139095040), ("6.2", 35651584, 4278190080),
)
# (level, luma samples per picture, widest, highest, luma samples per second shown).
_AV1 = (
    ("2.0", 147456, 2048, 1152, 4423680), ("2.1", 278784, 2816, 1584, 8363520), ("3.0", 665856, 4352, 2448, 19975680),
    ("3.1", 1065024, 5504, 3096, 31950720), ("4.0", 2359296, 6144, 3456, 70778880),
    ("4.1", 2359296, 6144, 3456, 141557760), ("5.0", 8912896, 8192, 4352, 267386880),
    ("5.1", 8912896, 8192, 4352, 534773760), ("5.2", 8912896, 8192, 4352, 1069547520),
    ("6.0", 35651584, 16384, 8704, 1069547520), ("6.1", 35651584, 16384, 8704, 2139095040),
    ("6.2", 35651584, 16384, 8704, 4278190080),
)


def lowest_level(codec: Codec, width: int, height: int, frame_rate: Fraction) -> str | None:
    """Such as "5.1"; None where no level holds the frame. ValueError for Codec.AUTO, which is no codec."""
    if codec is Codec.H264:
        across, down = -(-width // 16), -(-height // 16)
        return _lowest(_H264, across, down, frame_rate)
    if codec is Codec.HEVC:
        return _lowest(_HEVC, width, height, frame_rate)
    if codec is Codec.AV1:
        return next((level for level, picture, widest, highest, rate in _AV1
                     if width * height <= picture and width <= widest and height <= highest
                     and width * height * frame_rate <= rate), None)
    raise ValueError(f"{codec.value} is no codec with levels")


def reference_frames(level: str, width: int, height: int) -> int:
    """How many reference frames of `width` × `height` an H.264 decoder of that level holds, 1…16 (table A-1)."""
    macroblocks = -(-width // 16) * -(-height // 16)
    held = next(held for highest, held in _H264_HELD if float(level) <= highest)
    return max(1, min(16, held // macroblocks))


def _lowest(table: tuple[tuple[str, int, int], ...], width: int, height: int, frame_rate: Fraction) -> str | None:
    area = width * height
    return next((level for level, picture, rate in table
                 if area <= picture and max(width, height) <= math.isqrt(8 * picture) and area * frame_rate <= rate),
                None)
