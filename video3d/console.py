"""What the command line says, and how it is stopped: in words on a terminal, or as JSON lines for programs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Protocol

from video3d.depth.registry import DepthChoice
from video3d.depth_model import DepthModel
from video3d.errors import Video3DError
from video3d.jobs import JobResult
from video3d.media.inspect_file import FileReport
from video3d.preparing import STAGE as PREPARING
from video3d.presets import Preset, preset
from video3d.queue import JobState, JobView
from video3d.reporting import Progress, Reporter
from video3d.serial import to_json
from video3d.settings import ConversionSettings
from video3d.types import Layout
from video3d.video_info import VideoInfo

STOPPED = 130
"""Exit code after Ctrl-C."""
SECONDS_BETWEEN_LINES = 0.2
_WATCH = {
    Layout.FULL_SBS: "open it in a headset's video player (Skybox, DeoVR, 4XVR, Pigasus …) or in a 3D player on a PC, "
                     "and choose “side by side, full” if it does not do so by itself.",
    Layout.HALF_SBS: "open it on a 3D TV, in a headset's video player, in Kodi or Jellyfin, and choose “side by side” "
                     "(half) if it does not do so by itself.",
    Layout.FULL_TAB: "open it in a headset's video player and choose “top and bottom, full” if it does not do so by "
                     "itself.",
    Layout.HALF_TAB: "open it on a 3D TV or in a headset's video player, and choose “top and bottom” (half) if it does "
                     "not do so by itself.",
    Layout.ROW_INTERLEAVED: "play it unscaled, full screen, on a passive 3D screen.",
    Layout.COLUMN_INTERLEAVED: "play it unscaled, full screen, on a 3D screen with vertical stripes.",
    Layout.CHECKERBOARD: "play it unscaled, full screen, on a 3D TV with checkerboard input.",
    Layout.VR180: "open it in a VR player as 180°, side by side, or upload it to YouTube.",
    Layout.SEPARATE: "each file is one eye: give both to a program that takes two files.",
    Layout.RGBD: "open it in a player that takes colour + depth side by side.",
    Layout.DEPTH: "it is the depth alone, white = near; give it back with --depth-video after editing.",
}


class Stop:
    """Inside its `with`, Ctrl-C and a request to end set a flag; a second one ends the program at once.

    At once: children notice that we are gone and end themselves, and the job's folder stays as after a power cut.
    """

    def __init__(self) -> None:
        self._asked = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Stop:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def __call__(self) -> bool:
        """Whether the user wants to stop."""
        return self._asked

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self._asked:
            os._exit(STOPPED)
        self._asked = True


class Console(Protocol):
    """What the commands have to say."""

    def reporter(self, source: Path, stop: Stop) -> Reporter:
        """Progress of one conversion."""
        ...

    def write(self, text: str) -> None:
        """Text as it is."""
        ...

    def error(self, problem: Video3DError) -> None:
        """What went wrong."""
        ...

    def done(self, source: Path, result: JobResult) -> None:
        """Where the result is."""
        ...

    def failed(self, source: Path, problem: Video3DError, folder: Path) -> None:
        """What went wrong, and the folder to resume from."""
        ...

    def stopped(self, source: Path, folder: Path) -> None:
        """That the user stopped it."""
        ...

    def summary(self, done: int, failed: int) -> None:
        """After several videos."""
        ...

    def info(self, info: VideoInfo) -> None:
        """What a source is."""
        ...

    def models(self, models: Sequence[DepthModel], choice: DepthChoice) -> None:
        """All depth models, and the one that auto takes."""
        ...

    def report(self, report: FileReport) -> None:
        """What players make of a file."""
        ...

    def presets(self, presets: Sequence[Preset]) -> None:
        """What each device gets, why, and how that is known."""
        ...

    def made(self, source: Path, target: Path) -> None:
        """Where the picture of a moment is."""
        ...

    def job(self, view: JobView) -> None:
        """A job of the queue."""
        ...

    def written(self, file: Path, advice: str) -> None:
        """Where a file is that was asked for, and what to do with it."""
        ...


class TextConsole:
    """Plain words; a progress bar where there is a terminal."""

    def reporter(self, source: Path, stop: Stop) -> Reporter:
        """Progress of one conversion."""
        self.write(f"{source}")
        return _TextReporter(stop)

    def write(self, text: str) -> None:
        """One or more lines."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def error(self, problem: Video3DError) -> None:
        """What went wrong."""
        _clear_line()
        sys.stderr.write(f"error: {problem}\n")

    def done(self, source: Path, result: JobResult) -> None:
        """Where the result is and how to watch it."""
        del source
        _clear_line()
        rate = result.frames / result.seconds if result.seconds else 0.0
        self.write(f"  {result.frames} frames in {_clock(result.seconds)} ({rate:.1f} frames/s)\n"
                   f"  Result: {result.target}\n  To watch: {how_to_watch(result.settings)}")

    def failed(self, source: Path, problem: Video3DError, folder: Path) -> None:
        """What went wrong, and how to go on."""
        del source
        self.error(problem)
        self._tell_folder(folder)

    def stopped(self, source: Path, folder: Path) -> None:
        """That the user stopped it, and how to go on."""
        del source
        _clear_line()
        self.write("  Stopped.")
        self._tell_folder(folder)

    def summary(self, done: int, failed: int) -> None:
        """After several videos."""
        self.write(f"{done} converted, {failed} failed.")

    def info(self, info: VideoInfo) -> None:
        """What a source is."""
        self.write("\n".join(_description(info)))

    def models(self, models: Sequence[DepthModel], choice: DepthChoice) -> None:
        """All depth models, and the one that auto takes."""
        width = max(len(model.id) for model in models)
        for model in models:
            self.write(f"{model.id:{width}}  {_state(model):24} {_size(model):>8}  licence {model.licence:13} "
                       f"{model.label}")
        self.write(choice.sentence)

    def report(self, report: FileReport) -> None:
        """What players make of a file."""
        lines = [f"{report.path}: {report.container}, {report.codec}, {report.width}x{report.height}"]
        lines += [f"  {sentence}" for sentence in report.sentences]
        lines += [f"  Warning: {warning}" for warning in report.warnings]
        if report.players:
            lines += ["  What players make of it:", *(f"    {sentence}" for sentence in report.players)]
        self.write("\n".join(lines))

    def presets(self, presets: Sequence[Preset]) -> None:
        """What each device gets, why, and how that is known."""
        for each in presets:
            self.write("\n".join(_preset_lines(each)))

    def made(self, source: Path, target: Path) -> None:
        """Where the picture of a moment is."""
        del source
        self.write(f"Result: {target}")

    def written(self, file: Path, advice: str) -> None:
        """Where a file is that was asked for, and what to do with it."""
        self.write(f"{file}\n{advice}")

    def job(self, view: JobView) -> None:
        """A job of the queue, in a line or two."""
        state = view.asked.value + " soon" if view.asked else view.state.value
        words = [f"{view.id}  {state:9}  {view.display_name} → {view.target}"]
        if view.progress is not None and view.state in (JobState.RUNNING, JobState.PAUSED):
            words.append(_bar(view.progress))
        if view.error is not None:
            words.append(f"  {view.error.message} {view.error.remedy}")
        self.write("\n".join(words))

    def _tell_folder(self, folder: Path) -> None:
        if _is_there(folder):
            self.write(f"  The finished part is kept in {folder}: the same command goes on from there; "
                       "delete the folder to discard it.")


