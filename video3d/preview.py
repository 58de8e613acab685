"""One moment of a video, or one picture, as a conversion would make it: seconds instead of a whole conversion."""

from __future__ import annotations

import enum
import io
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from video3d import pipeline
from video3d.converting import disparity_settings
from video3d.depth.picture import small_rgb
from video3d.errors import SettingsError, SourceError
from video3d.host import Host
from video3d.media.pictures import RGBPicture, read_picture
from video3d.media.source import BothReader, FrameReader, SmallPicture, probe
from video3d.motion import MotionEstimator, flow_size, small_grey
from video3d.nearness import NearnessStage, Taken
from video3d.pipeline import Conversion
from video3d.planning import PlannedRange, PlannedUnit, Planner
from video3d.preparing import prepare
from video3d.reporting import Reporter, SilentReporter
from video3d.settings import ConversionSettings
from video3d.stereo import ShotSynthesizer
from video3d.stereo.anaglyph import ANAGLYPHS
from video3d.stereo.disparity import DisparityDesigner
from video3d.stereo.layouts import with_floating_window
from video3d.stereo.packer import Packer
from video3d.stereo.wiggle import WiggleFormat, wiggle
from video3d.types import FloatMap, Frame, Layout, PixelFormat, Plane, StereoFrame
from video3d.video_info import ColourTags, VideoInfo

LEAD_FRAMES = 6
"""Frames before the moment that the stages which remember are shown."""
TAIL_FRAMES = 4
"""Frames after it: what they see behind things."""
MOMENTS_KEPT = 4
"""Moments whose depth is remembered: other settings of the second eye then take no second look at the video."""


class View(str, enum.Enum):
    """What is shown of a moment."""

    ORIGINAL = "original"
    DEPTH = "depth"
    """Grey: white is near."""
    LEFT_RIGHT = "left-right"
    """Both eyes side by side, whatever the layout."""
    ANAGLYPH = "anaglyph"
    """The layout's own where that is an anaglyph, else red-cyan (Dubois)."""
    PACKED = "packed"
    """The frame in the settings' layout."""
    WIGGLE = "wiggle"
    """A looping picture that shows the eyes by turns."""


class PictureFormat(str, enum.Enum):
    """The kind of picture."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"
    GIF = "gif"
    """Of a wiggle only."""


@dataclass(frozen=True)
class PreviewRequest:
    """Which moment, seen how."""

    source: Path
    settings: ConversionSettings
    moment: float = 0.0
    """Seconds from the start of the video; the last frame where it ends before."""
    view: View = View.LEFT_RIGHT
    format: PictureFormat = PictureFormat.JPEG
    largest_side: int = 1280
    """Pixels of the picture's longer side, at most."""


@dataclass(frozen=True)
class Picture:
    """A picture's file."""

    data: bytes
    format: PictureFormat

    @property
    def media_type(self) -> str:
        """For HTTP."""
        return f"image/{self.format.value}"


@dataclass(frozen=True, eq=False)
class Moment:
    """The frames of one shot around a moment, with their depth."""

    taken: tuple[Taken, ...]
    nearness: tuple[FloatMap, ...]
    wanted: int


