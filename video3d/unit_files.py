"""What a unit leaves besides its segment, and what a conversion leaves besides its result.

Both lie in the job's folder itself, one above the segments: there before the segment is, and gone with the job.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from video3d.durable import sync_file, write_text
from video3d.errors import TargetError
from video3d.settings import ConversionSettings, ViewingScreen
from video3d.stereo.comfort import CINEMA, HEADSET, MONITOR, TELEVISION, FrameComfort, comfort_report
from video3d.types import Layout

_LEFT, _RIGHT = "_left-eye", "_right-eye"
_SCREENS = {ViewingScreen.MONITOR: MONITOR, ViewingScreen.TELEVISION: TELEVISION, ViewingScreen.HEADSET: HEADSET,
            ViewingScreen.CINEMA: CINEMA}


def right_segment(segment: Path) -> Path:
    """The right eye's part of a unit, where each eye has a file of its own."""
    return segment.parent.parent / f"{segment.stem}.right.mp4"


def comfort_rows(segment: Path) -> Path:
    """The numbers of a unit's frames that the comfort report is made of."""
    return segment.parent.parent / f"{segment.stem}.comfort.json"


def write_comfort(rows: Sequence[FrameComfort], segment: Path) -> None:
    """One row of numbers for each frame of a unit."""
    write_text(comfort_rows(segment), json.dumps([row.to_row() for row in rows]))


def write_report(segments: Sequence[Path], folder: Path, settings: ConversionSettings) -> None:
    """`comfort.json` and `comfort.png` in `folder`, over all units in order; times count from the result's start."""
    from PIL import Image

    rows = [FrameComfort.from_row(row) for segment in segments
            for row in json.loads(comfort_rows(segment).read_text(encoding="utf-8"))]
    first = rows[0].seconds if rows else 0.0
    shifted = [FrameComfort.from_row([row.seconds - first, *row.to_row()[1:]]) for row in rows]
    report = comfort_report(shifted, _SCREENS[settings.output.comfort_screen])
    (folder / "comfort.json").write_text(report.to_json(), encoding="utf-8")
    Image.fromarray(report.picture()).save(folder / "comfort.png")


def files_beside(settings: ConversionSettings, target: Path) -> dict[str, Path]:
    """What a conversion to `target` leaves beside it: the finished file's name in the job's folder, and its place."""
    beside: dict[str, Path] = {}
    if settings.output.layout is Layout.SEPARATE:
        stem = target.stem.removesuffix(_LEFT)
        beside[f"right.{settings.output.container.value}"] = target.with_name(f"{stem}{_RIGHT}{target.suffix}")
    if settings.output.comfort_report:
        beside |= {f"comfort.{kind}": target.with_suffix(f".comfort.{kind}") for kind in ("json", "png")}
    return beside


def check_beside(settings: ConversionSettings, target: Path, *, overwrite: bool) -> None:
    """TargetError where a file that would lie beside `target` is there already."""
    for path in files_beside(settings, target).values():
        if path.exists() and not overwrite:
            raise TargetError(f"{path}: it is there already.", stage="target",
                              remedy="Add --overwrite, or choose another name with -o.")


def publish_beside(settings: ConversionSettings, target: Path, folder: Path, *, overwrite: bool) -> tuple[Path, ...]:
    """Bring what was made in `folder` to its place beside `target`; returns where it is. TargetError as above."""
    check_beside(settings, target, overwrite=overwrite)
    beside = files_beside(settings, target)
    for name, path in beside.items():
        sync_file(folder / name)
        (folder / name).replace(path)
    return tuple(beside.values())
