"""Raw pictures with exact times and colour tags, as a stream that every ffmpeg reads from a pipe.

A rawvideo pipe has neither times nor tags. Matroska with V_UNCOMPRESSED has both (RFC 9559): one nanosecond per tick,
one cluster per frame, a segment of unknown size.
"""

from __future__ import annotations

import struct
from fractions import Fraction

from video3d.types import PixelFormat
from video3d.video_info import ColourTags, MasteringDisplay

_UNKNOWN_SIZE = b"\x01\xff\xff\xff\xff\xff\xff\xff"
_MATRIX, _RANGE, _TRANSFER, _PRIMARIES = b"\x55\xb1", b"\x55\xb9", b"\x55\xba", b"\x55\xbb"


def stream_header(width: int, height: int, pixel_format: PixelFormat, colour: ColourTags,
                  frame_rate: Fraction | None = None) -> bytes:
    """Everything before the first frame.

    `frame_rate` is the whole clip's: without it ffmpeg guesses one for each segment from its times, encoders write it
    into their headers, and segments no longer fit together.
    """
    video = (_uint(b"\xb0", width) + _uint(b"\xba", height) + _element(b"\x2e\xb5\x24", _fourcc(pixel_format))
             + _element(b"\x55\xb0", _colour(colour)))
    duration = b"" if frame_rate is None else _uint(b"\x23\xe3\x83", round(1_000_000_000 / frame_rate))
    track = (_uint(b"\xd7", 1) + _uint(b"\x73\xc5", 1) + _uint(b"\x83", 1) + _uint(b"\x9c", 0) + duration
             + _element(b"\x86", b"V_UNCOMPRESSED") + _element(b"\xe0", video))
    kind = _element(b"\x42\x82", b"matroska") + _uint(b"\x42\x87", 4) + _uint(b"\x42\x85", 2)
    return (
        _element(b"\x1a\x45\xdf\xa3", kind) + b"\x18\x53\x80\x67" + _UNKNOWN_SIZE
        + _element(b"\x15\x49\xa9\x66", _uint(b"\x2a\xd7\xb1", 1))
        + _element(b"\x16\x54\xae\x6b", _element(b"\xae", track))
    )


def frame_header(time: Fraction, size: int) -> bytes:
    """What stands before the `size` bytes of a frame shown at `time` seconds (≥ 0): a cluster and a key-frame block."""
    stamp = _uint(b"\xe7", round(time * 1_000_000_000))
    block = b"\xa3" + _size(size + 4) + b"\x81\x00\x00\x80"
    return b"\x1f\x43\xb6\x75" + _size(len(stamp) + len(block) + size) + stamp + block


def _fourcc(pixel_format: PixelFormat) -> bytes:
    """libavcodec's tags of raw pictures."""
    shift = (pixel_format.chroma_shift_x, pixel_format.chroma_shift_y)
    if pixel_format.bit_depth == 8:
        return {(1, 1): b"I420", (1, 0): b"Y42B", (0, 0): b"444P"}[shift]
    return b"Y3" + bytes([{(1, 1): 11, (1, 0): 10, (0, 0): 0}[shift], pixel_format.bit_depth])


def _colour(colour: ColourTags) -> bytes:
    body = b""
    for identifier, code in ((_MATRIX, colour.matrix), (_TRANSFER, colour.transfer), (_PRIMARIES, colour.primaries)):
        if code != 2:
            body += _uint(identifier, code)
    if colour.full_range is not None:
        body += _uint(_RANGE, 2 if colour.full_range else 1)
    if colour.content_light is not None:
        body += _uint(b"\x55\xbc", colour.content_light.max_content)
        body += _uint(b"\x55\xbd", colour.content_light.max_average)
    if colour.mastering is not None:
        body += _element(b"\x55\xd0", _mastering(colour.mastering))
    return body


def _mastering(display: MasteringDisplay) -> bytes:
    numbers = (*display.red, *display.green, *display.blue, *display.white, display.luminance_max,
               display.luminance_min)
    return b"".join(_float(bytes([0x55, 0xD1 + index]), number) for index, number in enumerate(numbers))


def _element(identifier: bytes, body: bytes) -> bytes:
    return identifier + _size(len(body)) + body


def _uint(identifier: bytes, value: int) -> bytes:
    return _element(identifier, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def _float(identifier: bytes, value: float) -> bytes:
    return _element(identifier, struct.pack(">d", value))


def _size(length: int) -> bytes:
    return (length | 1 << 56).to_bytes(8, "big")