class Previewer:
    """Makes previews, and remembers the depth of the last few moments. Thread-safe; one is made at a time."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self.reporter: Reporter = _UntilClosed(self._closed)
        """Whoever works with it stops when this is closed."""
        self._infos: OrderedDict[tuple[str, int, int], VideoInfo] = OrderedDict()
        self._moments: OrderedDict[tuple[object, ...], Moment] = OrderedDict()

    def picture(self, request: PreviewRequest, check: Callable[[VideoInfo], None] = lambda _: None) -> Picture:
        """The moment asked for; raises what a conversion would, and SourceError where there is no frame.

        `check` may refuse a video before it is decoded.
        """
        _check(request.view, request.format)
        with self._lock:
            whole = replace(request.settings.range, start=0.0, end=None, preview=None)
            settings = replace(request.settings, range=whole)
            file = _identity(request.source)
            info = self._infos.get(file) or probe(request.source)
            check(info)
            conversion = pipeline.decide(request.source, settings, self._host, info)
            _keep(self._infos, file, info)
            size = (conversion.info.width, conversion.info.height)
            key = (file, request.moment, size, settings.depth, conversion.model.id, conversion.shared.eye_format)
            moment = self._moments.get(key) or look(conversion, request.moment)
            _keep(self._moments, key, moment)
            return _shown(moment, conversion, request, self.reporter)

    def close(self) -> None:
        """End what a first preview waits for: it raises Cancelled, and so does every later one that had to wait."""
        self._closed.set()


class _UntilClosed(SilentReporter):
    """Waiting ends when the previewer is closed."""

    def __init__(self, closed: threading.Event) -> None:
        super().__init__()
        self._closed = closed

    def is_cancelled(self) -> bool:
        """See `Reporter`."""
        return self._closed.is_set()


def _identity(file: Path) -> tuple[str, int, int]:
    """Another one once the file has changed."""
    try:
        facts = file.stat()
    except OSError:
        raise SourceError(f"{file}: there is no such file.", stage="preview", remedy="Check the name.") from None
    return str(file.resolve()), facts.st_mtime_ns, facts.st_size


def _keep(kept: OrderedDict[Any, Any], key: object, value: object) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > MOMENTS_KEPT:
        kept.popitem(last=False)


def image_picture(data: bytes, settings: ConversionSettings, host: Host, *, view: View = View.PACKED,
                  format: PictureFormat = PictureFormat.JPEG, most_pixels: int = 64_000_000,  # noqa: A002
                  reporter: Reporter | None = None) -> Picture:
    """A picture's file in, its stereo picture's file out, at full size, or as large as the settings let an eye be.

    SourceError where it is no picture, LimitError where it has more than `most_pixels`.
    """
    _check(view, format)
    frame = _frame_of(_bounded(read_picture(data, most_pixels), settings))
    colour = ColourTags(primaries=1, transfer=13, matrix=6, full_range=True)  # sRGB in JPEG's matrix
    conversion = pipeline.decide_picture((frame.width, frame.height), frame.pixel_format, colour, settings, host)
    size = flow_size(frame.width, frame.height)
    taken = Taken(frame, 0, 0.0, small_grey(frame.planes[0], 8, size), None, is_written=True)
    with closing(pipeline.open_nearness(conversion, SilentReporter())) as stage:
        nearness = [*stage.push(taken), *stage.flush()]
    request = PreviewRequest(Path(), settings, view=view, format=format, largest_side=1 << 16)
    return _shown(Moment((taken,), tuple(nearness), 0), conversion, request, reporter or SilentReporter())


def look(conversion: Conversion, moment: float) -> Moment:
    """Decode the frames around the moment and make their depth, or take what of it is kept."""
    around = _frames_around(conversion, moment)
    wanted = max((n for n, each in enumerate(around.taken) if each.is_written), default=0)
    with closing(pipeline.open_nearness(conversion, SilentReporter())) as stage:
        stage.begin(around.times)
        return Moment(around.taken, tuple(_nearness(stage, around.taken)), wanted)


def _nearness(stage: NearnessStage, taken: Sequence[Taken]) -> list[FloatMap]:
    maps: list[FloatMap] = []
    for each in taken:
        maps += stage.push(each)
    return maps + stage.flush()


@dataclass(frozen=True, eq=False)
class _Around:
    """Frames of one shot."""

    taken: tuple[Taken, ...]
    times: tuple[int, ...]
    """Theirs, in ticks of the source; none where the file does not state them."""


def _frames_around(conversion: Conversion, moment: float) -> _Around:
    """Frames of the moment's shot; only the one that is shown then counts as written."""
    info = conversion.info
    frame_seconds = 1 / (info.frame_rate or Fraction(25))
    exact = Fraction(moment).limit_denominator(1_000_000)
    latest = max(Fraction(0), (info.duration or exact) - 2 * frame_seconds)
    for start in (exact, min(exact, latest)):
        chosen = PlannedRange(max(Fraction(0), start - LEAD_FRAMES * frame_seconds),
                              start + TAIL_FRAMES * frame_seconds)
        around = _decoded(conversion, chosen, float(start))
        if around.taken:
            return around
    raise SourceError(f"{info.path}: there is no frame at {moment:g} s.", stage="preview",
                      remedy="Choose an earlier moment.")


