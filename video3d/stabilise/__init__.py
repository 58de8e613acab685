"""Raw depth maps in, steady nearness out: one push/flush stage per shot.

Networks give every frame its own scale and shift and its own noise. Here each map is first fitted (scale and shift, on
pixels whose motion is trusted) to what came before it, carried along by optical flow; then averaged with it where both
agree; then mapped to 0…1 by a range that looks ahead and moves slowly. Frames without a map of their own get theirs
from the steadied maps around them.
"""

from video3d.stabilise.ranging import picture_area
from video3d.stabilise.stabiliser import (
    LOOK_AHEAD_SECONDS,
    WORKING_AREA,
    DepthStabiliser,
    blank_share,
    to_inverse_depth,
)

__all__ = ["LOOK_AHEAD_SECONDS", "WORKING_AREA", "DepthStabiliser", "blank_share", "picture_area", "to_inverse_depth"]
