"""A child goes when its parent does."""

from __future__ import annotations

import subprocess
import sys

from video3d.lifeline import ORPHANED

CHILD = ("import time; from video3d.lifeline import end_with_parent; end_with_parent(); print(1, flush=True); "
         "time.sleep(60)")


def test_a_child_ends_when_the_pipe_that_its_parent_holds_does() -> None:
    with subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdout.readline()
        assert child.poll() is None
        child.stdin.close()
        assert child.wait(10) == ORPHANED
