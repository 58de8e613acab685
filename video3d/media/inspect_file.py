"""What a player will make of a file: reads its structure anew, compares everything that says how it is 3D, explains.

MP4, MOV and Matroska are read here, byte by byte; of other kinds, which have no place for a label, libav says what they
are.

Knows nothing of how the file was written: its readers share no code with the editors in `boxes` and `elements`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO

from video3d.errors import SourceError
from video3d.media import frame_packing, players
from video3d.media.file_facts import FileFacts, StereoClaim, TrackFacts, UnreadableError, VideoFacts
from video3d.media.matroska_reader import read_matroska
from video3d.media.mp4_reader import read_mp4
from video3d.media.players import PlayedFile
from video3d.media.source import probe
from video3d.video_info import TrackKind

STAGE = "check"
KEYFRAME_LIMIT = Fraction(21, 10)
"""Seconds: keyframes are wanted at most 2 s apart; a tenth for frame rates that do not divide it."""
H264_WIDEST = 4096
"""The widest H.264 picture that hardware decoders take."""
FULL_SBS_ASPECT = 2.5
"""A side-by-side frame wider than this holds two unsqueezed eyes."""
FULL_TAB_ASPECT = 1.2
"""A top-and-bottom frame narrower than this holds two unsqueezed eyes."""


@dataclass(frozen=True)
class FileReport:
    """What a file is, and what a player will make of it."""

    path: str
    size_bytes: int
    container: str
    """"MP4", "MOV", "Matroska" or "WebM"."""
    brand: str
    header_first: bool
    """A player can begin before it has the whole file."""
    is_fragmented: bool
    duration: Fraction | None
    """Seconds."""
    tracks: tuple[TrackFacts, ...]
    codec: str
    """Of the main video track: "h264", "hevc", "av1" or the container's own word; empty without video."""
    entry: str
    """The container's own word, such as "hvc1"."""
    profile: str
    """Such as "High level 5.0"; empty where the file does not say."""
    width: int
    height: int
    sample_aspect: Fraction
    """Shape of one pixel of the frame, as FFmpeg understands the container."""
    display: tuple[int, int]
    """One frame as it is shown, in square pixels; in Matroska with a stereo mode, one eye."""
    projection: str
    """"flat", "half equirectangular", "equirectangular" or "other"."""
    field_of_view: float | None
    """Degrees."""
    keyframe_distance: Fraction | None
    """Longest time between keyframes in seconds; None where no table says it."""
    claims: tuple[StereoClaim, ...]
    """Everything that says how the eyes are packed, the file's name last."""
    warnings: tuple[str, ...]
    sentences: tuple[str, ...]
    """What the file is, in plain words; the warnings are not repeated here."""
    players: tuple[str, ...]
    """What each kind of player will make of it, a sentence each."""

    @property
    def labels(self) -> tuple[StereoClaim, ...]:
        """The claims inside the file, without its name."""
        return tuple(claim for claim in self.claims if claim.where != "file name")


def inspect(path: Path) -> FileReport:
    """Read and explain a file; SourceError if it is missing, damaged, or no video."""
    try:
        with path.open("rb") as file:
            facts = _read(file) or _probed(path)
        size = path.stat().st_size
    except UnreadableError as error:
        raise SourceError(f"{path} cannot be checked: {error}.", stage=STAGE,
                          remedy="Copy or convert it again.") from error
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror or error}).", stage=STAGE,
                          remedy="Check that the file exists and is readable.") from error
    return _report(path, size, facts)


def claim_of_name(stem: str) -> StereoClaim | None:
    """What players that trust names take a file's name (without extension) for; None where it says nothing."""
    words = "_" + re.sub(r"[^a-z0-9]+", "_", stem.lower()) + "_"
    if re.search(r"_(crosseyed|cross_eyed)_|_(3d|180x180)_(.*_)?(rl|bt)_", words):
        packing = "top and bottom" if "_bt_" in words else "side by side"
        return StereoClaim("file name", packing, swapped=True, is_half="_half_" in words)
    for pattern, packing, is_half in _NAME_PATTERNS:
        if re.search(pattern, words):
            return StereoClaim("file name", packing, is_half=is_half)
    return None


_NAME_PATTERNS: tuple[tuple[str, str, bool | None], ...] = (
    (r"_180x180_(lr|sbs)_|_vr180_", "side by side", None),
    (r"_180x180_(tb|ou)_", "top and bottom", None),
    (r"_(fsbs|lrf|full_sbs|fullsbs)_", "side by side", False),
    (r"_(ftab|tbf|full_tab|fulltab|fulltb|full_ou|fou)_", "top and bottom", False),
    (r"_(hsbs|half_sbs|halfsbs|lr|3dh)_", "side by side", True),
    (r"_(htab|half_tab|halftab|hou|half_ou|tb|3dv)_", "top and bottom", True),
    (r"_(sbs|side_by_side)_", "side by side", None),
    (r"_(ou|over_under)_|_3d_(.*_)?tab_", "top and bottom", None),
    (r"_anaglyph_", "anaglyph", None),
)


