"""A preset's word over settings: the best layout and codec that the device can decode, or a clear refusal."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from fractions import Fraction

from video3d.errors import SettingsError
from video3d.presets.levels import lowest_level
from video3d.presets.model import CodecLimit, LabelPlace, Preset
from video3d.settings import Chroma, Codec, Container, ConversionSettings, OutputSettings, Target
from video3d.types import Layout

_SIDE_BY_SIDE = (Layout.FULL_SBS, Layout.HALF_SBS)
_TOP_AND_BOTTOM = (Layout.FULL_TAB, Layout.HALF_TAB)
_NAMES = {Codec.H264: "H.264", Codec.HEVC: "HEVC", Codec.AV1: "AV1"}
_WORDS = {
    Layout.FULL_SBS: "full-size side by side", Layout.HALF_SBS: "half-size side by side",
    Layout.FULL_TAB: "full-size top and bottom", Layout.HALF_TAB: "half-size top and bottom",
}
_USUAL_RATES = (120, 60, 50, 30, 25, 24)
_MESSAGE_WRITER = "libx264"
"""The only encoder that writes the frame-packing message."""


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

    A layout, container or codec that the settings name (and that is not the default) is taken where it is one of the
    preset's. Where the source is larger than the preset's or the settings' largest eye, it is taken as it will be made:
    smaller. `frame_rate` None counts as 30 frames/s. SettingsError: the settings contradict the preset, or no layout
    and codec of the preset holds the frame; the message says what would.
    """
    rate = frame_rate or Fraction(30)
    settings = _with_limit(preset, settings, width, height)
    width, height = settings.output.limited(width, height)
    container = chosen_container(preset, settings.output)
    limits = _preferred(preset, settings.output, bit_depth)
    for layout in chosen_layouts(preset, settings.output):
        across, down = _frame_size(preset, layout, width, height)
        for limit in limits:
            level = _level(limit, across, down, rate)
            if level is not None:
                depth = min(bit_depth, limit.bit_depth)
                chosen, exchanged = _chosen(preset, settings, layout, limit.codec, container)
                notices = [*_notices(preset, settings, layout, limit, (width, height), bit_depth, rate), *exchanged]
                return Applied(chosen, preset, tuple(notices), across, down, level, depth)
    across, down = _frame_size(preset, preset.layouts[-1], width, height)
    raise SettingsError(f"{preset.label} cannot play a frame of {across} × {down} at {float(rate):g} frames/s.",
                        stage="settings", remedy=_what_would_play(preset, across, down, rate))


def _with_limit(preset: Preset, settings: ConversionSettings, width: int, height: int) -> ConversionSettings:
    """The settings with the preset's largest eye, where the source is larger."""
    if preset.eye_limit is None:
        return settings
    across, down = preset.eye_limit
    if width <= across and height <= down:
        return settings
    output = dataclasses.replace(settings.output, max_width=min(across, settings.output.max_width or across),
                                 max_height=min(down, settings.output.max_height or down))
    return dataclasses.replace(settings, output=output)


def _what_would_play(preset: Preset, across: int, down: int, rate: Fraction) -> str:
    slower = next((usual for usual in _USUAL_RATES if usual < rate
                   and any(_level(limit, across, down, Fraction(usual)) for limit in preset.codecs)), None)
    if slower is not None:
        return f"Lower its frame rate to {slower} frames/s first, or make the video smaller."
    largest = max(preset.codecs, key=lambda limit: limit.max_width * limit.max_height)
    return (f"Make the video smaller first: frames of up to {largest.max_width} × {largest.max_height} play there "
            f"({_NAMES[largest.codec]} level {largest.max_level}).")


def chosen_container(preset: Preset, output: OutputSettings) -> Container:
    """The kind of file that the preset writes; SettingsError where another one is asked for."""
    if output.container in preset.containers:
        return output.container
    if output.container is not OutputSettings.container:
        allowed = " or ".join(container.value for container in preset.containers)
        raise SettingsError(f"--preset {preset.id} and --container {output.container.value} contradict each other.",
                            stage="settings", remedy=f"{preset.label} takes {allowed}; leave one of the two out.")
    return preset.container


