"""The sample clip: its frames, and the file."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO

from video3d.errors import TargetError, ToolError
from video3d.sample.paint import Image
from video3d.sample.scenes import Meadow, Scene, Square
from video3d.sample.sound import SAMPLE_RATE, write_wave
from video3d.sample.stage import Canvas
from video3d.types import FloatMap

DRAWN_AT_ONCE = 3
SCENE_SECONDS = 4


@dataclass(frozen=True, eq=False)
class SampleFrame:
    """A picture and its exact geometry."""

    rgb: Image
    """uint8 [H, W, 3]."""
    inverse_depth: FloatMap
    """float32 [H, W] in 1/m; 0 for the sky."""


@dataclass(frozen=True)
class SampleClip:
    """Draws the clip's frames; the same bytes for the same numbers, on any number of threads."""

    seconds: float = 8.0
    width: int = 1280
    height: int = 720
    frame_rate: int = 24
    seed: int = 3

    @property
    def frame_count(self) -> int:
        """At least two: one for each scene."""
        return max(2, round(self.seconds * self.frame_rate))

    @property
    def cut(self) -> int:
        """The first frame of the second scene."""
        return self.frame_count * 5 // 9

    @property
    def focal_length(self) -> float:
        """In pixels. With the eyes `b` metres apart a point lies `focal_length · b · inverse_depth` pixels further
        left in the right eye."""
        return self._scenes[0].camera(0.0, self.width, self.height).focal_length

    def frame(self, number: int, eye_offset: float = 0.0) -> SampleFrame:
        """Frame `number`, as seen from `eye_offset` metres to the right of the clip's camera."""
        scene, share = self._at(number)
        canvas = Canvas(scene.camera(share, self.width, self.height).moved_right(eye_offset))
        scene.draw(canvas, share)
        return SampleFrame(canvas.rgb, canvas.inverse_depth)

    def frames(self, eye_offset: float = 0.0) -> Iterator[SampleFrame]:
        """All frames in order; a few are drawn at once, ahead of the one that is taken."""
        self._scenes  # noqa: B018 - made here, not by several threads at once
        ahead: deque[Future[SampleFrame]] = deque()
        with ThreadPoolExecutor(DRAWN_AT_ONCE, "sample") as pool:
            for number in range(self.frame_count):
                ahead.append(pool.submit(self.frame, number, eye_offset))
                if len(ahead) > DRAWN_AT_ONCE:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()

    def _at(self, number: int) -> tuple[Scene, float]:
        if not 0 <= number < self.frame_count:
            raise IndexError(f"frame {number} of {self.frame_count}")
        second = number >= self.cut
        first_frame, frames = (self.cut, self.frame_count - self.cut) if second else (0, self.cut)
        # A short clip shows the beginning of each scene, at its own pace; a long one is slower.
        return self._scenes[second], (number - first_frame) / max(frames, SCENE_SECONDS * self.frame_rate)

    @cached_property
    def _scenes(self) -> tuple[Scene, Scene]:
        return Meadow(self.seed), Square(self.seed)


def write_sample(path: str | os.PathLike[str], seconds: float = 8.0, *, clip: SampleClip | None = None) -> Path:
    """Draws the clip (`clip`, or the standard one of that length) into an MP4 file: H.264 and stereo AAC.

    An existing file is replaced, at the end and at once. TargetError if it cannot be written, ToolError if ffmpeg
    fails.
    """
    target = Path(path)
    clip = clip or SampleClip(seconds)
    try:
        with tempfile.TemporaryDirectory(prefix=".sample-", dir=target.parent) as folder:
            unfinished = Path(folder, "sample.mp4")
            wave = Path(folder, "sample.wav")
            write_wave(wave, clip.frame_count / clip.frame_rate, clip.cut / clip.frame_rate, clip.seed)
            _encode(clip, wave, unfinished)
            unfinished.replace(target)
    except OSError as error:
        raise TargetError(f"The sample clip cannot be written to {target}: {error.strerror or error}.", stage="sample",
                          remedy="Name a folder that exists, that you can write to, and that has room.") from error
    return target


def _encode(clip: SampleClip, wave: Path, target: Path) -> None:
    import imageio_ffmpeg

    scaled = "scale=out_color_matrix=bt709:out_range=tv:flags=accurate_rnd+full_chroma_int,format=yuv420p"
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-nostdin",
        "-f", "rawvideo", "-pixel_format", "rgb24", "-video_size", f"{clip.width}x{clip.height}",
        "-framerate", str(clip.frame_rate), "-i", "pipe:0", "-i", str(wave),
        "-vf", f"{scaled},setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709",
        "-c:v", "libx264", "-preset", "veryfast", "-crf", "17", "-threads", "4",
        "-c:a", "aac", "-b:a", "160k", "-ar", str(SAMPLE_RATE), "-movflags", "+faststart",
        "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact", str(target),
    ]  # fmt: skip
    with tempfile.TemporaryFile() as messages:
        if _feed(command, clip, messages) != 0:
            messages.seek(0)
            text = messages.read().decode(errors="replace").strip()
            raise ToolError(f"ffmpeg could not encode the sample clip: {text}", stage="sample",
                            remedy="Unset IMAGEIO_FFMPEG_EXE, or let it name an ffmpeg with libx264.")


def _feed(command: list[str], clip: SampleClip, messages: IO[bytes]) -> int:
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=messages)
    assert process.stdin is not None
    try:
        with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
            for frame in clip.frames():
                pipe.write(frame.rgb.data)
        return process.wait()
    finally:
        process.kill()
        process.wait()
