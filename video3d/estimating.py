"""What a conversion will take, before it begins: about how long, and about how large.

Speed comes from what the last conversion on this machine took, where there was one; size from how dense the source is.
Both are guesses for a person who wonders whether to wait, and are shown as such.
"""

from __future__ import annotations

from dataclasses import dataclass

from video3d.devices import canvas_of, limited, settled
from video3d.settings import Codec, ConversionSettings, RangeSettings
from video3d.stereo.layouts import packed_size
from video3d.video_info import VideoInfo

PIXELS_PER_SECOND = 12_000_000.0
"""Pixels of the result that one thread of a plain processor makes in a second with the built-in depth, where nothing is
known (docs/measurements.md)."""
NETWORK_SECONDS = 2.0
"""What a network takes of one such thread for a frame, where no graphics card does its work and nothing is known: four
seconds for a picture, and one for every second frame."""
DENSITY_RANGE = 0.02, 0.30
"""Bits for each pixel of a result at quality 20: what a source says of itself is kept within."""
QUALITY, QUALITY_HALVING = 20.0, 6.0
"""The quality that densities are for, and how many steps of it halve the size."""
CODEC_SHARES = {Codec.HEVC: 0.65, Codec.AV1: 0.55}
"""Against H.264 at the same quality."""
AUDIO_BITS = 160_000
"""Bits in a second of a sound track."""
WIDEST_H264 = 4096


@dataclass(frozen=True)
class Sample:
    """How a finished conversion went."""

    pixels: int
    """Of all frames of its result together."""
    seconds: float


@dataclass(frozen=True)
class Estimate:
    """What is expected."""

    seconds: float
    bytes: int
    width: int
    height: int
    """Of the result's frame."""


def estimate(info: VideoInfo, size: int, settings: ConversionSettings, threads: int,
             sample: Sample | None = None, *, is_slow: bool = False) -> Estimate:
    """For a source of `size` bytes; `sample` is of this machine and this depth model; `is_slow`: a network works on a
    processor.

    SettingsError where the device that the settings name does not play such a frame.
    """
    settings, applied = settled(info, settings)
    length = _length(info, settings.range)
    frames = length * float(info.frame_rate or 25)
    width, height = (applied.frame_width, applied.frame_height) if applied else _frame_size(info, settings)
    pixels = frames * width * height
    if sample is not None:
        seconds = pixels * sample.seconds / sample.pixels
    else:
        seconds = (pixels / PIXELS_PER_SECOND + frames * NETWORK_SECONDS * is_slow) / max(1, threads)
    bits = _video_bits(info, size, settings, width, height) + _audio_bits(info)
    return Estimate(seconds, round(length * bits / 8), width, height)


def _length(info: VideoInfo, chosen: RangeSettings) -> float:
    whole = float(info.duration or 0)
    end = min(chosen.end, whole) if chosen.end is not None else whole
    length = max(0.0, end - chosen.start)
    return length if chosen.preview is None else min(length, chosen.preview)


def _frame_size(info: VideoInfo, settings: ConversionSettings) -> tuple[int, int]:
    info = limited(info, settings)
    canvas = canvas_of(info, settings, None)
    return (2 * canvas.side, canvas.side) if canvas else packed_size(settings.output.layout, info.width, info.height)


def _video_bits(info: VideoInfo, size: int, settings: ConversionSettings, width: int, height: int) -> float:
    """Bits in a second."""
    output = settings.output
    if output.bitrate is not None:
        return output.bitrate * 1e6
    rate = float(info.frame_rate or 25)
    whole = float(info.duration or 0)
    own = size * 8 / (whole * rate * info.width * info.height) if whole else DENSITY_RANGE[1] / 2
    density = min(max(own, DENSITY_RANGE[0]), DENSITY_RANGE[1]) * 2 ** ((QUALITY - output.quality) / QUALITY_HALVING)
    codec = output.codec
    if codec is Codec.AUTO and (width > WIDEST_H264 or info.pixel_format.bit_depth > 8):
        codec = Codec.HEVC
    return density * CODEC_SHARES.get(codec, 1.0) * width * height * rate


def _audio_bits(info: VideoInfo) -> float:
    return AUDIO_BITS * sum(track.kind.value == "audio" for track in info.tracks)
