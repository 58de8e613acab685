"""What a device preset changes in a conversion: settings, the encoder's limits, the canvas of VR180."""

from __future__ import annotations

from dataclasses import replace

from video3d.errors import SettingsError
from video3d.media import labels
from video3d.media.encoders import EncodeRequest, chosen_codec
from video3d.presets import Applied, LabelPlace, apply, preset
from video3d.presets.apply import chosen_container, chosen_layouts
from video3d.settings import Container, ConversionSettings
from video3d.stereo.packer import Canvas
from video3d.stereo.vr180 import VirtualScreen
from video3d.types import Layout
from video3d.video_info import VideoInfo


def settled(info: VideoInfo, settings: ConversionSettings) -> tuple[ConversionSettings, Applied | None]:
    """`settings` with the word of the preset that they name, if they do; SettingsError where it refuses the source."""
    named = settings.output.preset
    if named is None:
        return settings, None
    if settings.output.encoder != "auto":
        codec = chosen_codec(settings.output.encoder)
        settings = replace(settings, output=replace(settings.output, codec=codec))
    applied = apply(preset(named.value), settings, info.width, info.height,
                    frame_rate=info.frame_rate, bit_depth=info.pixel_format.bit_depth)
    chosen = applied.settings.output
    if chosen.encoder != "auto" and chosen_codec(chosen.encoder) is not chosen.codec:
        raise SettingsError(f"--preset {applied.preset.id} and --encoder {chosen.encoder} contradict each other.",
                            stage="settings", remedy=f"{applied.preset.label} plays this frame as {chosen.codec.value} "
                                                     "only; leave one of the two out.")
    return applied.settings, applied


def limited(info: VideoInfo, settings: ConversionSettings) -> VideoInfo:
    """The source as it is decoded: made smaller where the settings bound the size of an eye."""
    width, height = settings.output.limited(info.width, info.height)
    if (width, height) == (info.width, info.height):
        return info
    notice = f"The video is made smaller, from {info.width} × {info.height} to {width} × {height}."
    return replace(info, width=width, height=height, notices=(*info.notices, notice))


def nominal(settings: ConversionSettings) -> ConversionSettings:
    """`settings` with the layout and the container that their preset takes where the source does not matter."""
    if settings.output.preset is None:
        return settings
    chosen = preset(settings.output.preset.value)
    output = replace(settings.output, layout=chosen_layouts(chosen, settings.output)[0],
                     container=chosen_container(chosen, settings.output))
    return replace(settings, output=output)


def target_container(settings: ConversionSettings) -> Container:
    """The kind of file that will be written; SettingsError where preset and container contradict each other."""
    return nominal(settings).output.container


def canvas_of(info: VideoInfo, settings: ConversionSettings, applied: Applied | None) -> Canvas | None:
    """What VR180 draws onto; None for other layouts."""
    output = settings.output
    if output.layout is not Layout.VR180:
        return None
    screen = VirtualScreen(output.vr_screen_width, output.vr_screen_distance)
    return Canvas.of(info.width, screen, applied.preset.canvas_side if applied else None)


def for_device(wanted: EncodeRequest, applied: Applied) -> EncodeRequest:
    """`wanted` within the limits that a preset sets."""
    preset, layout = applied.preset, applied.settings.output.layout
    in_stream = preset.label_place is LabelPlace.STREAM
    return replace(
        wanted, pixel_format=replace(wanted.pixel_format, bit_depth=applied.bit_depth), level=applied.level,
        peak_megabits=preset.max_megabits, key_frame_seconds=preset.keyframe_seconds,
        frame_packing=labels.frame_packing_message(layout) if in_stream else None,
    )
