"""One door to every layout: eyes of one size become frames of one layout."""

from __future__ import annotations

from dataclasses import dataclass, replace

from video3d.stereo.layouts import allocate, pack, packed_format, packed_size
from video3d.stereo.vr180 import VirtualScreen, VR180Packer, natural_side
from video3d.types import FloatMap, Frame, Layout, PixelFormat, StereoFrame
from video3d.video_info import ColourTags


@dataclass(frozen=True)
class Canvas:
    """What VR180 draws the picture onto."""

    screen: VirtualScreen
    side: int
    """Pixels of each eye's square canvas, even."""

    @classmethod
    def of(cls, width: int, screen: VirtualScreen, side: int | None = None) -> Canvas:
        """For eyes `width` pixels wide; without `side`, the one on which the screen's middle keeps its resolution."""
        return cls(screen, side or natural_side(width, screen))


class Packer:
    """Packs eyes of one size and format; what does not change from frame to frame is made once."""

    def __init__(self, layout: Layout, width: int, height: int, pixel_format: PixelFormat, *, swap_eyes: bool = False,
                 colour: ColourTags | None = None, canvas: Canvas | None = None) -> None:
        """`canvas` is for VR180 alone; without it, the usual screen at its natural size."""
        self._layout = layout
        self._eye = (width, height, pixel_format)
        self._swap = swap_eyes
        self._colour = colour
        self._sphere: VR180Packer | None = None
        if layout is Layout.VR180:
            chosen = canvas or Canvas.of(width, VirtualScreen())
            self._sphere = VR180Packer(width, height, pixel_format, chosen.screen, side=chosen.side, colour=colour)

    def pack(self, stereo: StereoFrame, depth: FloatMap | None = None) -> Frame:
        """Both eyes as one frame; see `layouts.pack`. `parted` takes the frame of two files apart."""
        if self._sphere is not None:
            return self._sphere.pack(StereoFrame(stereo.right, stereo.left) if self._swap else stereo)
        width, height, pixel_format = self._eye
        return pack(stereo, self._layout, swap_eyes=self._swap, depth=depth, colour=self._colour,
                    out=allocate(self._layout, pixel_format, width, height))


def encoded_size(layout: Layout, width: int, height: int, canvas: Canvas | None = None) -> tuple[int, int]:
    """(width, height) of each file's frames, for eyes of `width` × `height`."""
    if layout is Layout.VR180:
        side = (canvas or Canvas.of(width, VirtualScreen())).side
        return 2 * side, side
    return packed_size(Layout.LEFT_ONLY if layout is Layout.SEPARATE else layout, width, height)


def encoded_format(layout: Layout, pixel_format: PixelFormat) -> PixelFormat:
    """The pixel format of each file's frames, for eyes in `pixel_format`."""
    return packed_format(layout, pixel_format)


def parted(frame: Frame, layout: Layout) -> tuple[Frame, ...]:
    """The frames of each file, in order: the left eye's and the right eye's (views) where there are two."""
    if layout is not Layout.SEPARATE:
        return (frame,)
    parts: list[Frame] = []
    for first in (True, False):
        y, u, v = (plane[:len(plane) // 2] if first else plane[len(plane) // 2:] for plane in frame.planes)
        parts.append(replace(frame, planes=(y, u, v)))
    return tuple(parts)
