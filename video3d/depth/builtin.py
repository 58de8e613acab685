"""The built-in depth: classical cues, fused, corrected by a tiny network and kept calm. A guess without a download."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2 as opencv
import numpy as np
import numpy.typing as npt

from video3d.depth import cues
from video3d.depth.correction import Corrector
from video3d.depth.people import PersonFinder, person_map
from video3d.depth.refine import guided_filter
from video3d.depth_model import DepthInput
from video3d.motion import pixel_grid, resize_flow
from video3d.order_statistics import percentiles
from video3d.types import FloatMap, Flow, Motion

cv2: Any = opencv  # its stubs leave out functions and know no array's dtype

Array = npt.NDArray[Any]

_CUE_AREA = 128 * 72
_FLOW_NOISE = 0.15
"""Pixels of the cue grid."""
_SCENE_SECONDS = 1.5
_LONGEST_MEMORY = 8.0
"""Frames of good evidence: what moved two seconds ago is forgotten, so that work which begins inside a shot comes,
after a warm-up, to the same depth."""
_MOVING_HOLD_SECONDS = 2.0
_FORGOTTEN_MOTION = 0.6
"""What is left of the motion of a thing that has rested for a second: half of `_MOVING_HOLD_SECONDS`."""
_LEAST_RISE = 0.15
_PRIOR_WEIGHT = 12.0
_LEVEL_HORIZON = 0.45
_LARGEST_SPREAD = 1.3


@dataclass(frozen=True)
class Scene:
    """What kind of place a shot shows, slowly followed."""

    sky: float
    """Part of the picture that is sky."""
    horizon: float
    """Part of the height above the horizon; 0 indoors, where the floor may fill the picture."""

    @property
    def outdoor(self) -> float:
        """0…1."""
        return min(1.0, self.sky * 8)

    def towards(self, other: Scene, share: float) -> Scene:
        """Moved by `share` of the way to `other`."""
        return Scene(self.sky + (other.sky - self.sky) * share, self.horizon + (other.horizon - self.horizon) * share)


class BuiltinDepth:
    """Position in the picture, sky, haze, sharpness, people, motion parallax: fused with weights kept for a shot.

    A small network corrects what they say together. Raw maps are relative inverse depth, about 0…1, of the input's
    size. A new shot (`starts_shot`) forgets all.
    """

    def __init__(self, corrector: Corrector | None = None) -> None:
        self._people = PersonFinder()
        self._corrector = corrector or Corrector()
        self._reset()

    def _reset(self) -> None:
        self._people.reset()
        self._scene: Scene | None = None
        self._parallax: ParallaxMemory | None = None
        self._seconds = 0.0

    def estimate(self, batch: Sequence[DepthInput]) -> list[FloatMap]:
        """One float32 map [h, w] in about 0…1 per picture, of its size; pictures are consecutive frames."""
        return [self._estimate(item) for item in batch]

    def close(self) -> None:
        """Forgets the shot."""
        self._reset()

    def _estimate(self, item: DepthInput) -> FloatMap:
        if item.starts_shot:
            self._reset()
        elapsed, self._seconds = max(0.0, item.seconds - self._seconds), item.seconds
        luma = cv2.cvtColor(item.rgb, cv2.COLOR_RGB2GRAY)
        size = _cue_size(luma.shape[1], luma.shape[0])
        picture = Picture.of(cv2.resize(item.rgb, size, interpolation=cv2.INTER_AREA))
        scene = self._follow(picture, elapsed)
        if self._parallax is None:
            self._parallax = ParallaxMemory(size)
        people = person_map(self._people.update(_as_grey(luma), item.seconds), size)
        prior = _raised(single_picture(picture, scene), people)
        if item.motion is not None:
            self._parallax.learn(prior, picture, item.motion, elapsed)
        fused = fused_cues(picture, scene, prior, self._parallax)
        maps = cue_maps(picture, prior, fused, self._parallax)
        fused += self._corrector.correction(picture.rgb, maps)
        return guided_filter(luma, fused, max(2, size[0] // 24), 2e-3)

    def _follow(self, picture: Picture, elapsed: float) -> Scene:
        found = scene_of(picture.sky)
        share = 1 - math.exp(-elapsed / _SCENE_SECONDS)
        self._scene = found if self._scene is None else self._scene.towards(found, share)
        return self._scene


@dataclass(frozen=True, eq=False)
class Picture:
    """One small picture, and what several cues need of it."""

    rgb: Array
    luma: Array
    sky: Array
    haze: Array
    sharpness: Array

    @classmethod
    def of(cls, rgb: Array) -> Picture:
        """From float32 [h, w, 3] in 0…1."""
        luma = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        return cls(rgb, luma, cues.sky(rgb), cues.haze(rgb), cues.sharpness(luma))

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.luma.shape[1], self.luma.shape[0]


def single_picture(picture: Picture, scene: Scene) -> Array:
    """What a single picture says."""
    near = cues.ground(picture.size, scene.horizon)
    near += np.float32(0.1 * (1 - scene.outdoor)) * cues.centre(picture.size)
    near += np.float32(0.12 * scene.outdoor) * (picture.haze - np.float32(0.5))
    sharp = picture.sharpness
    low, high = percentiles(sharp, 10, 95)
    # Sharpness tells something only where part of the picture is plainly out of focus.
    near += np.float32(0.2 * np.clip((high - low - 0.5) / 0.3, 0, 1)) * (sharp - np.float32(0.5))
    return near


def fused_cues(picture: Picture, scene: Scene, prior: Array, parallax: ParallaxMemory) -> Array:
    """What a single picture says and what motion says, together; the sky is far."""
    return parallax.fuse(prior) * (1 - picture.sky * np.float32(0.9 * scene.outdoor))


def cue_maps(picture: Picture, prior: Array, fused: Array, parallax: ParallaxMemory) -> Array:
    """float32 [h, w, 8], what the network is shown: the fused map, the prior, how far motion is believed and what it
    changed, what moves by itself, sky, haze, sharpness."""
    nearness, belief = parallax.evidence()
    # What rests for a second is forgotten here: work that begins inside a shot, after a warm-up, does not know of it.
    moving = np.clip((parallax.moving - _FORGOTTEN_MOTION) / 0.3, 0, 1)
    maps = [fused, prior, belief, belief * (nearness - prior), moving, picture.sky, picture.haze, picture.sharpness]
    return np.stack(maps, -1).astype(np.float32)


class ParallaxMemory:
    """Nearness from motion, gathered over a shot and carried along by it."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._grid = cues.CameraGrid(size)
        columns, rows = size
        self._nearness: Array = np.zeros((rows, columns), np.float32)
        self._weight: Array = np.zeros((rows, columns), np.float32)
        self._moving: Array = np.zeros((rows, columns), np.float32)

    def fuse(self, prior: Array) -> Array:
        """`prior` (float32 [h, w]) corrected by what moved how far so far."""
        nearness, belief = self.evidence()
        fused = prior + belief * (nearness - prior)
        moving = np.clip(self._moving * 1.5, 0, 1) * (1 - belief)
        return _raised(fused, moving)

    def evidence(self) -> tuple[Array, Array]:
        """Nearness by motion alone, and how far to believe it, 0…1; both float32 [h, w]."""
        # Plain areas take the nearness of the detail around them.
        around = cv2.GaussianBlur(self._weight, (0, 0), 4)
        spread = cv2.GaussianBlur(self._weight * self._nearness, (0, 0), 4) / (around + np.float32(1e-6))
        own = self._weight / (self._weight + np.float32(0.3) * around + np.float32(1e-6))
        nearness = spread + own * (self._nearness - spread)
        weight = self._weight + np.float32(0.3) * around
        return nearness, weight / (weight + np.float32(_PRIOR_WEIGHT))

    @property
    def moving(self) -> Array:
        """0…1, float32 [h, w]: what moves by itself, or did a moment ago."""
        return self._moving

    def learn(self, prior: Array, picture: Picture, motion: Motion, elapsed: float) -> None:
        """One more pair of frames."""
        flow = resize_flow(motion.to_previous, self._size)
        confidence = cv2.resize(motion.confidence, self._size, interpolation=cv2.INTER_AREA)
        self._carry(flow)
        confidence *= cues.texture(picture.luma) * (1 - picture.sky)
        known: Any = prior + self._weight / (self._weight + np.float32(_PRIOR_WEIGHT)) * (self._nearness - prior)
        camera = cues.fit_camera(-flow, confidence, known, self._grid, _FLOW_NOISE)
        seen = cues.parallax(-flow, confidence, camera, self._grid, _FLOW_NOISE)
        total = self._weight + seen.weight
        self._nearness += seen.weight / np.maximum(total, np.float32(1e-6)) * (seen.nearness - self._nearness)
        self._weight = np.minimum(total, np.float32(_LONGEST_MEMORY))
        self._keep_scale(prior)
        fade = np.float32(math.exp(-elapsed / _MOVING_HOLD_SECONDS))
        self._moving = np.maximum(self._moving * fade, cv2.GaussianBlur(seen.moving, (0, 0), 1.5))

    def _keep_scale(self, prior: Array) -> None:
        # Motion leaves scale and shift of nearness open: they are tied to the prior's.
        weight = self._weight / (self._weight + np.float32(_PRIOR_WEIGHT))
        total = float(weight.sum()) + 1e-6
        mean, middle = float((weight * self._nearness).sum()) / total, float((weight * prior).sum()) / total
        deviation = math.sqrt(float((weight * np.square(self._nearness - mean)).sum()) / total)
        wanted = math.sqrt(float((weight * np.square(prior - middle)).sum()) / total)
        gain = min(1.0, _LARGEST_SPREAD * wanted / max(deviation, 1e-6))
        self._nearness = (self._nearness - np.float32(mean)) * np.float32(gain) + np.float32(middle)

    def _carry(self, flow: Flow) -> None:
        state = cv2.remap(cv2.merge([self._nearness, self._weight, self._moving]), pixel_grid(self._size) + flow, None,
                          cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        self._nearness, self._weight, self._moving = (np.ascontiguousarray(state[..., n]) for n in range(3))


def _cue_size(width: int, height: int) -> tuple[int, int]:
    scale = min(1.0, math.sqrt(_CUE_AREA / (width * height)))
    return max(2, round(width * scale)), max(2, round(height * scale))


def _as_grey(luma: FloatMap) -> npt.NDArray[np.uint8]:
    return cv2.convertScaleAbs(luma, alpha=255)


def scene_of(sky: FloatMap) -> Scene:
    """What the sky tells of the place."""
    share = float(sky.mean())
    lowest = float((sky.mean(axis=1) > 0.25).mean())
    # Outdoors the camera is mostly level: the horizon is in the middle, or where the sky ends below it.
    return Scene(share, max(_LEVEL_HORIZON, min(0.6, lowest)) * min(1.0, share * 8))


def _raised(near: Array, shape: Array) -> Array:
    """`near`, and where `shape` (0…1) shows something upright, as near as the ground at its foot, all the way up."""
    where = shape > 0.5
    if not where.any():
        return near
    foot = np.where(where, near, 0).max(axis=0, keepdims=True)
    standing = np.maximum(cv2.blur(np.ascontiguousarray(foot), (5, 1)), near + np.float32(_LEAST_RISE))
    return near + shape * (standing - near)
