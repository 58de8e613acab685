"""A picture's file becomes pixels, in a child process with limits of memory and time, as videos do.

Pillow's decoders are C code that meets whatever somebody sends. A fault of theirs, or a file that unpacks to gigabytes,
must end a child and not the server. The size is checked before anything is decoded.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

from video3d.errors import LimitError, SourceError
from video3d.media.process import WorkerProcess

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
"""What Pillow may open: no format that names other files or runs other programs (EPS)."""
SECONDS = 30.0
MEMORY_LIMIT = 3 << 30
"""Bytes of address space: several copies of the largest picture."""
RGBPicture = npt.NDArray[np.uint8]


def read_picture(data: bytes, most_pixels: int) -> RGBPicture:
    """A picture's file as uint8 [height, width, 3], upright.

    SourceError where it is no picture, LimitError where it has more than `most_pixels`, WorkerError where it took too
    long or too much memory.
    """
    with TemporaryDirectory(prefix="video3d-picture-") as folder:
        file = Path(folder, "picture")
        file.write_bytes(data)
        arguments = {"path": str(file), "most_pixels": most_pixels}
        with WorkerProcess("picture", arguments, what="The picture", silence_limit=SECONDS,
                           memory_limit=MEMORY_LIMIT) as worker:
            message = worker.next_message()
            picture = np.empty((message["height"], message["width"], 3), np.uint8)
            worker.read_payload(picture.data.cast("B"))
            return picture


def decode_picture(path: str, most_pixels: int) -> RGBPicture:
    """What `read_picture` has its child do."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    unreadable = (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError)
    Image.MAX_IMAGE_PIXELS = None  # the limit is ours
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > most_pixels:
                raise LimitError(f"The picture has {image.width}x{image.height} pixels.", stage="preview",
                                 remedy=f"At most {most_pixels} are taken.")
            if min(image.size) < 2:
                raise SourceError("The picture is too small.", stage="preview", remedy="Take a larger one.")
            upright: Image.Image = ImageOps.exif_transpose(image) or image
            return np.asarray(upright.convert("RGB"))
    except unreadable as problem:
        told = str(problem).replace(repr(path), "it")
        raise SourceError(f"The picture cannot be read ({told}).", stage="preview",
                          remedy=f"Send one of: {', '.join(FORMATS)}.") from None
