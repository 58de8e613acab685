"""The sample clip's sound: wind, a plucked tune and bounces by day; a low chord and steps at dusk."""

from __future__ import annotations

import math
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 48000
"""Samples per second."""
Samples = npt.NDArray[np.float32]


def sound(seconds: float, cut: float, seed: int) -> Samples:
    """float32 [n, 2], left and right, -1…1; the second part begins `cut` seconds in."""
    random = np.random.default_rng(seed)
    track = np.zeros((round(seconds * SAMPLE_RATE), 2), np.float32)
    tune = (220.0, 277.18, 329.63, 440.0, 369.99, 329.63, 277.18, 246.94)
    for index in range(math.ceil(cut / 0.5)):
        _add(track, 0.5 * index, _pluck(tune[index % len(tune)], 0.9), math.sin(index) * 0.6, 0.22)
    for bounce in range(1, 5):
        _add(track, cut * bounce / 4.5, _thump(90.0), -0.8 + 0.4 * bounce, 0.5)
    for step in range(math.ceil(max(0.0, seconds - cut) / 0.45)):
        _add(track, cut + 0.45 * step, _step(random), 0.5 * (-1) ** step, 0.35)
    for note, side in ((110.0, -0.5), (164.81, 0.0), (207.65, 0.5)):
        _add(track, cut, _chord(note, seconds - cut), side, 0.16)
    _add(track, 0.0, _wind(random, cut), 0.0, 0.10)
    track[:] = np.tanh(track)
    return track


def write_wave(path: Path, seconds: float, cut: float, seed: int) -> None:
    """The sound as a 16-bit WAV file."""
    samples = np.round(sound(seconds, cut, seed) * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.tobytes())


def _add(track: Samples, start: float, samples: Samples, side: float, volume: float) -> None:
    first = round(start * SAMPLE_RATE)
    room = track[first : first + len(samples)]
    angle = (min(1.0, max(-1.0, side)) + 1) * math.pi / 4
    room += samples[: len(room), None] * np.array((math.cos(angle), math.sin(angle)), np.float32) * np.float32(volume)


def _time(seconds: float) -> Samples:
    return np.arange(max(0, round(seconds * SAMPLE_RATE)), dtype=np.float32) / np.float32(SAMPLE_RATE)


def _pluck(frequency: float, seconds: float) -> Samples:
    time = _time(seconds)
    tone = sum(np.sin(2 * math.pi * frequency * part * time) / part**2 for part in (1, 2, 3, 4))
    return (tone * np.exp(-4 * time) * np.minimum(1, time * 300)).astype(np.float32)


def _thump(frequency: float) -> Samples:
    time = _time(0.25)
    return (np.sin(2 * math.pi * frequency * time * (1 - time)) * np.exp(-18 * time)).astype(np.float32)


def _step(random: np.random.Generator) -> Samples:
    time = _time(0.12)
    noise = np.convolve(random.standard_normal(len(time)), np.ones(12) / 12, mode="same")
    return (noise * np.exp(-45 * time)).astype(np.float32)


def _chord(frequency: float, seconds: float) -> Samples:
    time = _time(seconds)
    swell = np.minimum(1, time * 4) * np.clip((seconds - time) * 3, 0, 1)
    tone = np.sin(2 * math.pi * frequency * time) + 0.4 * np.sin(4 * math.pi * frequency * time)
    return (tone * swell).astype(np.float32)


def _wind(random: np.random.Generator, seconds: float) -> Samples:
    time = _time(seconds)
    if not len(time):
        return time
    noise = np.convolve(random.standard_normal(len(time)), np.ones(64) / 8, mode="same")
    return (noise * (0.6 + 0.4 * np.sin(1.3 * time)) * np.clip((seconds - time) * 8, 0, 1)).astype(np.float32)
