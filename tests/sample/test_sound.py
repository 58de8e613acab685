from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from video3d.sample.sound import SAMPLE_RATE, sound, write_wave


def test_length_range_and_two_different_sides() -> None:
    samples = sound(2.0, 1.1, 3)
    assert samples.shape == (2 * SAMPLE_RATE, 2)
    assert 0.2 < np.abs(samples).max() <= 1
    assert np.abs(samples[:, 0] - samples[:, 1]).max() > 0.05
    for half_second in np.split(samples, 4):
        assert np.abs(half_second).max() > 0.01, "nowhere silent"


def test_comes_from_the_seed_alone() -> None:
    assert np.array_equal(sound(1.0, 0.5, 3), sound(1.0, 0.5, 3))
    assert not np.array_equal(sound(1.0, 0.5, 3), sound(1.0, 0.5, 4))


def test_the_file_holds_the_samples(tmp_path: Path) -> None:
    write_wave(tmp_path / "a.wav", 0.5, 0.25, 3)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, SAMPLE_RATE, SAMPLE_RATE // 2)
        read = np.frombuffer(file.readframes(SAMPLE_RATE), "<i2").reshape(-1, 2) / 32767
    assert np.abs(read - sound(0.5, 0.25, 3)).max() < 1e-4
