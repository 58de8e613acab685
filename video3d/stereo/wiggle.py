"""A moment as a small looping picture that shows the eyes by turns: depth without glasses."""

from __future__ import annotations

import enum
import io

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from video3d.stereo.anaglyph import rgb_from_yuv
from video3d.stereo.interleave import full_chroma
from video3d.types import Frame, StereoFrame
from video3d.video_info import ColourTags

RGBPicture = npt.NDArray[np.uint8]


class WiggleFormat(str, enum.Enum):
    """The kind of looping picture."""

    GIF = "gif"
    WEBP = "webp"


def wiggle(stereo: StereoFrame, kind: WiggleFormat, *, largest_side: int = 640, turn_milliseconds: int = 150,
           colour: ColourTags | None = None) -> bytes:
    """The file's bytes: left and right eye by turns, for ever, each `turn_milliseconds` long.

    The picture is made smaller where its larger side is longer than `largest_side` pixels, never larger. GIF counts
    time in hundredths of a second.
    """
    tags = colour or ColourTags()
    pictures = [to_rgb(eye, tags, largest_side) for eye in (stereo.left, stereo.right)]
    file = io.BytesIO()
    if kind is WiggleFormat.WEBP:
        first, second = (Image.fromarray(picture) for picture in pictures)
        first.save(file, "WEBP", save_all=True, append_images=[second], duration=turn_milliseconds, loop=0, quality=80)
    else:
        first, second = _shared_palette(pictures)
        first.save(file, "GIF", save_all=True, append_images=[second], duration=turn_milliseconds, loop=0, disposal=1)
    return file.getvalue()


def to_rgb(frame: Frame, tags: ColourTags, largest_side: int | None = None) -> RGBPicture:
    """`frame` as RGB uint8 [H, W, 3] by its matrix and range; gamma-coded values stay as they are.

    Made smaller (area average) where its larger side is longer than `largest_side`.
    """
    matrix = rgb_from_yuv(tags, frame.pixel_format, frame.height) * 255
    merged = cv2.merge([plane.astype(np.float32) for plane in full_chroma(frame, tags.chroma_site)])
    larger = max(frame.width, frame.height)
    if largest_side is not None and larger > largest_side:
        size = (max(1, round(frame.width * largest_side / larger)), max(1, round(frame.height * largest_side / larger)))
        merged = cv2.resize(merged, size, interpolation=cv2.INTER_AREA)
    rgb = np.asarray(cv2.transform(merged, matrix), np.float32)
    return np.rint(np.clip(rgb, 0, 255)).astype(np.uint8)


def _shared_palette(pictures: list[RGBPicture]) -> list[Image.Image]:
    """Both pictures in one palette of 256 colours, so that what does not move does not flicker."""
    both = Image.fromarray(np.concatenate(pictures)).quantize(256, Image.Quantize.MEDIANCUT)
    return [Image.fromarray(picture).quantize(palette=both, dither=Image.Dither.NONE) for picture in pictures]
