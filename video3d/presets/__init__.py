"""What each device plays, as data, and how it turns into settings.

None of the devices was at hand when this was written: limits come from the sources named with each preset, and
`Evidence` says how sure they are. Where makers say less than players do, the smaller number is taken.
"""

from __future__ import annotations

from video3d.presets.apply import Applied, apply
from video3d.presets.model import AudioRule, CodecLimit, Evidence, LabelPlace, Preset, Reference
from video3d.presets.table import preset, presets

__all__ = [
    "Applied", "AudioRule", "CodecLimit", "Evidence", "LabelPlace", "Preset", "Reference", "apply", "preset", "presets",
]
