"""Labels a finished file anew without re-encoding, and checks that a file says what it should."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

from video3d.errors import SourceError, TargetError
from video3d.media import labels
from video3d.media.file_facts import StereoClaim
from video3d.media.inspect_file import FileReport, inspect
from video3d.media.labels import Projection
from video3d.media.rewriting import STAGE, removed_on_failure
from video3d.types import Layout

_MESSAGE = "frame-packing message"


def relabel(source: Path, target: Path, layout: Layout, *, swapped: bool = False,
            projection: Projection | None = None, overwrite: bool = False) -> FileReport:
    """`source` copied to `target` with the labels of `layout`; what was inside as a label is replaced.

    Frame-packing messages of H.264 and HEVC are taken out of the stream; pictures stay what they are. `projection` None
    keeps what the file says. With `overwrite` the target may be there, even be the source: it is replaced once the new
    file has passed its check. SourceError: not MP4, MOV or Matroska, damaged, or of a build that cannot be edited.
    TargetError: exists already, or cannot be written.
    """
    if target.exists() and not overwrite:
        raise TargetError(f"{target} exists already.", stage=STAGE, remedy="Choose another name.")
    before = inspect(source)
    if projection is None:
        projection = _kept(before)
    unfinished = target.with_name(f".{target.name}.part")
    with removed_on_failure(unfinished):
        labels.label(source, unfinished, layout, swapped=swapped, projection=projection, clean_stream=True)
        check_labels(unfinished, layout, swapped=swapped, projection=projection, square_pixels=False)
        try:
            os.replace(unfinished, target)  # noqa: PTH105 - Path.replace says the same, but hides that it is atomic
        except OSError as error:
            raise TargetError(f"{target} cannot be written ({error.strerror or error}).", stage=STAGE,
                              remedy="Check the permissions of the folder.") from error
    return inspect(target)


def _kept(before: FileReport) -> Projection:
    if before.projection == "flat":
        return Projection.FLAT
    if before.projection == "half equirectangular":
        return Projection.VR180
    raise SourceError(f"{before.path} is shown all around the viewer ({before.projection}); its label would be lost.",
                      stage=STAGE, remedy="Label it with a tool for 360° video, such as Google's spatial-media.")


def check_labels(path: Path, layout: Layout, *, swapped: bool = False, projection: Projection = Projection.FLAT,
                 in_stream: bool = False, square_pixels: bool = True) -> FileReport:
    """Re-read a written file; TargetError if its labels are not those of `layout`, or its header is not in front.

    `in_stream`: the label is to be the H.264 message, and the container is to say nothing. `square_pixels` False takes
    any display size in Matroska: a source with oblong pixels keeps its shape.
    """
    report = inspect(path)
    found = {claim.where: claim for claim in report.labels}
    expected = _expected(report, layout, swapped=swapped, in_stream=in_stream)
    if found != expected:
        raise _failed(path, f"it says {_words(found)} instead of {_words(expected)}")
    is_vr = (Projection.VR180 in (projection, labels.projection_of(layout))
             and labels.packing(layout) is not None and not in_stream)
    if (report.projection == "half equirectangular") is not is_vr:
        raise _failed(path, f"its picture is marked {report.projection}")
    is_shape_known = report.container == "Matroska" and square_pixels
    if is_shape_known and Fraction(*report.display) != _expected_shape(report, layout):
        raise _failed(path, f"its display size is {report.display[0]} × {report.display[1]}")
    if not report.header_first:
        raise _failed(path, "its header is not in front")
    return report


def _expected(report: FileReport, layout: Layout, *, swapped: bool, in_stream: bool) -> dict[str, StereoClaim]:
    if in_stream:
        kind = labels.frame_packing_message(layout, swapped=swapped)
        names = {0: "checkerboard", 1: "column interleaved", 2: "row interleaved", 3: "side by side",
                 4: "top and bottom"}
        return {} if kind is None else {_MESSAGE: StereoClaim(_MESSAGE, names[kind])}
    if report.container in ("Matroska", "WebM"):
        mode = labels.matroska_stereo_mode(layout, swapped=swapped)
        return {} if mode is None else {"StereoMode": StereoClaim("StereoMode", *_MATROSKA_WORDS[mode.name])}
    halves = labels.packing(layout)
    if halves is None:
        return {}
    claims = {"vexu": StereoClaim("vexu", halves.value, swapped)}
    if not (swapped and halves is labels.Packing.TOP_BOTTOM):
        claims["st3d"] = StereoClaim("st3d", halves.value, swapped)
    return claims


_MATROSKA_WORDS = {
    "LEFT_RIGHT": ("side by side", False), "RIGHT_LEFT": ("side by side", True),
    "TOP_BOTTOM": ("top and bottom", False), "BOTTOM_TOP": ("top and bottom", True),
    "CHECKERBOARD_LR": ("checkerboard", False), "CHECKERBOARD_RL": ("checkerboard", True),
    "ROW_INTERLEAVED_LR": ("row interleaved", False), "ROW_INTERLEAVED_RL": ("row interleaved", True),
    "COL_INTERLEAVED_LR": ("column interleaved", False), "COL_INTERLEAVED_RL": ("column interleaved", True),
    "ANAGLYPH_CYAN_RED": ("anaglyph cyan and red", False),
    "ANAGLYPH_GREEN_MAGENTA": ("anaglyph green and magenta", False),
}


def _expected_shape(report: FileReport, layout: Layout) -> Fraction:
    """What Matroska's display size should be: one eye as it is shown, for square pixels."""
    across, down = {Layout.FULL_SBS: (2, 1), Layout.VR180: (2, 1), Layout.FULL_TAB: (1, 2)}.get(layout, (1, 1))
    return Fraction(report.width // across, report.height // down)


def _words(claims: dict[str, StereoClaim]) -> str:
    return ", ".join(f"{claim.where}: {claim.packing}{' (right eye first)' if claim.swapped else ''}"
                     for claim in claims.values()) or "nothing"


def _failed(path: Path, what: str) -> TargetError:
    return TargetError(f"{path} did not pass its check: {what}.", stage=STAGE,
                       remedy="Please report this with the source file.")
