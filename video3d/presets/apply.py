"""A preset's word over settings: the best layout and codec that the device can decode, or a clear refusal."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from fractions import Fraction

from video3d.errors import SettingsError
from video3d.presets.levels import lowest_level
from video3d.presets.model import CodecLimit, Preset
from video3d.settings import Chroma, Codec, ConversionSettings
from video3d.types import Layout

_SIDE_BY_SIDE = (Layout.FULL_SBS, Layout.HALF_SBS)
_TOP_AND_BOTTOM = (Layout.FULL_TAB, Layout.HALF_TAB)
_NAMES = {Codec.H264: "H.264", Codec.HEVC: "HEVC", Codec.AV1: "AV1"}
_WORDS = {
    Layout.FULL_SBS: "full-size side by side", Layout.HALF_SBS: "half-size side by side",
    Layout.FULL_TAB: "full-size top and bottom", Layout.HALF_TAB: "half-size top and bottom",
}


@dataclass(frozen=True)
class Applied:
    """Settings with a preset's word in them, and what the settings have no place for."""

    settings: ConversionSettings
    preset: Preset
    notices: tuple[str, ...]
    """Plain sentences on whatever differs from the preset's first choice."""
    frame_width: int
    frame_height: int
    level: str
    """The lowest level of the codec that holds the frame."""
    bit_depth: int
    """Bits of the result: the source's, or fewer where the device cannot decode them."""


def frame_size(layout: Layout, width: int, height: int) -> tuple[int, int]:
    """(width, height) of the frame that holds two eyes of `width` × `height`: each eye's part is even."""

    def even(size: int) -> int:
        return size + size % 2

    if layout in _SIDE_BY_SIDE:
        return 2 * even(width if layout is Layout.FULL_SBS else -(-width // 2)), even(height)
    if layout in _TOP_AND_BOTTOM:
        return even(width), 2 * even(height if layout is Layout.FULL_TAB else -(-height // 2))
    return even(width), even(height)


def apply(preset: Preset, settings: ConversionSettings, width: int, height: int, *,
          frame_rate: Fraction | None = None, bit_depth: int = 8) -> Applied:
    """`settings` for a source of `width` × `height` square pixels, with the preset's layout, container and codec.

    A codec that the settings name is taken where the device decodes it. `frame_rate` None counts as 30 frames/s.
    SettingsError: no layout and codec of the preset holds the frame; the message says what would.
    """
    rate = frame_rate or Fraction(30)
    limits = _preferred(preset, settings.output.codec, bit_depth)
    for layout in preset.layouts:
        across, down = _frame_size(preset, layout, width, height)
        for limit in limits:
            level = _level(limit, across, down, rate)
            if level is not None:
                depth = min(bit_depth, limit.bit_depth)
                chosen, exchanged = _chosen(preset, settings, layout, limit.codec)
                notices = [*_notices(preset, settings, layout, limit, (width, height), bit_depth, rate), *exchanged]
                return Applied(chosen, preset, tuple(notices), across, down, level, depth)
    largest = max(preset.codecs, key=lambda limit: limit.max_width * limit.max_height)
    across, down = _frame_size(preset, preset.layouts[-1], width, height)
    raise SettingsError(
        f"{preset.label} cannot play a frame of {across} × {down} at {float(rate):g} frames/s.", stage="settings",
        remedy=f"Make the video smaller first: frames of up to {largest.max_width} × {largest.max_height} play there "
               f"({_NAMES[largest.codec]} level {largest.max_level}).")


def _frame_size(preset: Preset, layout: Layout, width: int, height: int) -> tuple[int, int]:
    if preset.canvas_side is not None:
        return 2 * preset.canvas_side, preset.canvas_side
    return frame_size(layout, width, height)


def _preferred(preset: Preset, asked: Codec, bit_depth: int) -> list[CodecLimit]:
    """The codec asked for first, then those that keep the bit depth, then the preset's order."""
    return sorted(preset.codecs, key=lambda limit: (limit.codec is not asked, limit.bit_depth < bit_depth))


def _level(limit: CodecLimit, width: int, height: int, rate: Fraction) -> str | None:
    level = lowest_level(limit.codec, width, height, rate)
    fits = level is not None and width <= limit.max_width and height <= limit.max_height
    return level if fits and level is not None and float(level) <= float(limit.max_level) else None


def _chosen(preset: Preset, settings: ConversionSettings, layout: Layout,
            codec: Codec) -> tuple[ConversionSettings, list[str]]:
    output = dataclasses.replace(settings.output, layout=layout, container=preset.container, codec=codec,
                                 chroma=Chroma.C420, tracks=preset.tracks)
    if preset.max_megabits is not None and (output.bitrate or 0) > preset.max_megabits:
        output = dataclasses.replace(output, bitrate=preset.max_megabits)
    if not settings.stereo.swap_eyes:
        return dataclasses.replace(settings, output=output), []
    stereo = dataclasses.replace(settings.stereo, swap_eyes=False)
    return dataclasses.replace(settings, output=output, stereo=stereo), [
        f"{preset.label} expects the left eye first: the eyes are not exchanged."]


def _notices(preset: Preset, settings: ConversionSettings, layout: Layout, limit: CodecLimit,
             size: tuple[int, int], bit_depth: int, rate: Fraction) -> list[str]:
    notices: list[str] = []
    if layout is not preset.layouts[0]:
        across, down = frame_size(preset.layouts[0], *size)
        notices.append(f"A frame of {across} × {down} at {float(rate):g} frames/s is more than {preset.label} plays: "
                       f"{_WORDS.get(layout, layout.value)} is written instead.")
    asked = settings.output.codec if settings.output.codec is not Codec.AUTO else preset.codecs[0].codec
    if limit.codec is not asked:
        notices.append(f"{_NAMES[limit.codec]} is written instead of {_NAMES[asked]}: {preset.label} does not play "
                       "this frame otherwise.")
    if limit.bit_depth < bit_depth:
        notices.append(f"{preset.label} plays {limit.bit_depth} bit: the source's {bit_depth} bit are reduced.")
    if preset.frame_aspect is not None:
        across, down = frame_size(layout, *size)
        if abs(across * preset.frame_aspect[1] - down * preset.frame_aspect[0]) > 2 * preset.frame_aspect[0]:
            notices.append(f"{preset.label} expects a frame of {preset.frame_aspect[0]}:{preset.frame_aspect[1]}; this "
                           f"one is {across} × {down}. Add bars to the source first, or it may not be shown in 3D.")
    if preset.hint:
        notices.append(preset.hint)
    return notices
