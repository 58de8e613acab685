"""Who converts the units: one after the other, or several at once. Units share nothing, so only speed changes."""

from video3d.executors.local import do_all

__all__ = ["do_all"]