def _read(file: IO[bytes]) -> FileFacts | None:
    """None where it is neither MP4, MOV nor Matroska."""
    head = file.read(12)
    file.seek(0)
    if head[:4] == b"\x1aE\xdf\xa3":
        return read_matroska(file)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"):
        return read_mp4(file)
    return None


def _probed(path: Path) -> FileFacts:
    """A file of another kind, as libav reads it; SourceError where it is no video."""
    info = probe(path)
    kind = _OTHER_KINDS.get(info.container.partition(",")[0], info.container.partition(",")[0].upper())
    video = VideoFacts(
        codec=info.codec, entry=info.codec, width=info.coded_width, height=info.coded_height,
        sample_aspect=info.sample_aspect, display=None, claims=(), projection="flat", field_of_view=None,
        keyframe_distance=None, configuration=b"", first_sample=b"",
    )
    tracks = tuple(TrackFacts(_TRACK_WORDS.get(track.kind, "other"), track.codec, track.language, None)
                   for track in info.tracks)
    note = (f"{kind} has no place to say that it is 3D: MP4 and MKV have, and a video can be put into them without "
            "encoding it again.")
    return FileFacts(kind, "", header_first=True, is_fragmented=False, duration=info.duration, tracks=tracks,
                     video=video, notes=(note,))


_OTHER_KINDS = {"avi": "AVI", "mpegts": "MPEG transport stream", "mpeg": "MPEG programme stream", "gif": "GIF",
                "flv": "FLV", "asf": "WMV", "ogg": "Ogg"}
_TRACK_WORDS = {TrackKind.VIDEO: "video", TrackKind.AUDIO: "audio", TrackKind.SUBTITLE: "subtitle"}


def _report(path: Path, size: int, facts: FileFacts) -> FileReport:
    video = facts.video
    if video is None:
        raise SourceError(f"{path} holds no video.", stage=STAGE, remedy="Choose a video file.")
    messages = [frame_packing.message(video.codec, video.configuration, picture)
                for picture in video.keyframes or (video.first_sample,)]
    message = next((found for found in messages if found is not None), None)
    named = claim_of_name(path.stem)
    claims = (*video.claims, *([message] if message else []), *([named] if named else []))
    aspect = _sample_aspect(video)
    return FileReport(
        path=str(path), size_bytes=size, container=facts.container, brand=facts.brand,
        header_first=facts.header_first, is_fragmented=facts.is_fragmented, duration=facts.duration,
        tracks=facts.tracks, codec=video.codec, entry=video.entry, profile=profile_text(video),
        width=video.width, height=video.height, sample_aspect=aspect,
        display=video.display or (round(video.width * aspect), video.height), projection=video.projection,
        field_of_view=video.field_of_view, keyframe_distance=video.keyframe_distance, claims=claims,
        warnings=(*_warnings(facts, video, claims), *_message_warnings(messages)),
        sentences=(*_sentences(facts, video, claims), *_message_sentence(video, messages)),
        players=tuple(players.sentences(PlayedFile(
            facts.container, video.codec, video.entry, video.width, video.height, _bit_depth(video), video.projection,
            (*video.claims, *([message] if message else [])), named, _is_half(video, claims)))),
    )


def _sample_aspect(video: VideoFacts) -> Fraction:
    """FFmpeg's reading: Matroska's display size is one eye's."""
    if video.display is None or not video.width or not video.height:
        return video.sample_aspect or Fraction(1)
    mode = video.claims[0].packing if video.claims else ""
    across = 2 if mode in ("side by side", "column interleaved") else 1
    down = 2 if mode in ("top and bottom", "row interleaved") else 1
    return Fraction(video.display[0] * across * video.height, video.display[1] * down * video.width)


def profile_text(video: VideoFacts) -> str:
    """Profile and level from avcC, hvcC or av1C; empty where unknown."""
    data = video.configuration
    if video.codec == "h264" and len(data) > 3:
        names = {66: "Baseline", 77: "Main", 88: "Extended", 100: "High", 110: "High 10", 122: "High 4:2:2",
                 244: "High 4:4:4"}
        return f"{names.get(data[1], f'profile {data[1]}')} level {data[3] / 10:.1f}"
    if video.codec == "hevc" and len(data) > 12:
        names = {1: "Main", 2: "Main 10", 3: "Main Still Picture", 4: "Range Extensions"}
        return f"{names.get(data[1] & 31, f'profile {data[1] & 31}')} level {data[12] / 30:.1f}"
    if video.codec == "av1" and len(data) > 2:
        level = data[1] & 31
        return f"{('Main', 'High', 'Professional')[min(data[1] >> 5, 2)]} level {2 + (level >> 2)}.{level & 3}"
    return ""


