"""Pictures into a segment: one closed-GOP MP4 file, written by ffmpeg from a pipe."""

from __future__ import annotations

import contextlib
import queue
import subprocess
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import IO, cast

from video3d.errors import TargetError, ToolError, Video3DError
from video3d.media.encoders import EncodeRequest, encoder_arguments
from video3d.media.ffmpeg import FFmpeg
from video3d.media.pacing import STATISTICS, Pace, pictures_inside
from video3d.media.process import CREATION_FLAGS, OWN_SESSION, StreamTail, widen
from video3d.media.raw_matroska import frame_header, stream_header
from video3d.types import Frame, Plane

FRAMES_WAITING = 2
"""Enough to keep ffmpeg busy while the next frame is made."""
WAIT_SECONDS = 0.1
ENDING_SECONDS = 5.0


def segment_command(ffmpeg: FFmpeg, request: EncodeRequest, target: Path) -> list[str]:
    """The command that reads the pipe and writes `target`. A pure function."""
    return [
        ffmpeg.path, "-hide_banner", "-nostdin", "-v", "error", "-y", "-f", "matroska",
        "-thread_queue_size", "1", "-i", "pipe:0",  # a packet is a whole picture
        *ffmpeg.passthrough_arguments, "-enc_time_base", f"1/{request.time_scale}",
        *encoder_arguments(request), "-video_track_timescale", str(request.time_scale),
        "-fflags", "+bitexact", "-flags:v", "+bitexact", *(STATISTICS if ffmpeg.tells_pictures else ()), "-f", "mp4",
        f"file:{target}",
    ]


class SegmentEncoder:
    """Writes frames, in order, to one segment file. The file is there, whole, after `finish`; after `abort`, it is not.

    A thread of its own feeds the pipe, so that frames are made while ffmpeg encodes.
    """

    def __init__(self, ffmpeg: FFmpeg, request: EncodeRequest, target: Path, *, what: str = "",
                 check: Callable[[], None] = lambda: None) -> None:
        """`what` names the file in messages to the user. `check` is called while ffmpeg is waited for; it may raise."""
        self._what = what or str(target)
        self._check = check
        self._target = target
        self._part = target.with_suffix(".part.mp4")
        self._request = request
        self._process: subprocess.Popen[bytes] = subprocess.Popen(
            segment_command(ffmpeg, request, self._part), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if ffmpeg.tells_pictures else subprocess.DEVNULL, stderr=subprocess.PIPE,
            start_new_session=OWN_SESSION, creationflags=CREATION_FLAGS, bufsize=0,
        )
        self._pipe = cast("IO[bytes]", self._process.stdin)
        widen(self._pipe)
        self._errors = StreamTail(cast("IO[bytes]", self._process.stderr))
        self._picture_bytes = request.pixel_format.frame_bytes(request.width, request.height)
        self._pace = Pace(self._process.stdout, pictures_inside(self._picture_bytes)) if self._process.stdout else None
        self._failure: Exception | None = None
        self._waiting: queue.Queue[tuple[Frame, Fraction] | None] = queue.Queue(FRAMES_WAITING)
        self._thread = threading.Thread(target=self._feed, name="segment encoder")
        self._thread.start()

    def write(self, frame: Frame, time: Fraction) -> None:
        """Add a frame shown `time` seconds after the segment's first; waits while ffmpeg is behind."""
        self._put((frame, time))
        if self._failure is not None:
            raise self._explain()

    def finish(self) -> None:
        """Wait for the file to be whole; ToolError or TargetError where ffmpeg failed."""
        self._put(None)
        while self._thread.is_alive() or self._process.poll() is None:
            self._check()
            self._thread.join(WAIT_SECONDS)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(WAIT_SECONDS)
        code = self._process.wait()
        self._close_streams()
        if self._failure is not None or code != 0:
            self._part.unlink(missing_ok=True)
            raise self._explain()
        self._part.replace(self._target)

    def abort(self) -> None:
        """Stop at once and leave nothing."""
        self._process.kill()
        self._process.wait()
        if self._pace is not None:
            self._pace.stop()
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)
        while self._thread.is_alive():
            with contextlib.suppress(queue.Empty):
                self._waiting.get_nowait()
            with contextlib.suppress(queue.Full):
                self._waiting.put_nowait(None)
            self._thread.join(0.05)
        self._close_streams()
        self._part.unlink(missing_ok=True)

    def _put(self, item: tuple[Frame, Fraction] | None) -> None:
        while not self._has_taken(item):
            self._check()

    def _has_taken(self, item: tuple[Frame, Fraction] | None) -> bool:
        with contextlib.suppress(queue.Full):
            self._waiting.put(item, timeout=WAIT_SECONDS)
            return True
        return False

    def _feed(self) -> None:
        request = self._request
        self._send(stream_header(request.width, request.height, request.pixel_format, request.colour,
                                 request.frame_rate))
        while (item := self._next()) is not None:
            frame, time = item
            self._send(frame_header(time, self._picture_bytes))
            for plane in frame.planes:
                self._send(plane)
        with contextlib.suppress(OSError):
            self._pipe.close()

    def _next(self) -> tuple[Frame, Fraction] | None:
        if self._pace is not None:
            self._pace.wait()
        return self._waiting.get()

    def _close_streams(self) -> None:
        self._errors.close()
        if self._pace is not None:
            self._pace.close()

    def _send(self, data: bytes | Plane) -> None:
        try:
            view = memoryview(data) if isinstance(data, bytes) else data.data.cast("B")
            while view.nbytes and self._failure is None:
                view = view[self._pipe.write(view):]
        except (OSError, TypeError, ValueError) as problem:
            # ffmpeg is gone, or the frame is none: the queue is still emptied, so that nobody waits for ever.
            self._failure = problem
            if self._pace is not None:
                self._pace.stop()

    def _explain(self) -> Video3DError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(ENDING_SECONDS)  # the pipe broke: it is about to say why
        self._process.kill()
        code = self._process.wait()
        self._close_streams()
        text = self._errors.text.strip()
        if "No space left" in text:
            return TargetError(f"{self._target.parent}: the disk is full.", stage="encode",
                               remedy="Free some space and start the same conversion again.", details=text)
        if code < 0 and not text:
            return ToolError(f"{self._what}: ffmpeg, which encodes it, was killed (signal {-code}).", stage="encode",
                             remedy="Start the same conversion again; if nobody killed it, memory ran out.")
        last = text.splitlines()[-1].rstrip(".") if text else f"exit code {code}"
        return ToolError(f"{self._what}: ffmpeg's encoder {self._request.encoder} failed ({last}).", stage="encode",
                         remedy="Choose another --encoder, or another --codec.", details=text)
