"""The depth stage that a conversion's settings ask for, with its model, its cache and its key frames."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from video3d.depth.opening import open_estimator, runs_on_processor
from video3d.depth.picture import small_rgb
from video3d.depth_cache.identity import entry_key, file_digest
from video3d.depth_cache.store import CacheEntry, DepthCache
from video3d.depth_model import DepthModel
from video3d.estimated_depth import DepthSource, EstimatedNearness, Picture
from video3d.host import Host
from video3d.keyframes import KeyFrameChooser, usual_distance
from video3d.nearness import NearnessStage, Taken, given_nearness
from video3d.reporting import Reporter
from video3d.settings import DepthSettings
from video3d.stabilise import DepthStabiliser
from video3d.types import PixelFormat
from video3d.video_info import ColourTags, VideoInfo

CACHE_FOLDER = "depth-cache"
"""In the host's work folder."""
GPU_BATCH = 4
"""Pictures gathered for a network on a GPU."""
BATCH_BYTES = 96 << 20
"""What the frames that wait for a batch may take."""
_GIGABYTE = 10**9


@dataclass(frozen=True)
class DepthOrder:
    """What the stage depends on."""

    model: DepthModel
    settings: DepthSettings
    info: VideoInfo
    pixel_format: PixelFormat
    """Of the frames that the stage is given."""
    look_ahead: float
    """The stabiliser's, in seconds."""

    @property
    def frame_rate(self) -> float:
        """Frames per second, about."""
        return float(self.info.frame_rate or 25)

    @property
    def input_size(self) -> tuple[int, int]:
        """(width, height) of the picture that the model sees."""
        return self.model.input_size.fit(self.info.width, self.info.height, self.settings.depth_size)


def open_depth(order: DepthOrder, host: Host, reporter: Reporter) -> NearnessStage:
    """The stage; the model is loaded when its first map is needed. DepthError where given depth cannot be read."""
    if order.settings.depth_video is not None:
        return given_nearness(Path(order.settings.depth_video))
    on_processor = runs_on_processor(order.model, order.settings, host)
    longest = key_frame_distance(order, on_processor=on_processor)
    source = DepthSource(
        order.model, partial(open_estimator, order.model, order.settings, host, reporter),
        partial(_seen, size=order.input_size, colour=order.info.colour), _cache_entry(order, host),
        _batch(order, longest, on_processor=on_processor),
    )
    stabiliser = DepthStabiliser(order.model.kind, order.settings.stabilise, order.look_ahead)
    return EstimatedNearness(source, stabiliser, partial(KeyFrameChooser, longest, order.frame_rate),
                             repeats=not (order.model.remembers or order.model.is_cheap))


def depth_cache(host: Host, gigabytes: float) -> DepthCache:
    """The host's cache, of at most so many gigabytes."""
    return DepthCache(host.work_folder() / CACHE_FOLDER, int(gigabytes * _GIGABYTE))


def key_frame_distance(order: DepthOrder, *, on_processor: bool) -> int:
    """Frames from one estimated frame to the next, at most.

    1 for models that are cheap or must see every frame. Left open, it is 1 on a GPU, where encoding takes longer than
    depth, and up to 4 on the processor.
    """
    if order.model.is_cheap or order.model.remembers:
        return 1
    if order.settings.depth_every is not None:
        return order.settings.depth_every
    return usual_distance(order.frame_rate) if on_processor else 1


def _batch(order: DepthOrder, longest: int, *, on_processor: bool) -> int:
    if on_processor or order.model.remembers or order.model.is_cheap:
        return 1
    frame_bytes = order.pixel_format.frame_bytes(order.info.width, order.info.height)
    return max(1, min(max(order.model.batch, GPU_BATCH), BATCH_BYTES // (frame_bytes * longest)))


def _seen(taken: Taken, size: tuple[int, int], colour: ColourTags) -> Picture:
    is_there = taken.frame.pixel_format.bit_depth == 8 and taken.grey.shape == size[::-1]
    return small_rgb(taken.frame, size, colour, taken.grey if is_there else None)


def _cache_entry(order: DepthOrder, host: Host) -> CacheEntry | None:
    model, settings, info = order.model, order.settings, order.info
    source = Path(info.path)
    if settings.depth_cache is None or model.is_cheap or not source.is_file():
        return None
    found = [path for path in (*model.files, Path(model.location)) if path.is_file()]
    key = entry_key(
        source=file_digest(source), video=info.video_index, picture=(info.width, info.height),
        pixel_format=order.pixel_format.name, colour=info.colour, model=model.id, location=model.location,
        files=[file_digest(path) for path in found], size=order.input_size, device=(settings.device, host.devices),
        compiled=settings.compile_depth,
    )
    return depth_cache(host, settings.depth_cache).entry(key, source=source.name, model=model.label)