def _bit_depth(video: VideoFacts) -> int:
    data = video.configuration
    if video.codec == "h264":
        return 10 if len(data) > 1 and data[1] in (110, 122) else 8
    if video.codec == "hevc":
        return 8 + (data[17] & 7) if len(data) > 17 else 8
    return 10 if video.codec == "av1" and len(data) > 2 and data[2] & 0x40 else 8


def _warnings(facts: FileFacts, video: VideoFacts, claims: tuple[StereoClaim, ...]) -> Iterator[str]:
    yield from facts.notes
    yield from _label_warnings(facts, video, claims)
    if not facts.header_first:
        yield "The header is at the end: over a network it starts only after the whole file has been read."
    if facts.is_fragmented:
        yield "It is a fragmented MP4: many headset players cannot jump in it."
    if video.entry in ("hev1", "dvhe"):
        yield f"Its HEVC is marked {video.entry}: Apple's players show nothing. It should be hvc1."
    if video.codec == "h264" and max(video.width, video.height) > H264_WIDEST:
        yield f"H.264 larger than {H264_WIDEST} pixels: no hardware decoder plays it. It should be HEVC."
    if video.codec == "h264" and video.configuration[1:2] == b"\xf4":
        yield "H.264 with 4:4:4 colour: programs on a computer play it, hardware decoders do not."
    if video.codec == "h264" and _bit_depth(video) > 8:
        yield "H.264 with 10 bit: no hardware decoder plays it. It should be HEVC."
    if video.keyframe_distance is not None and video.keyframe_distance > KEYFRAME_LIMIT:
        yield f"Keyframes are up to {float(video.keyframe_distance):.1f} s apart: jumping is slow; 2 s are usual."


def _label_warnings(facts: FileFacts, video: VideoFacts, claims: tuple[StereoClaim, ...]) -> Iterator[str]:
    where = {claim.where: claim for claim in claims}
    inside = [claim for claim in claims if claim.where != "file name"]
    said = {(claim.packing, claim.swapped) for claim in claims if claim.packing not in ("stereo", "anaglyph")}
    if len(said) > 1:
        yield "Its labels contradict each other: " + "; ".join(_quote(claim) for claim in claims) + "."
    if "frame-packing message" in where and len(inside) > 1:
        yield "It says that it is 3D both in the container and in the stream: FFmpeg 9 stops decoding such a file."
    if "vexu" in where and where["vexu"].packing == "stereo":
        yield "Its vexu box leaves the packing unsaid: FFmpeg 9 shows it as unspecified 3D."
    order = [kind for kind in video.box_order if kind in ("st3d", "vexu")]
    if order == ["vexu", "st3d"]:
        yield "Its vexu box comes before st3d: FFmpeg 8 and 9 refuse to open the file."
    if _is_half(video, claims) and facts.container in ("MP4", "MOV") and video.sample_aspect not in (None, 1):
        yield f"Its pixel aspect is {video.sample_aspect}: headset players expect 1 in a half-size 3D MP4."
    if facts.container in ("Matroska", "WebM") and inside and _is_half(video, claims) is False:
        yield ("Full-size 3D in Matroska is read in two ways: players on Android squeeze it. MP4 has no such "
               "ambiguity.")


def _message_warnings(messages: Sequence[StereoClaim | None]) -> Iterator[str]:
    found = [message for message in messages if message is not None]
    if len(set(found)) > 1:
        words = list(dict.fromkeys(_words(message) for message in found))
        yield f"Its frame-packing messages contradict each other: {' and '.join(words)}."
    if 0 < len(found) < len(messages):
        yield (f"Its frame-packing message stands at {len(found)} of the {len(messages)} keyframes looked at: "
               "televisions that go by it show the others flat.")


def _message_sentence(video: VideoFacts, messages: Sequence[StereoClaim | None]) -> Iterator[str]:
    if video.codec not in ("h264", "hevc") or not video.keyframes:
        return
    count = f"{len(messages)} keyframes" if len(messages) > 1 else "the only keyframe"
    has = "it is there" if any(messages) else "there is none"
    yield f"The frame-packing message that televisions read was looked for at {count} of the first minute: {has}."


def _is_half(video: VideoFacts, claims: tuple[StereoClaim, ...]) -> bool | None:
    """Whether the eyes are squeezed: as the name says, or else as the frame's shape suggests; None if not halves."""
    for claim in reversed(claims):
        if claim.is_half is not None and video.projection == "flat":
            return claim.is_half
    packing = claims[0].packing if claims else ""
    if not video.height or video.projection != "flat" or packing not in ("side by side", "top and bottom"):
        return None
    if video.display is not None and claims[0].where == "StereoMode":
        return Fraction(*video.display) == Fraction(video.width, video.height)
    shape = video.width / video.height
    return shape < FULL_SBS_ASPECT if packing == "side by side" else shape > FULL_TAB_ASPECT


