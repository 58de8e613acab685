"""Who converts the units: one after the other, or several at once. Units share nothing, so only speed changes."""

from video3d.executors.local import Opener, do_all

__all__ = ["Opener", "do_all"]
