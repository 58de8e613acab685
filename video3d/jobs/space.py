"""Whether the disk will hold a conversion, asked before the work begins."""

from __future__ import annotations

import shutil
from fractions import Fraction
from pathlib import Path

from video3d.errors import TargetError
from video3d.media.encoders import chosen_codec
from video3d.pipeline import Conversion
from video3d.reporting import Reporter
from video3d.settings import Codec

COPIES = 2
"""At the end the segments and the joined file lie side by side, and then that and the labelled one."""
BITS_PER_PIXEL = 0.1
"""Of H.264 at quality 20, about: from 0.02 of a still picture to 0.3 of grain."""
REFERENCE_QUALITY = 20.0
QUALITY_PER_HALF = 6.0
"""So many steps of constant quality halve the bits."""
SHARE_OF_CODEC = {Codec.HEVC: 0.6, Codec.AV1: 0.5}
LEAST_SHARE = 0.2
"""Below this part of what is expected, no content is so simple that it would fit."""
AUDIO_BITS = 200_000


def expected_bytes(conversion: Conversion) -> int | None:
    """What the result will take, about; None where the source does not say how long it is."""
    info, output, encode = conversion.info, conversion.settings.output, conversion.shared.encode
    end = conversion.range.end if conversion.range.end is not None else info.duration
    if info.duration is None or end is None:
        return None
    seconds = float(max(Fraction(0), min(end, info.duration) - conversion.range.start))
    if encode.bitrate is not None:
        video = encode.bitrate * 1e6
    else:
        share = SHARE_OF_CODEC.get(chosen_codec(encode.encoder), 1.0)
        quality = 2 ** ((REFERENCE_QUALITY - output.quality) / QUALITY_PER_HALF)
        video = BITS_PER_PIXEL * share * quality * encode.width * encode.height * float(encode.frame_rate)
    return round((video + AUDIO_BITS) * seconds / 8)


def check_space(conversion: Conversion, folder: Path, done_bytes: int, reporter: Reporter) -> None:
    """TargetError where the disk cannot hold the work; a notice where it may not. `done_bytes` lie there already."""
    expected = expected_bytes(conversion)
    if expected is None:
        return
    needed = max(0, COPIES * expected - done_bytes)
    free = shutil.disk_usage(folder).free
    is_certain = conversion.shared.encode.bitrate is not None
    if free < needed * (1.0 if is_certain else LEAST_SHARE):
        raise TargetError(f"{folder.parent}: the disk has {size_text(free)} free, and the work needs about "
                          f"{size_text(needed)}.", stage="target",
                          remedy="Free some space, choose another disk with -o, or a shorter part of the video.")
    if free < needed:
        reporter.notice(f"The disk may become full: the work needs about {size_text(needed)}, and {size_text(free)} "
                        "are free. What is finished is kept if so.")


def size_text(size: int) -> str:
    """Such as "1.3 GB"."""
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size} bytes"