def _decoded(conversion: Conversion, chosen: PlannedRange, moment: float) -> _Around:
    info = conversion.info
    kept = _KeptFrames(conversion, info.first_pts + int(chosen.start / info.time_base))
    planner = Planner(info, chosen, SilentReporter(), reader=kept.from_origin)
    moment += float(info.first_pts * info.time_base)
    try:
        unit = _unit_at(list(planner), moment, info.time_base)
    except SourceError:  # there is no frame in this range
        return _Around((), ())
    with closing(FrameReader(info, conversion.shared.eye_format, planner.origin)) as reader:
        frames = kept.of(unit)
        if frames is None:
            frames = reader.read(_first(unit), unit.times, unit.stated, interlaced=unit.interlaced)
        taken = tuple(_taken(info, unit, frames, moment))
    return _Around(taken, tuple(each.frame.pts for each in taken) if unit.stated is not None else ())


class _KeptFrames:
    """Small pictures for a plan, and the frames that these were made of: the file is decoded once for both."""

    def __init__(self, conversion: Conversion, first_time: int) -> None:
        """Frames from `first_time` (ticks) on are kept."""
        self.notices: list[str] = []
        self._format = conversion.shared.eye_format
        self._first_time = first_time
        self._planes: dict[int, tuple[Plane, Plane, Plane]] = {}
        self._frames: BothReader | None = None

    def from_origin(self, info: VideoInfo, origin: int | None) -> _KeptFrames:
        """See `Planner`."""
        self._frames = BothReader(info, self._format, origin, self._first_time)
        return self

    def __iter__(self) -> Iterator[SmallPicture]:
        for number, both in enumerate(self._frames or ()):
            if both.planes is not None:
                self._planes[number] = both.planes
            yield both.small

    def of(self, unit: PlannedUnit) -> Iterator[Frame] | None:
        """The frames of a unit; None where they are not all here, or must be decoded in another way."""
        numbers = range(_first(unit), _first(unit) + len(unit.times))
        if unit.interlaced or not all(number in self._planes for number in numbers):
            return None
        return (Frame(self._planes[number], int(time), self._format)
                for number, time in zip(numbers, unit.times, strict=True))


def _first(unit: PlannedUnit) -> int:
    """The number of its first frame to be decoded."""
    return unit.unit.first - unit.unit.warm_up


def _taken(info: VideoInfo, unit: PlannedUnit, frames: Iterator[Frame], moment: float) -> Iterator[Taken]:
    """Of a unit's frames those of the moment's shot; `moment` in seconds of the file's own clock."""
    seconds = [float(int(time) * info.time_base) for time in unit.times]
    wanted = max((n for n, time in enumerate(seconds) if time <= moment + 1e-6), default=0)
    cuts = [cut - _first(unit) for cut in unit.unit.cuts]
    first = max((cut for cut in cuts if cut <= wanted), default=0)
    last = min((cut for cut in cuts if cut > wanted), default=len(seconds)) - 1
    size = flow_size(info.width, info.height)
    estimator = MotionEstimator(size)
    grey: npt.NDArray[np.uint8] | None = None
    for n, frame in enumerate(frames):
        if first <= n <= last:
            before, grey = grey, small_grey(frame.planes[0], frame.pixel_format.bit_depth, size)
            motion = estimator.estimate(before, grey) if before is not None else None
            yield Taken(frame, _first(unit) + n, seconds[n], grey, motion, n == wanted)
        if n >= last:
            return


def _unit_at(units: Sequence[PlannedUnit], seconds: float, base: Fraction) -> PlannedUnit:
    begun = [unit for unit in units if float(int(unit.own_times[0]) * base) <= seconds + 1e-6]
    return begun[-1] if begun else units[0]