class JsonConsole:
    """One JSON object per line, each with an "event"."""

    def reporter(self, source: Path, stop: Stop) -> Reporter:
        """Progress of one conversion."""
        self._send("start", source=str(source))
        return _JsonReporter(self, source, stop)

    def write(self, text: str) -> None:
        """Text that is JSON already."""
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def error(self, problem: Video3DError) -> None:
        """What went wrong."""
        self._send("error", **_problem(problem))

    def done(self, source: Path, result: JobResult) -> None:
        """Where the result is."""
        self._send("done", source=str(source), target=str(result.target), frames=result.frames,
                   seconds=round(result.seconds, 3), how_to_watch=how_to_watch(result.settings))

    def failed(self, source: Path, problem: Video3DError, folder: Path) -> None:
        """What went wrong, and the folder to resume from."""
        kept = str(folder) if _is_there(folder) else None
        self._send("error", source=str(source), **_problem(problem), resumable=kept)

    def stopped(self, source: Path, folder: Path) -> None:
        """That the user stopped it."""
        self._send("stopped", source=str(source), resumable=str(folder) if _is_there(folder) else None)

    def summary(self, done: int, failed: int) -> None:
        """After several videos."""
        self._send("summary", done=done, failed=failed)

    def info(self, info: VideoInfo) -> None:
        """What a source is."""
        self._send("info", **to_json(info))

    def models(self, models: Sequence[DepthModel], choice: DepthChoice) -> None:
        """All depth models, and the one that auto takes."""
        for model in models:
            self._send("model", id=model.id, label=model.label, state=model.availability.value, licence=model.licence,
                       non_commercial=model.non_commercial, memory=model.memory, lacks=model.lacks,
                       location=model.location, size=sum(weights.size for weights in model.weights))
        self._send("auto", id=choice.model.id, sentence=choice.sentence)

    def report(self, report: FileReport) -> None:
        """What players make of a file."""
        self._send("report", **to_json(report))

    def presets(self, presets: Sequence[Preset]) -> None:
        """What each device gets, why, and how that is known."""
        for each in presets:
            self._send("preset", **to_json(each))

    def made(self, source: Path, target: Path) -> None:
        """Where the picture of a moment is."""
        self._send("done", source=str(source), target=str(target))

    def written(self, file: Path, advice: str) -> None:
        """Where a file is that was asked for, and what to do with it."""
        self._send("written", file=str(file), advice=advice)

    def job(self, view: JobView) -> None:
        """A job of the queue."""
        self._send("job", **view.to_json())

    def progress(self, source: Path, progress: Progress) -> None:
        """How far a conversion is."""
        self._send("progress", source=str(source), **asdict(progress))

    def notice(self, source: Path, message: str) -> None:
        """What the user should know."""
        self._send("notice", source=str(source), message=message)

    def _send(self, event: str, **values: Any) -> None:
        self.write(json.dumps({"event": event, **values}, ensure_ascii=False))


