"""What to write for a layout: boxes, Matroska's stereo mode and display size, the in-stream message, the file's name.

One rule above all: a file says it in the container *or* in the stream, never in both. FFmpeg 9 stops decoding a file
whose H.264 frame-packing message repeats what a container label says.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable
from pathlib import Path

from video3d.errors import SourceError
from video3d.media import boxes, elements, faststart, matroska_messages, mp4_messages
from video3d.media.boxes import Box
from video3d.media.elements import Element, StereoLabel, VideoSize
from video3d.media.rewriting import STAGE, never_stops
from video3d.types import Layout

DEFAULT_FIELD_OF_VIEW = 60.0
"""Degrees that a flat picture fills where nobody says otherwise: a large cinema screen from a good seat."""
FORBIDDEN_IN_NAMES = '\\/:*?"<>|'
"""Characters that Windows shares and headsets' file systems refuse."""


class Projection(str, enum.Enum):
    """What shape the picture is shown on."""

    FLAT = "flat"
    VR180 = "vr180"
    """Half equirectangular: each eye's picture covers 180° × 180°."""


class Packing(str, enum.Enum):
    """How two eyes lie in one frame, for labels that only know whole halves."""

    SIDE_BY_SIDE = "side by side"
    TOP_BOTTOM = "top and bottom"


class MatroskaStereoMode(enum.IntEnum):
    """Matroska's StereoMode (RFC 9559 §5.1.4.1.28.3), the values we write."""

    LEFT_RIGHT = 1
    BOTTOM_TOP = 2
    TOP_BOTTOM = 3
    CHECKERBOARD_RL = 4
    CHECKERBOARD_LR = 5
    ROW_INTERLEAVED_RL = 6
    ROW_INTERLEAVED_LR = 7
    COL_INTERLEAVED_RL = 8
    COL_INTERLEAVED_LR = 9
    ANAGLYPH_CYAN_RED = 10
    RIGHT_LEFT = 11
    ANAGLYPH_GREEN_MAGENTA = 12

    @property
    def ffmpeg_name(self) -> str:
        """The value of FFmpeg's stream tag `stereo_mode`."""
        return self.name.lower()


_PACKINGS = {
    Layout.FULL_SBS: Packing.SIDE_BY_SIDE, Layout.HALF_SBS: Packing.SIDE_BY_SIDE,
    Layout.FULL_TAB: Packing.TOP_BOTTOM, Layout.HALF_TAB: Packing.TOP_BOTTOM, Layout.VR180: Packing.SIDE_BY_SIDE,
}

_SUFFIXES = {
    Layout.FULL_SBS: "_3D_FSBS_LRF_Full_SBS",
    Layout.HALF_SBS: "_3D_HSBS_LR",
    Layout.FULL_TAB: "_3D_FTAB_TBF_fulltb_TAB",
    Layout.HALF_TAB: "_3D_HTAB_TB",
    Layout.ANAGLYPH_DUBOIS: "_anaglyph_red-cyan",
    Layout.ANAGLYPH_HALF_COLOUR: "_anaglyph_red-cyan",
    Layout.ANAGLYPH_GREY: "_anaglyph_red-cyan_grey",
    Layout.ANAGLYPH_GREEN_MAGENTA: "_anaglyph_green-magenta",
    Layout.ANAGLYPH_AMBER_BLUE: "_anaglyph_amber-blue",
    Layout.ROW_INTERLEAVED: "_3D_row-interleaved",
    Layout.COLUMN_INTERLEAVED: "_3D_column-interleaved",
    Layout.CHECKERBOARD: "_3D_checkerboard",
    Layout.RGBD: "_RGBD",
    Layout.DEPTH: "_depth",
    Layout.LEFT_ONLY: "_left-eye",
    Layout.RIGHT_ONLY: "_right-eye",
    Layout.SEPARATE: "_left-eye",
    Layout.VR180: "_3D_180x180_LR",
}
# No player understands a name for exchanged eyes; one with SBS or TAB in it would be shown with the wrong eyes.
_SWAPPED_SUFFIXES = {
    Layout.FULL_SBS: "_3D_RL_crosseyed",
    Layout.HALF_SBS: "_3D_half_RL_crosseyed",
    Layout.FULL_TAB: "_3D_BT_right-eye-first",
    Layout.HALF_TAB: "_3D_half_BT_right-eye-first",
    Layout.VR180: "_3D_180x180_RL_crosseyed",
}
_VR180_SUFFIXES = {Packing.SIDE_BY_SIDE: "_3D_180x180_LR", Packing.TOP_BOTTOM: "_3D_180x180_TB"}

