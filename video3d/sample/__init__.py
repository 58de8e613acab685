"""A clip that is drawn, not filmed: something to convert, and to measure against, without a download.

Two scenes, a meadow and a square at dusk, with a moving camera, moving things that pass behind others, and sound. The
scenes have real depth: each frame comes with its exact inverse depth, and from any second camera position.
"""

from video3d.sample.clip import SampleClip, SampleFrame, write_sample

__all__ = ["SampleClip", "SampleFrame", "write_sample"]
