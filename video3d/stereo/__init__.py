"""The second eye, and how two eyes share a frame."""

from __future__ import annotations

from video3d.stereo.shot import ShotSynthesizer
from video3d.stereo.synthesis import synthesize

__all__ = ["ShotSynthesizer", "synthesize"]