_MATROSKA = {
    Layout.FULL_SBS: MatroskaStereoMode.LEFT_RIGHT,
    Layout.HALF_SBS: MatroskaStereoMode.LEFT_RIGHT,
    Layout.VR180: MatroskaStereoMode.LEFT_RIGHT,
    Layout.FULL_TAB: MatroskaStereoMode.TOP_BOTTOM,
    Layout.HALF_TAB: MatroskaStereoMode.TOP_BOTTOM,
    Layout.ROW_INTERLEAVED: MatroskaStereoMode.ROW_INTERLEAVED_LR,
    Layout.COLUMN_INTERLEAVED: MatroskaStereoMode.COL_INTERLEAVED_LR,
    Layout.CHECKERBOARD: MatroskaStereoMode.CHECKERBOARD_LR,
    Layout.ANAGLYPH_DUBOIS: MatroskaStereoMode.ANAGLYPH_CYAN_RED,
    Layout.ANAGLYPH_HALF_COLOUR: MatroskaStereoMode.ANAGLYPH_CYAN_RED,
    Layout.ANAGLYPH_GREY: MatroskaStereoMode.ANAGLYPH_CYAN_RED,
    Layout.ANAGLYPH_GREEN_MAGENTA: MatroskaStereoMode.ANAGLYPH_GREEN_MAGENTA,
}
_MATROSKA_SWAPPED = {
    MatroskaStereoMode.LEFT_RIGHT: MatroskaStereoMode.RIGHT_LEFT,
    MatroskaStereoMode.TOP_BOTTOM: MatroskaStereoMode.BOTTOM_TOP,
    MatroskaStereoMode.ROW_INTERLEAVED_LR: MatroskaStereoMode.ROW_INTERLEAVED_RL,
    MatroskaStereoMode.COL_INTERLEAVED_LR: MatroskaStereoMode.COL_INTERLEAVED_RL,
    MatroskaStereoMode.CHECKERBOARD_LR: MatroskaStereoMode.CHECKERBOARD_RL,
}

_HALF_SPHERE = struct.pack(">4I", 0, 0, 0x3FFFFFFF, 0x3FFFFFFF)
"""Top, bottom, left and right bounds as shares of the whole sphere: a quarter is missing on the left and the right."""
_EQUIRECTANGULAR = 1

_SEI = {
    Layout.CHECKERBOARD: 0, Layout.COLUMN_INTERLEAVED: 1, Layout.ROW_INTERLEAVED: 2,
    Layout.FULL_SBS: 3, Layout.HALF_SBS: 3, Layout.FULL_TAB: 4, Layout.HALF_TAB: 4,
}


def projection_of(layout: Layout) -> Projection:
    """The shape that a layout itself stands for."""
    return Projection.VR180 if layout is Layout.VR180 else Projection.FLAT


def packing(layout: Layout) -> Packing | None:
    """Which halves hold the eyes; None where a layout has no halves."""
    return _PACKINGS.get(layout)


def name_suffix(layout: Layout, *, swapped: bool = False, projection: Projection = Projection.FLAT) -> str:
    """What goes between a file's name and its extension, so that players that trust only names show it right.

    Understood by Skybox, DeoVR, Pigasus, 4XVR, Kodi and Jellyfin. Exchanged eyes get a name that none of them takes for
    ordinary 3D, because they would show it with the wrong eyes.
    """
    if swapped and layout in _SWAPPED_SUFFIXES:
        return _SWAPPED_SUFFIXES[layout]
    if projection is Projection.VR180 and layout in _PACKINGS:
        return _VR180_SUFFIXES[_PACKINGS[layout]]
    return _SUFFIXES[layout]


