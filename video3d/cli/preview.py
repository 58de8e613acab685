"""`preview`, `image`: one moment of a video, or one picture, as a conversion would make it."""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from video3d.cli.arguments import DONE, Commands, add_command, add_settings, chosen_settings
from video3d.cli.shots import add_shots, chosen_shots
from video3d.console import Console
from video3d.errors import SettingsError, SourceError, TargetError
from video3d.host import Host

if TYPE_CHECKING:
    from video3d.preview import PictureFormat

VIEWS = ("original", "depth", "left-right", "anaglyph", "packed", "wiggle")


def add(commands: Commands) -> None:
    """The commands and their flags."""
    preview = add_command(commands, "preview", _preview, "make one moment of a video, as the settings would make it")
    preview.add_argument("source", type=Path, metavar="IN")
    preview.add_argument("--at", type=float, default=0.0, metavar="SECONDS", help="which moment (default: 0)")
    preview.add_argument("--size", type=int, default=1280, metavar="PIXELS",
                         help="longer side, at most (default: 1280)")
    _add_picture(preview, "left-right", "IN_preview.jpg")
    add_shots(preview)
    add_settings(preview)
    image = add_command(commands, "image", _image, "turn a picture into a stereo picture")
    image.add_argument("source", type=Path, metavar="IN", help="a JPEG, PNG, WebP, BMP, TIFF or GIF file")
    _add_picture(image, "packed", "IN_3D.jpg")
    add_settings(image)


def _add_picture(parser: argparse.ArgumentParser, view: str, name: str) -> None:
    parser.add_argument("--view", choices=VIEWS, default=view, help=f"what is shown (default: {view})")
    parser.add_argument("-o", "--output", type=Path, metavar="OUT",
                        help=f"a .jpg, .png or .webp file; of a wiggle .webp or .gif (default: {name} beside it)")
    parser.add_argument("--overwrite", action="store_true", help="replace a result that is there already")


def _preview(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    from video3d.preview import Previewer, PreviewRequest, View

    if not 0 <= chosen.at < float("inf") or not 16 <= chosen.size <= 8192:
        raise SettingsError("--at takes seconds from 0 on, --size pixels from 16 to 8192.", stage="settings",
                            remedy="Choose other numbers.")
    target, kind = _target(chosen, "_preview")
    settings, shots = chosen_settings(chosen), chosen_shots(chosen)
    if shots is not None:
        settings = shots.values_at(Fraction(chosen.at)).over(settings)
    picture = Previewer(host).picture(PreviewRequest(chosen.source, settings, chosen.at, View(chosen.view), kind,
                                                     chosen.size))
    return _written(chosen.source, target, picture.data, console)


def _image(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    from video3d.preview import View, image_picture

    target, kind = _target(chosen, "_3D")
    try:
        data = chosen.source.read_bytes()
    except OSError as problem:
        raise SourceError(f"{chosen.source}: it cannot be read ({problem.strerror or problem}).", stage="preview",
                          remedy="Check the name.") from None
    picture = image_picture(data, chosen_settings(chosen), host, view=View(chosen.view), format=kind)
    return _written(chosen.source, target, picture.data, console)


def _target(chosen: argparse.Namespace, ending: str) -> tuple[Path, PictureFormat]:
    from video3d.preview import PictureFormat

    suffix = ".webp" if chosen.view == "wiggle" else ".jpg"
    target: Path = chosen.output or chosen.source.with_name(f"{chosen.source.stem}{ending}{suffix}")
    kinds = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png", ".webp": "webp", ".gif": "gif"}
    kind = kinds.get(target.suffix.lower())
    if kind is None:
        raise SettingsError(f"-o {target}: such pictures are not written.", stage="settings",
                            remedy=f"Let the name end in one of {', '.join(kinds)}.")
    if target.exists() and not chosen.overwrite:
        raise TargetError(f"{target}: it is there already.", stage="target",
                          remedy="Add --overwrite, or choose another name with -o.")
    return target, PictureFormat(kind)


def _written(source: Path, target: Path, data: bytes, console: Console) -> int:
    write_picture(target, data)
    console.made(source, target)
    return DONE


def write_picture(target: Path, data: bytes) -> None:
    """All of it or nothing; TargetError where it cannot be written."""
    part = target.with_name(f".{target.name}.part")
    try:
        part.write_bytes(data)
        part.replace(target)
    except OSError as problem:
        part.unlink(missing_ok=True)
        raise TargetError(f"{target}: it cannot be written ({problem.strerror or problem}).", stage="target",
                          remedy="Choose another place with -o.") from None
