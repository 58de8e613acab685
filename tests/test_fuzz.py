"""A short run of `benchmarks/fuzz.py`; the long one and its figures are in docs/measurements.md."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.skipif(sys.platform != "linux", reason="the fuzzer counts processes as Linux lists them")
def test_damaged_files_and_requests_become_sentences(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, str(ROOT / "benchmarks" / "fuzz.py"), "--files", "160", "--requests", "250",
                           "--seed", "5"], capture_output=True, text=True, timeout=240, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(done.stdout)
    outcomes = figures["files"]["outcomes"]
    assert sum(outcomes.values()) == 160
    assert outcomes["pictures"] > 10, "some are read in spite of all"
    assert outcomes["SourceError"] > 10
    assert outcomes["a picture"] > 2
    assert not [said for said in outcomes if said.startswith("unexpected")]
    assert sum(figures["requests"]["codes"].values()) == 250