_LABELLED_KINDS = ("MP4", "MOV", "Matroska", "WebM")


def _sentences(facts: FileFacts, video: VideoFacts, claims: tuple[StereoClaim, ...]) -> Iterator[str]:
    brand = f" ({facts.brand})" if facts.brand else ""
    profile = " " + profile_text(video) if profile_text(video) else ""
    yield (f"{facts.container}{brand}, {video.width} × {video.height}, {_codec_name(video)}{profile}"
           f"{_duration_text(facts)}{_tracks_text(facts)}.")
    inside = [claim for claim in claims if claim.where != "file name"]
    stereo = [claim for claim in inside if claim.packing != "mono"]
    if stereo:
        yield f"The file itself says that it is 3D: {'; '.join(_quote(claim) for claim in inside)}."
    elif claims:
        yield "Nothing inside the file says that it is 3D: players that read labels show it flat."
    yield _name_sentence(claims)
    yield from _shape_sentences(facts, video, claims)
    if facts.header_first and facts.container in _LABELLED_KINDS:
        yield "Its header is in front: it starts at once, over a network too."


def _name_sentence(claims: tuple[StereoClaim, ...]) -> str:
    named = [claim for claim in claims if claim.where == "file name"]
    if not claims:
        return "Neither the file nor its name says that it is 3D: every player shows it flat."
    if not named:
        return ("Its name has no hint such as _3D_HSBS_LR: players that trust only names (Skybox, DeoVR, Kodi, "
                "Jellyfin) show it flat until told otherwise.")
    if named[0].swapped:
        return "Its name says that the right eye comes first: choose the layout by hand in the player."
    return f"Players that trust names take it for {_words(named[0])}."


def _shape_sentences(facts: FileFacts, video: VideoFacts, claims: tuple[StereoClaim, ...]) -> Iterator[str]:
    if video.projection != "flat":
        yield f"Its picture is {video.projection}: it is shown all around the viewer, not on a screen."
    half = _is_half(video, claims)
    if half is None:
        return
    packing = next(claim.packing for claim in claims if claim.packing in ("side by side", "top and bottom"))
    width, height = video.width, video.height
    across, down = (2, 1) if packing == "side by side" else (1, 2)
    shown = (width, height) if half else (width // across, height // down)
    squeezed = "squeezed to half" if half else "in full size"
    yield f"Each eye is {width // across} × {height // down}, {squeezed}, and is shown as {shown[0]} × {shown[1]}."
    if facts.container in ("Matroska", "WebM") and half and video.display == (width, height):
        yield "Its display size is right for both ways in which players read Matroska."


_CODEC_NAMES = {
    "h264": "H.264", "hevc": "HEVC", "av1": "AV1", "vp08": "VP8", "V_VP8": "VP8", "vp09": "VP9", "V_VP9": "VP9",
    "mp4v": "MPEG-4", "mpeg4": "MPEG-4", "V_MPEG4/ISO/ASP": "MPEG-4", "mpeg2video": "MPEG-2", "V_MPEG2": "MPEG-2",
    "apco": "ProRes", "apcs": "ProRes", "apcn": "ProRes", "apch": "ProRes", "ap4h": "ProRes", "ap4x": "ProRes",
    "V_PRORES": "ProRes", "V_FFV1": "FFV1", "V_MS/VFW/FOURCC": "a codec of AVI files", "gif": "pictures",
}


def _codec_name(video: VideoFacts) -> str:
    name = _CODEC_NAMES.get(video.codec, video.codec)
    return f"{name} ({video.entry})" if video.codec == "hevc" and len(video.entry) == 4 else name


def _duration_text(facts: FileFacts) -> str:
    return f", {float(facts.duration):.2f} s" if facts.duration else ""


def _tracks_text(facts: FileFacts) -> str:
    counts = {kind: sum(track.kind == kind for track in facts.tracks) for kind in ("audio", "subtitle")}
    words = {"audio": "sound track", "subtitle": "subtitle track"}
    parts = [f"{count} {words[kind]}{'s' if count > 1 else ''}" for kind, count in counts.items() if count]
    return ", " + ", ".join(parts) if parts else ", no sound"


def _quote(claim: StereoClaim) -> str:
    return f"{claim.where}: {_words(claim)}"


def _words(claim: StereoClaim) -> str:
    size = {True: "half-size ", False: "full-size ", None: ""}[claim.is_half]
    order = ", right eye first" if claim.swapped else ""
    return f"{size}{claim.packing}{order}"