def chosen_layouts(preset: Preset, output: OutputSettings) -> tuple[Layout, ...]:
    """The preset's layouts in the order in which they are tried; SettingsError where another one is asked for.

    The one asked for comes first. In Matroska half size comes first where the preset has both: players on Android take
    the display size of full-size 3D for the whole frame's and squeeze it.
    """
    asked = output.layout
    if asked is not OutputSettings.layout and asked not in preset.layouts:
        allowed = ", ".join(layout.value for layout in preset.layouts)
        raise SettingsError(f"--preset {preset.id} and --layout {asked.value} contradict each other.",
                            stage="settings", remedy=f"{preset.label} takes {allowed}; leave one of the two out.")
    is_matroska = chosen_container(preset, output) is Container.MKV

    def rank(layout: Layout) -> tuple[bool, bool]:
        is_asked = layout is asked and asked is not OutputSettings.layout
        return not is_asked, is_matroska and layout in (Layout.FULL_SBS, Layout.FULL_TAB)

    return tuple(sorted(preset.layouts, key=rank))


def _frame_size(preset: Preset, layout: Layout, width: int, height: int) -> tuple[int, int]:
    if preset.canvas_side is not None:
        return 2 * preset.canvas_side, preset.canvas_side
    return frame_size(layout, width, height)


def _preferred(preset: Preset, output: OutputSettings, bit_depth: int) -> list[CodecLimit]:
    """The codec asked for first, then those that keep the bit depth, then the preset's order."""
    if preset.label_place is LabelPlace.STREAM and output.encoder not in ("auto", _MESSAGE_WRITER):
        raise SettingsError(f"--preset {preset.id} and --encoder {output.encoder} contradict each other.",
                            stage="settings", remedy=f"Leave one out: only {_MESSAGE_WRITER} writes what "
                                                     f"{preset.label} looks for.")
    return sorted(preset.codecs, key=lambda limit: (limit.codec is not output.codec, limit.bit_depth < bit_depth))


def _level(limit: CodecLimit, width: int, height: int, rate: Fraction) -> str | None:
    level = lowest_level(limit.codec, width, height, rate)
    fits = level is not None and width <= limit.max_width and height <= limit.max_height
    return level if fits and level is not None and float(level) <= float(limit.max_level) else None


def _chosen(preset: Preset, settings: ConversionSettings, layout: Layout, codec: Codec,
            container: Container) -> tuple[ConversionSettings, list[str]]:
    encoder = _MESSAGE_WRITER if preset.label_place is LabelPlace.STREAM else settings.output.encoder
    output = dataclasses.replace(settings.output, preset=Target(preset.id), layout=layout, container=container,
                                 codec=codec, encoder=encoder, chroma=Chroma.C420)
    if preset.max_megabits is not None and (output.bitrate or 0) > preset.max_megabits:
        output = dataclasses.replace(output, bitrate=preset.max_megabits)
    stereo = dataclasses.replace(settings.stereo, window=settings.stereo.window or preset.window, swap_eyes=False)
    chosen = dataclasses.replace(settings, output=output, stereo=stereo)
    if not settings.stereo.swap_eyes:
        return chosen, []
    return chosen, [f"{preset.label} expects the left eye first: the eyes are not exchanged."]


def _notices(preset: Preset, settings: ConversionSettings, layout: Layout, limit: CodecLimit,
             size: tuple[int, int], bit_depth: int, rate: Fraction) -> list[str]:
    notices: list[str] = []
    first = chosen_layouts(preset, settings.output)[0]
    if first is not preset.layouts[0] and first is not settings.output.layout:
        notices.append(f"In Matroska {_WORDS.get(first, first.value)} is written: full size is read in two ways there.")
    if layout is not first:
        across, down = frame_size(first, *size)
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
