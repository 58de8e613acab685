"""Depth by a model: on key frames alone, in batches, from the cache where it is there, then steadied."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from video3d.depth_cache.levels import LevelMap, to_levels
from video3d.depth_cache.store import CacheEntry, MapKey
from video3d.depth_model import DepthEstimator, DepthInput, DepthModel
from video3d.keyframes import KeyFrameChooser, is_copy
from video3d.nearness import Taken
from video3d.stabilise import DepthStabiliser, to_inverse_depth
from video3d.types import FloatMap

Picture = npt.NDArray[np.float32]


@dataclass(eq=False)
class Answer:
    """A map that comes when its batch has run."""

    near: FloatMap | None = None
    """float32 [h, w], inverse depth; None until then."""


@dataclass(frozen=True, eq=False)
class _Question:
    answer: Answer
    picture: DepthInput
    key: MapKey


class DepthSource:
    """Maps of inverse depth, frame by frame: kept ones, or new ones in batches.

    All maps of a network are reduced to the cache's levels before anybody uses them, kept or not, so that the cache
    changes no byte of the result.
    """

    def __init__(self, model: DepthModel, open_estimator: Callable[[], DepthEstimator],
                 picture: Callable[[Taken], Picture], cache: CacheEntry | None = None, batch: int = 1) -> None:
        """`open_estimator` is called when the first map must be made; `picture` makes what the model sees; `batch` is
        how many pictures are gathered."""
        self._model = model
        self._open = open_estimator
        self._picture = picture
        self._cache = cache
        self._batch = batch
        self._estimator: DepthEstimator | None = None
        self._questions: list[_Question] = []
        self._begin = 0
        self._may_read = self._may_keep = False

    def begin(self, times: Sequence[int]) -> None:
        """A shot's frames, as far as they will come, in ticks of the source: what is kept may now be used. Without
        times nothing is, until the next call."""
        self.finish()
        self._may_read = self._may_keep = self._cache is not None and len(times) > 0
        if self._cache is None or not times:
            return
        self._begin = times[0] if self._model.remembers else 0
        keys = [MapKey(time, self._begin) for time in times]
        self._cache.look_up(keys)
        if self._model.remembers:
            # It cannot begin in the middle: all of its maps are kept ones, or none is.
            self._may_read = self._cache.holds(keys)

    def ask(self, taken: Taken) -> Answer:
        """This frame's map, now or after more questions, or after `finish`."""
        key = MapKey(taken.frame.pts, self._begin)
        kept = self._cache.get(key) if self._cache is not None and self._may_read else None
        if kept is not None:
            return Answer(kept.restored())
        answer = Answer()
        picture = DepthInput(self._picture(taken), taken.motion, starts_shot=taken.motion is None,
                             seconds=taken.seconds)
        self._questions.append(_Question(answer, picture, key))
        if len(self._questions) >= self._batch:
            self.finish()
        return answer

    def finish(self) -> None:
        """Answer what is open."""
        questions, self._questions = self._questions, []
        if not questions:
            return
        if self._estimator is None:
            self._estimator = self._open()
        raw = self._estimator.estimate([question.picture for question in questions])
        for question, map_ in zip(questions, raw, strict=True):
            question.answer.near = self._settled(to_inverse_depth(map_, self._model.kind), question.key)

    def close(self) -> None:
        """Give back the model, and write what is to be kept."""
        if self._estimator is not None:
            self._estimator.close()
        if self._cache is not None:
            self._cache.flush()

    def _settled(self, near: FloatMap, key: MapKey) -> FloatMap:
        if self._model.is_cheap:
            return near
        levels: LevelMap = to_levels(near)
        if self._cache is not None and self._may_keep:
            self._cache.put(key, levels)
        return levels.restored()


@dataclass(eq=False)
class _Waiting:
    """A frame whose map is not with the stabiliser yet."""

    taken: Taken
    answer: Answer | None
    """None for a frame between key frames."""


@dataclass(eq=False)
class _Shot:
    """What is known of the shot at hand."""

    chooser: KeyFrameChooser
    waiting: deque[_Waiting] = field(default_factory=deque[_Waiting])
    newest_key: _Waiting | None = None
    """The newest frame, where it is a key frame."""


class EstimatedNearness:
    """The stage (see `NearnessStage`): a model on key frames, then the stabiliser."""

    needs_motion = True

    def __init__(self, source: DepthSource, stabiliser: DepthStabiliser, chooser: Callable[[], KeyFrameChooser], *,
                 repeats: bool = False) -> None:
        """`chooser` makes one for each shot. `repeats`: a frame that shows the one before again gets its map; not for
        models that remember."""
        self._source = source
        self._stabiliser = stabiliser
        self._chooser = chooser
        self._repeats = repeats
        self._shot = _Shot(chooser())

    def begin(self, times: Sequence[int]) -> None:
        """See `NearnessStage`."""
        self._source.begin(times)

    def push(self, taken: Taken) -> list[FloatMap]:
        """See `NearnessStage`."""
        self._shot.waiting.append(self._placed(taken))
        return self._steadied()

    def flush(self) -> list[FloatMap]:
        """See `NearnessStage`."""
        waiting = self._shot.waiting
        if waiting and waiting[-1].answer is None:
            waiting[-1].answer = self._source.ask(waiting[-1].taken)
        self._source.finish()
        maps = self._steadied()
        self._shot = _Shot(self._chooser())
        return maps + self._stabiliser.flush()

    def close(self) -> None:
        """See `NearnessStage`."""
        self._source.close()

    def _placed(self, taken: Taken) -> _Waiting:
        shot = self._shot
        before = shot.newest_key
        if self._repeats and before is not None and is_copy(taken.grey, before.taken.grey):
            # Compared with the frame that was estimated, not with the one before: many small steps are a way, too.
            return _Waiting(taken, before.answer)
        if shot.chooser.push(taken.motion, taken.seconds):
            shot.newest_key = _Waiting(taken, self._source.ask(taken))
            return shot.newest_key
        shot.newest_key = None
        return _Waiting(taken, None)

    def _steadied(self) -> list[FloatMap]:
        """Maps of what has its own by now, and of the frames before it."""
        waiting = self._shot.waiting
        maps: list[FloatMap] = []
        while (count := self._known()) > 0:
            for _ in range(count):
                item = waiting.popleft()
                near = None if item.answer is None else item.answer.near
                maps += self._stabiliser.push(near, item.taken.motion, item.taken.grey, item.taken.seconds)
        return maps

    def _known(self) -> int:
        """How many frames wait up to the first key frame, that included; 0 where its map is not there yet."""
        for number, item in enumerate(self._shot.waiting, 1):
            if item.answer is not None:
                return number if item.answer.near is not None else 0
        return 0
