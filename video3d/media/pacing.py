"""Keeps pictures from piling up inside ffmpeg: it tells when its encoder takes one, and the next ones wait for that.

Since version 6 ffmpeg's parts are threads with queues of eight pictures between them, and no option makes these
shorter. Where the encoder is slower than what feeds it, they are full: a dozen pictures and more.
"""

from __future__ import annotations

import threading
from typing import IO

BYTES_INSIDE = 12 << 20
LEAST_INSIDE = 2
"""One on its way while the encoder takes the one before."""
FIRST_SECONDS = 1.0
"""What reads the stream may want to see more of it before the first picture gets anywhere."""
STATISTICS = ("-stats_enc_pre:v", "pipe:1", "-stats_enc_pre_fmt:v", "{n}")
"""ffmpeg's output arguments that make it write a line, at once, for every picture that its encoder is given."""


def pictures_inside(picture_bytes: int) -> int:
    """How many pictures of this size may be in ffmpeg before its encoder has them."""
    return max(LEAST_INSIDE, BYTES_INSIDE // picture_bytes)


class Pace:
    """`wait` before each picture is sent; `stop` ends all waiting, `close` waits for the stream's end."""

    def __init__(self, lines: IO[bytes], most: int) -> None:
        """`lines` brings a line for every picture that the encoder has; `most` may be on their way to it."""
        self._lines = lines
        self._most = most
        self._moved = threading.Condition()
        self._sent = 0
        self._taken = 0
        self._has_ended = False
        self._thread = threading.Thread(target=self._count, name="pace of ffmpeg", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Until one more may be sent, or the stream has ended."""
        with self._moved:
            while not self._has_ended and self._sent - self._taken >= self._most:
                if not self._moved.wait(FIRST_SECONDS) and self._taken == 0:
                    break
            self._sent += 1

    def stop(self) -> None:
        """Nobody waits any more."""
        with self._moved:
            self._has_ended = True
            self._moved.notify_all()

    def close(self) -> None:
        """Wait until the writer has closed its end."""
        self._thread.join()
        self._lines.close()

    def _count(self) -> None:
        for _ in self._lines:
            with self._moved:
                self._taken += 1
                self._moved.notify_all()
        self.stop()
