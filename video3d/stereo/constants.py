"""Numbers that the compiled and the plain kernels share."""

from __future__ import annotations

SURFACE_JUMP = 1.5
"""Neighbours whose disparity falls by more than so many pixels belong to different surfaces."""
UNSET = -1e9
"""Stands in a shift map where nothing has landed."""

SEEN = 0
"""The source shows what this pixel sees."""
HOLE = 1
"""Disoccluded: hidden in the source by something nearer."""
BORDER_LEFT = 2
"""Beyond the source's left edge."""
BORDER_RIGHT = 3
"""Beyond the source's right edge."""
REGION = 3
"""Mask of the above."""
SEAM = 4
"""Added where the neighbour to the left or right lies on another surface."""

STRIP_SHARE = 0.5
"""A filled pixel's ground tone is the mean of a strip of the surface behind, so many pixels long per pixel of distance."""
STRIP_LONGEST = 24
HOLE_SPREAD = 0.2
"""Its standard deviation across rows, per pixel of distance to the surface behind: what lies farther in is known less."""
BORDER_SPREAD = 0.25
SPREAD_LEAST = 0.3
SPREAD_MOST = 10.0
SPREAD_TAPS = 6
"""Rows looked at to each side; where it spreads wider, in strides."""
HOLE_DETAIL = 0.7
"""How much of the mirrored surface's texture is laid over the ground tone."""
BORDER_DETAIL = 0.3
SEAM_SHARE = 0.2
"""Weight of each side neighbour where two surfaces meet: the mixed pixels of a real edge."""

TONE_REACH = 4
"""Pixels of the coarse disparity to each side in which the tones of two surfaces are measured."""
TONE_NEAR = 0.6
TONE_FAR = 0.4
"""Between these shares of the way from the farther to the nearer surface a pixel counts for neither."""
TONE_TRUST = 0.35
"""How far along that way a clear difference in luma may move the edge."""
NO_TONE = 1e6

PLATE_STRIP = 8
"""Pixels of the surface beside a hole that must look the same in another frame before that frame is trusted."""
PLATE_STRIP_LEAST = 3
NOWHERE = -1
RECALLED = -2
"""In place of a frame's slot: no frame shows the pixel; the eye made for the frame before does."""