def _shown(moment: Moment, conversion: Conversion, request: PreviewRequest, reporter: Reporter) -> Picture:
    colour = conversion.info.colour
    frame = moment.taken[moment.wanted].frame
    nearness = moment.nearness[moment.wanted]
    most = request.largest_side
    if request.view is View.ORIGINAL:
        return _encoded(_rgb(frame, colour, most), request.format)
    if request.view is View.DEPTH:
        return _encoded(_grey(nearness, frame, most), request.format)
    if request.view is View.PACKED and conversion.settings.output.layout in (Layout.RGBD, Layout.DEPTH):
        return _packed(StereoFrame(frame, frame), nearness, conversion, request)
    prepare(reporter)
    pair = _both_eyes(moment, conversion)
    if request.view is View.WIGGLE:
        kind = WiggleFormat.GIF if request.format is PictureFormat.GIF else WiggleFormat.WEBP
        return Picture(wiggle(pair, kind, largest_side=most, colour=colour), request.format)
    if request.view is View.LEFT_RIGHT:
        eyes = [_rgb(eye, colour, max(1, most // 2)) for eye in (pair.left, pair.right)]
        return _encoded(np.concatenate(eyes, axis=1), request.format)
    return _packed(pair, nearness, conversion, request)


def _packed(pair: StereoFrame, nearness: FloatMap, conversion: Conversion, request: PreviewRequest) -> Picture:
    settings, info = conversion.settings, conversion.info
    layout = settings.output.layout
    if request.view is View.ANAGLYPH and layout not in ANAGLYPHS:
        layout = Layout.ANAGLYPH_DUBOIS
    packer = Packer(layout, info.width, info.height, conversion.shared.eye_format, colour=info.colour,
                    swap_eyes=settings.stereo.swap_eyes, canvas=conversion.shared.canvas)
    return _encoded(_rgb(packer.pack(pair, nearness), info.colour, request.largest_side), request.format)


def _both_eyes(moment: Moment, conversion: Conversion) -> StereoFrame:
    shared, info = conversion.shared, conversion.info
    stereo = shared.settings.stereo
    designer = DisparityDesigner(info.width, disparity_settings(shared))
    designed = [design for taken, near in zip(moment.taken, moment.nearness, strict=True)
                for design in designer.push(near, seconds=taken.seconds, luma=taken.grey)]
    designed += designer.flush(at_cut=False)
    synthesizer = ShotSynthesizer(
        info.width, info.height, shared.eye_format, stereo.eye, chroma_site=info.colour.chroma_site,
        edge_dilation=stereo.edge_dilation, background_plate=shared.plate_frames > 0 and len(moment.taken) > 1,
        workers=shared.workers, look_ahead=shared.plate_frames)
    pairs: list[StereoFrame] = []
    try:
        for taken, design in zip(moment.taken, designed, strict=True):
            pairs += synthesizer.push(taken.frame, design.disparity, taken.motion, taken.grey)
            if len(pairs) > moment.wanted:
                break
        else:
            pairs += synthesizer.flush()
    finally:
        synthesizer.close()
    window = designed[moment.wanted].window
    return with_floating_window(pairs[moment.wanted], window.left_pixels, window.right_pixels, info.colour)


def _rgb(frame: Frame, colour: ColourTags, most: int) -> RGBPicture:
    return np.rint(small_rgb(frame, _fitting(frame.width, frame.height, most), colour) * 255).astype(np.uint8)


def _grey(nearness: FloatMap, frame: Frame, most: int) -> RGBPicture:
    size = _fitting(frame.width, frame.height, most)
    grey = np.clip(cv2.resize(nearness, size, interpolation=cv2.INTER_LINEAR), 0, 1)
    return np.rint(grey * 255).astype(np.uint8)


def _fitting(width: int, height: int, most: int) -> tuple[int, int]:
    scale = min(1.0, most / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _encoded(picture: RGBPicture, kind: PictureFormat) -> Picture:
    file = io.BytesIO()
    options = {"quality": 90} if kind is not PictureFormat.PNG else {"compress_level": 1}
    Image.fromarray(picture).save(file, kind.value.upper(), **options)
    return Picture(file.getvalue(), kind)


def _check(view: View, kind: PictureFormat) -> None:
    allowed = ("webp", "gif") if view is View.WIGGLE else ("jpeg", "png", "webp")
    if kind.value not in allowed:
        raise SettingsError(f"A picture of this view ({view.value}) cannot be {kind.value}.", stage="preview",
                            remedy=f"Allowed: {', '.join(allowed)}.")


def _bounded(picture: RGBPicture, settings: ConversionSettings) -> RGBPicture:
    height, width = picture.shape[:2]
    size = settings.output.limited(width, height)
    if size == (width, height):
        return picture
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _frame_of(picture: RGBPicture) -> Frame:
    """4:4:4, BT.601 at full range, as JPEG has it; odd sides are kept."""
    luma, red, blue = cv2.split(cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb))
    planes = [np.ascontiguousarray(plane, np.uint8) for plane in (luma, blue, red)]
    return Frame((planes[0], planes[1], planes[2]), 0, PixelFormat(8, 0, 0))
