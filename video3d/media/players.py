"""What each kind of player will make of a file, in a sentence. Rules and sources: `presets/table.py`, `labels.py`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from video3d.media.file_facts import StereoClaim

WIDEST_H264 = 4096
WIDEST = 8192
_HALVES = ("side by side", "top and bottom")


@dataclass(frozen=True)
class PlayedFile:
    """What the sentences are made from."""

    container: str
    codec: str
    entry: str
    width: int
    height: int
    bit_depth: int
    projection: str
    labels: tuple[StereoClaim, ...]
    """Inside the file."""
    named: StereoClaim | None
    is_half: bool | None


def sentences(file: PlayedFile) -> Iterator[str]:
    """One for each kind of player; none for files that nobody shows in 3D."""
    shown = [claim for claim in (*file.labels, *([file.named] if file.named else [])) if claim.packing != "mono"]
    if not shown:
        return
    if all(claim.packing.startswith("anaglyph") for claim in shown):
        yield "Every player shows it as it is: wear the glasses of its colours."
        return
    yield f"Skybox, DeoVR, Pigasus and 4XVR (headsets): {_by_name(file)}{_headset_limits(file)}."
    yield f"Kodi and Jellyfin: {_by_name(file)}."
    yield f"3D televisions: {_television(file)}."
    yield f"Apple Vision Pro's own players: {_apple(file)}."
    yield f"YouTube: {_youtube(file)}."
    yield f"VLC, mpv, browsers and other flat players: {_flat(file)}."


def _by_name(file: PlayedFile) -> str:
    if file.projection != "flat" and file.named is not None:
        return "take it for VR180 by its name"
    if file.named is None:
        return "go by the name, which says nothing: choose the layout by hand"
    if file.named.swapped:
        return "no name says that the right eye comes first: choose the layout by hand"
    size = {True: "half-size ", False: "full-size ", None: ""}[file.named.is_half]
    return f"take it for {size}{file.named.packing} by its name"


def _headset_limits(file: PlayedFile) -> str:
    longest = max(file.width, file.height)
    if file.codec == "h264" and (longest > WIDEST_H264 or file.bit_depth > 8):
        return ", but their decoders refuse such H.264"
    return f", but the frame is wider than they decode ({WIDEST})" if longest > WIDEST else ""


def _television(file: PlayedFile) -> str:
    if file.codec != "h264" or max(file.width, file.height) > 1920 or file.bit_depth > 8:
        return "most cannot decode it (they want H.264 of at most 1920 × 1080)"
    if any(claim.where == "frame-packing message" for claim in file.labels):
        return "those that read the message in the stream switch to 3D by themselves"
    if file.is_half is False:
        return "show it wrongly, they want half size"
    return "stay flat until you choose the layout in their 3D menu"


def _apple(file: PlayedFile) -> str:
    if file.container not in ("MP4", "MOV"):
        return "do not open this kind of file"
    if file.codec == "hevc" and file.entry != "hvc1":
        return "show nothing, because its HEVC is not marked hvc1"
    vexu = [claim for claim in file.labels if claim.where == "vexu" and claim.packing in _HALVES]
    return ("find its vexu label; whether they show it in 3D was not tried" if vexu
            else "find no label of theirs and show both pictures flat")


def _youtube(file: PlayedFile) -> str:
    if file.projection == "half equirectangular":
        is_said = any(claim.where in ("st3d", "StereoMode") for claim in file.labels)
        return "takes it for VR180" if is_said else "shows it flat"
    if any(claim.where == "frame-packing message" for claim in file.labels) and file.is_half:
        return "takes it for 3D and offers anaglyph"
    return "shows it flat: it wants half size with a message in the stream (`--preset youtube`), or VR180"


def _flat(file: PlayedFile) -> str:
    packings = {claim.packing for claim in file.labels} | ({file.named.packing} if file.named else set[str]())
    if packings & set(_HALVES):
        return "show both pictures " + ("one above the other" if "top and bottom" in packings else "side by side")
    return "show the mixed picture as it is: only a 3D screen takes it apart"