def named_for(stem: str, layout: Layout, *, swapped: bool = False, projection: Projection = Projection.FLAT) -> str:
    """A file's name without extension for a layout: a suffix of ours that it already ends with is replaced."""
    ours = {*_SUFFIXES.values(), *_SWAPPED_SUFFIXES.values(), *_VR180_SUFFIXES.values()}
    old = max((suffix for suffix in ours if stem.endswith(suffix)), key=len, default="")
    return safe_name(stem.removesuffix(old) + name_suffix(layout, swapped=swapped, projection=projection))


def safe_name(name: str) -> str:
    """`name` with the characters that Windows shares and headsets refuse replaced by underscores."""
    return "".join("_" if letter in FORBIDDEN_IN_NAMES or letter < " " else letter for letter in name)


def frame_packing_message(layout: Layout, *, swapped: bool = False) -> int | None:
    """frame_packing_arrangement_type of the H.264 message (ITU-T H.264 D.2.26), as libx264's `frame-packing` takes it.

    None where there is none: libx264 cannot say that the right eye comes first.
    """
    return None if swapped else _SEI.get(layout)


def matroska_stereo_mode(layout: Layout, *, swapped: bool = False) -> MatroskaStereoMode | None:
    """Matroska's word for a layout; None where it has none."""
    mode = _MATROSKA.get(layout)
    return _MATROSKA_SWAPPED.get(mode) if swapped and mode is not None else mode