class _TextReporter:
    def __init__(self, stop: Stop) -> None:
        self._stop = stop
        self._is_terminal = sys.stdout.isatty()
        self._last = 0.0
        self._told: set[str] = set()

    def progress(self, progress: Progress) -> None:
        now = time.monotonic()
        if not self._is_terminal or now - self._last < SECONDS_BETWEEN_LINES:
            return
        self._last = now
        width = shutil.get_terminal_size().columns
        sys.stdout.write("\r" + _bar(progress)[: width - 1].ljust(width - 1))
        sys.stdout.flush()

    def notice(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            _clear_line()
            sys.stdout.write(f"  {message}\n")
            sys.stdout.flush()

    def is_cancelled(self) -> bool:
        return self._stop()


class _JsonReporter:
    def __init__(self, console: JsonConsole, source: Path, stop: Stop) -> None:
        self._console = console
        self._source = source
        self._stop = stop
        self._last = 0.0
        self._told: set[str] = set()

    def progress(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._last >= SECONDS_BETWEEN_LINES or progress.done == progress.total:
            self._last = now
            self._console.progress(self._source, progress)

    def notice(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            self._console.notice(self._source, message)

    def is_cancelled(self) -> bool:
        return self._stop()


def how_to_watch(settings: ConversionSettings) -> str:
    """One sentence on what to do with the result; what a device needs beyond that is among the conversion's notices."""
    layout = settings.output.layout
    if layout.value.startswith("anaglyph"):
        return f"play it anywhere and wear {_glasses(layout)} glasses."
    if settings.stereo.swap_eyes and layout in (Layout.FULL_SBS, Layout.HALF_SBS):
        return "play it anywhere and cross your eyes: the left picture is for the right eye."
    usual = _WATCH.get(layout, "play it in any player.")
    device = settings.output.preset
    if device is None:
        return usual
    chosen = preset(device.value)
    return f"{chosen.label}: {usual}"


def _glasses(layout: Layout) -> str:
    return {Layout.ANAGLYPH_GREEN_MAGENTA: "green-magenta", Layout.ANAGLYPH_AMBER_BLUE: "amber-blue"}.get(
        layout, "red-cyan")


def _state(model: DepthModel) -> str:
    return model.availability.value + (f", needs {model.lacks}" if model.lacks else "")


def _size(model: DepthModel) -> str:
    size = sum(weights.size for weights in model.weights)
    return f"{size / 1e6:.0f} MB" if size else ""


def _bar(progress: Progress) -> str:
    if progress.stage == "join":
        return "  joining the parts with the other tracks …"
    if progress.stage == PREPARING:
        return "  preparing …"
    if progress.stage == "download":
        counted, speed = f"{progress.done / 1e6:.0f} MB", ""
    else:
        counted = f"{progress.done}" + (f"/{progress.total}" if progress.total else "") + " frames"
        speed = f"{progress.frames_per_second:.1f} frames/s"
    left = "" if progress.seconds_left is None else f"  {_clock(progress.seconds_left)} left"
    share = min(1.0, progress.done / progress.total) if progress.total else 0.0
    filled = round(24 * share)
    return f"  [{'█' * filled}{'░' * (24 - filled)}] {share:4.0%}  {counted}  {speed}{left}"


def _clock(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d} h" if minutes >= 60 else f"{minutes}:{rest:02d} min"


def _is_there(folder: Path) -> bool:
    with suppress(OSError):  # such as a name that is too long
        return folder.exists()
    return False


def _clear_line() -> None:
    if sys.stdout.isatty():
        sys.stdout.write("\r\x1b[2K")


def _problem(problem: Video3DError) -> dict[str, str]:
    return {"type": type(problem).__name__, "stage": problem.stage, "message": problem.message,
            "remedy": problem.remedy}


def _description(info: VideoInfo) -> list[str]:
    rate = f"{float(info.frame_rate):.3f} frames/s" if info.frame_rate else "unknown frame rate"
    length = _clock(float(info.duration)) if info.duration else "unknown length"
    extras = [name for name, there in (
        (f"rotated by {info.rotation}°", info.rotation), ("mirrored", info.mirrored), ("interlaced", info.interlaced),
        (f"pixel aspect {info.sample_aspect}", info.sample_aspect != Fraction(1)),
        ("HDR" if info.colour.is_hdr else "", info.colour.is_hdr), ("transparency", info.has_alpha),
    ) if there]
    lines = [info.path, f"  {info.container}, {length}",
             f"  {info.codec}, {info.width}x{info.height}, {rate}, {info.source_pixel_format}"
             + (f" ({', '.join(extras)})" if extras else "")]
    for track in info.tracks:
        words = [track.kind.value, track.codec, track.details, track.language, track.title]
        chosen = " (converted)" if track.index == info.video_index else " (cover picture)" if track.is_cover else ""
        lines.append(f"  track {track.index}: {', '.join(word for word in words if word)}{chosen}")
    if info.chapters:
        lines.append(f"  {len(info.chapters)} chapters")
    return lines + [f"  {notice}" for notice in info.notices]


def _preset_lines(each: Preset) -> list[str]:
    limits = [f"{limit.codec.value} up to {limit.max_width} × {limit.max_height}, level {limit.max_level}, "
              f"{limit.bit_depth} bit" for limit in each.codecs]
    peak = "" if each.max_megabits is None else f"; at most {each.max_megabits:g} Mbit/s"
    sound = "every sound track is kept as it is" if not each.audio.plays else (
        f"{', '.join(each.audio.plays)} are kept, other sound becomes {each.audio.otherwise} of "
        f"{each.audio.kilobits_per_pair} kbit/s a pair of channels"
        + ("; in mkv the original follows it" if each.audio.keep_original else ""))
    layouts, files = (separator.join(member.value for member in members)
                      for separator, members in ((", else ", each.layouts), (" or ", each.containers)))
    smaller = "" if each.eye_limit is None else "; larger videos are made smaller: {} × {}".format(*each.eye_limit)
    says = f"says that it is 3D in: {each.label_place.value}; frame's sides: {each.window.value}"
    return [
        f"{each.id}: {each.label}",
        f"  {each.why}",
        f"  layout: {layouts}; file: {files}; name: {each.name_suffixes[0]}",
        f"  codec: {'; else '.join(limits)}{peak}{smaller}",
        f"  key frames at most {each.keyframe_seconds:g} s apart; {says}",
        f"  sound: {sound}",
        *([f"  to do: {each.hint}"] if each.hint else []),
        *(f"  because {reference.fact} ({reference.evidence.value}: {reference.where})"
          for reference in each.references),
    ]
