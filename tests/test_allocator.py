"""Memory that was given back is used again."""

from __future__ import annotations

import subprocess
import sys

import pytest

from video3d.allocator import keep_freed_memory

FAULTS = """
import resource, sys
import numpy as np
if sys.argv[1] == "kept":
    from video3d.allocator import keep_freed_memory
    assert keep_freed_memory()

def turn():
    for array in [np.ones(64 << 20, np.uint8) for _ in range(3)]:
        del array

turn()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
turn()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc")
def test_arrays_made_again_fetch_no_fresh_pages() -> None:
    def faults(how: str) -> int:
        done = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True)
        return int(done.stdout)

    usual, kept = faults("usual"), faults("kept")
    assert kept * 10 < usual, (kept, usual)


def test_elsewhere_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert not keep_freed_memory()