def matroska_display(layout: Layout, size: VideoSize) -> tuple[int, int] | None:
    """DisplayWidth and DisplayHeight: one eye as it is shown (RFC 9559 §18.10).

    For half and interleaved layouts that is also the whole frame's shape, so both readings of the standard agree; in
    FFmpeg's terms their sample aspect is 2:1 or 1:2. For full layouts only the standard's own reading is right.
    """
    width, height = size.pixels if size.stereo_mode or size.display is None else size.display
    if not width or not height:
        return None
    if layout in (Layout.FULL_SBS, Layout.VR180):
        return (width // 2, height)
    if layout is Layout.FULL_TAB:
        return (width, height // 2)
    return width, height


def stereo_boxes(layout: Layout, *, swapped: bool = False, projection: Projection = Projection.FLAT,
                 horizontal_field_of_view: float | None = None) -> tuple[Box, ...]:
    """The boxes of an MP4 or MOV sample entry, in the order that every reader accepts; empty for other layouts.

    `st3d` and `sv3d`: Google's Spherical Video V2. `vexu` and `hfov` (degrees): Apple's ISO base media file format and
    HEVC stereo video 0.9. `st3d` cannot say that the lower half is the left eye: it is left out there.
    """
    halves = packing(layout)
    if halves is None:
        return ()
    is_vr = Projection.VR180 in (projection, projection_of(layout))
    degrees = horizontal_field_of_view or (180.0 if is_vr else DEFAULT_FIELD_OF_VIEW)
    mode = {(Packing.SIDE_BY_SIDE, False): 2, (Packing.SIDE_BY_SIDE, True): 4, (Packing.TOP_BOTTOM, False): 1}
    google = [Box.make_full(b"st3d", bytes([mode[halves, swapped]]))] if (halves, swapped) in mode else []
    if is_vr:
        google.append(_half_equirectangular())
    eyes = Box.make(b"eyes", Box.make_full(b"stri", bytes([0b1011 if swapped else 0b0011])).raw)
    # Flat is what it means without `proj`; with `rect`, FFmpeg 9 calls the file spherical.
    shape = Box.make(b"proj", Box.make_full(b"prji", b"hequ").raw).raw if is_vr else b""
    pack = Box.make(b"pack", Box.make_full(b"pkin", b"side" if halves is Packing.SIDE_BY_SIDE else b"over").raw)
    return (*google, Box.make(b"vexu", eyes.raw + shape + pack.raw),
            Box.make(b"hfov", struct.pack(">I", round(degrees * 1000))))


def _half_equirectangular() -> Box:
    """`sv3d` of a picture that covers the front half of the sphere."""
    maker = Box.make_full(b"svhd", b"video3d\0")
    pose = Box.make_full(b"prhd", struct.pack(">3i", 0, 0, 0))
    bounds = Box.make_full(b"equi", _HALF_SPHERE)
    return Box.make(b"sv3d", maker.raw + Box.make(b"proj", pose.raw + bounds.raw).raw)


def label_mp4(source: Path, target: Path, layout: Layout, *, swapped: bool = False,
              projection: Projection = Projection.FLAT, horizontal_field_of_view: float | None = None,
              clean_stream: bool = False, check: Callable[[], None] = never_stops) -> None:
    """`source` (MP4 or MOV) to `target`, labelled, with its header in front; media bytes and all other boxes stay.

    Labels that were there are replaced; layouts without one end up with none. `clean_stream` takes frame-packing
    messages out of H.264 and HEVC pictures. Errors: `faststart.copy_with_header`.
    """
    stereo = stereo_boxes(layout, swapped=swapped, projection=projection,
                          horizontal_field_of_view=horizontal_field_of_view)
    faststart.copy_with_header(source, target, lambda moov: boxes.set_stereo_boxes(moov, stereo), check,
                               mp4_messages.without_messages if clean_stream else None)


def faststart_mp4(source: Path, target: Path, check: Callable[[], None] = never_stops) -> None:
    """`source` (MP4 or MOV) to `target` with its header in front and nothing else changed: for labels in the stream."""
    faststart.copy_with_header(source, target, lambda moov: moov, check)


def label_matroska(source: Path, target: Path, layout: Layout, *, swapped: bool = False,
                   projection: Projection = Projection.FLAT, clean_stream: bool = False,
                   check: Callable[[], None] = never_stops) -> None:
    """`source` to `target` with StereoMode, display size and projection set; frames and all other elements stay.

    Labels that were there are replaced. `clean_stream` takes frame-packing messages out of H.264 and HEVC pictures.
    See `elements.copy_with_label` for errors.
    """
    mode = matroska_stereo_mode(layout, swapped=swapped)
    shape = _matroska_projection(layout, projection)

    def choose(size: VideoSize) -> StereoLabel:
        stereo = None if mode is None else int(mode)
        return StereoLabel(stereo, matroska_display(layout, size), shape)

    elements.copy_with_label(source, target, choose, check,
                             matroska_messages.without_messages if clean_stream else None)


def _matroska_projection(layout: Layout, projection: Projection) -> Element | None:
    """Matroska's Projection (RFC 9559 §5.1.4.1.28.41): equirectangular, with the bounds of `equi`; None where flat."""
    if packing(layout) is None or Projection.VR180 not in (projection, projection_of(layout)):
        return None
    kind = elements.number_element(elements.PROJECTION_TYPE, _EQUIRECTANGULAR)
    return elements.master(elements.PROJECTION, [
        kind, Element(elements.PROJECTION_PRIVATE, struct.pack(">I", 0) + _HALF_SPHERE)])


def label(source: Path, target: Path, layout: Layout, *, swapped: bool = False,
          projection: Projection = Projection.FLAT, clean_stream: bool = False,
          check: Callable[[], None] = never_stops) -> None:
    """Label a file of either kind, whichever its first bytes say it is; SourceError for other kinds.

    `clean_stream`: see `label_mp4`. `check` is called again and again and may raise: nothing of `target` stays then.
    """
    try:
        with source.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        raise SourceError(f"{source} cannot be read ({error.strerror or error}).", stage=STAGE,
                          remedy="Check that the file exists and is readable.") from error
    if head[:4] == elements.id_bytes(elements.EBML):
        write = label_matroska
    elif head[4:8] in _MP4_STARTS:
        write = label_mp4
    else:
        raise SourceError(f"{source} is neither MP4, MOV nor Matroska: it has no place for a 3D label.", stage=STAGE,
                          remedy="Remux it to MP4 or MKV first.")
    write(source, target, layout, swapped=swapped, projection=projection, clean_stream=clean_stream, check=check)


_MP4_STARTS = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
