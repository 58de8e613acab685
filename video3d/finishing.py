"""Segments become the result: joined with the source's other tracks, labelled as 3D, and read back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from video3d import __version__
from video3d.deciding import Conversion
from video3d.errors import Cancelled
from video3d.media import labels
from video3d.media.joining import MuxRequest, Segment, join, write_times
from video3d.media.relabel import check_labels
from video3d.params import to_values
from video3d.planning import PlannedUnit
from video3d.presets import LabelPlace
from video3d.reporting import Reporter
from video3d.settings import ConversionSettings
from video3d.types import Layout
from video3d.unit_files import right_segment, write_report

SETTINGS_TAG = "VIDEO3D_SETTINGS"
"""Of the file as a whole; `settings_text` says what it holds."""
_OF_THIS_MACHINE = frozenset({"depth_video", "depth_cache", "device", "compile_depth"})
"""Settings that say where and with what the work was done: the result is the same, and does not tell."""


class Keeper(Protocol):
    """Where the joined file is kept while it is labelled, so that the segments need not be there any more."""

    @property
    def joined(self) -> Path | None:
        """The file, where all was joined before."""
        ...

    def keep_joined(self, joined: Path) -> Path:
        """Take it; returns where it lies now."""
        ...


def join_units(conversion: Conversion, units: Sequence[PlannedUnit], segments: Sequence[Path], folder: Path,
               reporter: Reporter, keeper: Keeper | None = None) -> Path:
    """Join the segments of all `units` in `folder`; returns the finished file, checked, still in the folder.

    What `unit_files.files_beside` names lies there too. With a `keeper` the segments go when they are joined, and what
    it has is not joined again; two files of separate eyes are joined from their segments whatever it has.
    """
    output = conversion.settings.output
    if output.layout is Layout.SEPARATE:
        keeper = None
    joined = keeper.joined if keeper is not None else None
    if joined is None:
        joined = _join(conversion, units, segments, folder, reporter)
        joined = joined if keeper is None else keeper.keep_joined(joined)
    finished = _labelled(conversion, joined, folder, reporter)
    if keeper is None:
        joined.unlink()
    if output.layout is Layout.SEPARATE:
        left = finished.rename(folder / f"left.{output.container.value}")
        joined = _join(conversion, units, [right_segment(segment) for segment in segments], folder, reporter)
        _labelled(conversion, joined, folder, reporter).rename(folder / f"right.{output.container.value}")
        joined.unlink()
        finished = left
    if output.comfort_report:
        write_report(segments, folder, conversion.settings)
    return finished


def _join(conversion: Conversion, units: Sequence[PlannedUnit], segments: Sequence[Path], folder: Path,
          reporter: Reporter) -> Path:
    info, output = conversion.info, conversion.settings.output
    base, scale = info.time_base, conversion.shared.encode.time_scale
    shown = np.concatenate([unit.own_times for unit in units])
    is_cut_out = conversion.range.start > 0
    zero = int(shown[0]) * base if is_cut_out else info.start_time
    times = folder / "times.bin"
    write_times(times, np.array([round((int(time) * base - zero) * scale) for time in shown], np.int64))
    joined = folder / f"joined.{output.container.value}"
    request = MuxRequest(
        target=str(joined), container=output.container, times=str(times), time_scale=scale,
        segments=tuple(Segment(str(path), unit.unit.frame_count) for path, unit in zip(segments, units, strict=True)),
        last_duration=max(1, round((units[-1].end - int(shown[-1])) * base * scale)),
        source=info.path, video_index=info.video_index, tracks=output.tracks, zero=zero,
        start=zero if is_cut_out else None, end=None if conversion.range.end is None else units[-1].end * base,
        chapters=info.chapters, tags=(*info.tags, (SETTINGS_TAG, settings_text(conversion.settings))),
        audio=conversion.preset.audio if conversion.preset else None,
    )
    def check(_done: int) -> None:
        if reporter.is_cancelled():
            raise Cancelled("Stopped.", stage="join")

    for notice in join(request, check):
        reporter.notice(notice)
    return joined


def settings_text(settings: ConversionSettings) -> str:
    """What a result says of how it was made: JSON with what differs from the defaults, and nothing of this machine."""
    ordinary = to_values(ConversionSettings())
    chosen = {name: value for name, value in to_values(settings).items()
              if value != ordinary[name] and name not in _OF_THIS_MACHINE and not str(value).lower().endswith(".onnx")}
    return json.dumps({"video3d": __version__, "settings": chosen}, separators=(",", ":"))


def _labelled(conversion: Conversion, joined: Path, folder: Path, reporter: Reporter) -> Path:
    """A copy that says that it is 3D, where the preset wants it said, and is read back."""
    labelled = folder / f"labelled{joined.suffix}"
    layout, swapped = conversion.settings.output.layout, conversion.settings.stereo.swap_eyes
    in_stream = conversion.preset is not None and conversion.preset.label_place is LabelPlace.STREAM

    def check() -> None:
        if reporter.is_cancelled():
            raise Cancelled("Stopped.", stage="label")

    if in_stream:
        labels.faststart_mp4(joined, labelled, check)
    else:
        labels.label(joined, labelled, layout, swapped=swapped, check=check)
    report = check_labels(labelled, layout, swapped=swapped, in_stream=in_stream)
    longest = conversion.shared.encode.key_frame_seconds
    if report.keyframe_distance is not None and report.keyframe_distance > longest + 0.1:
        reporter.notice(f"The encoder put keyframes up to {float(report.keyframe_distance):.1f} s apart instead of "
                        f"{longest:g} s: jumping to a place is slow.")
    asked, written = conversion.shared.encode.level, report.profile.rpartition(" ")[2]
    if asked and written and float(written) > float(asked):
        reporter.notice(f"The encoder wrote level {written} instead of {asked}: the device may refuse the file.")
    return labelled
