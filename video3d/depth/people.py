"""Where people are: OpenCV's cascades and its pedestrian detector, where this OpenCV still has them.

OpenCV 5 has dropped both; then nobody is found and the other cues stand alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2 as opencv
import numpy as np
import numpy.typing as npt

from video3d.types import FloatMap

cv2: Any = opencv  # its stubs leave out functions and know no array's dtype

_FACE_CASCADE = "haarcascade_frontalface_alt2.xml"
_BODY_WINDOW = (64, 128)
_BODY_PICTURE_HEIGHT = 300
_BODY_WEIGHT = 0.5
_CERTAIN_BODY_WEIGHT = 1.0
_HOLD_SECONDS = 1.5
_APPEAR_SECONDS = 0.4
_LOOK_SECONDS = 0.25
_ALONE_LOOK_SECONDS = 0.5
_MEMORY_SECONDS = 1.1


@dataclass(frozen=True)
class Box:
    """A rectangle in parts of the picture's width and height."""

    left: float
    top: float
    right: float
    bottom: float

    def overlap(self, other: Box) -> float:
        """Intersection over union."""
        width = min(self.right, other.right) - max(self.left, other.left)
        height = min(self.bottom, other.bottom) - max(self.top, other.top)
        if width <= 0 or height <= 0:
            return 0.0
        both = width * height
        return both / (self.area + other.area - both)

    @property
    def area(self) -> float:
        """Part of the picture."""
        return max(0.0, self.right - self.left) * max(0.0, self.bottom - self.top)

    def towards(self, other: Box, share: float) -> Box:
        """Moved by `share` of the way to `other`."""
        pairs = ((self.left, other.left), (self.top, other.top), (self.right, other.right),
                 (self.bottom, other.bottom))
        return Box(*(a + (b - a) * share for a, b in pairs))


@dataclass(frozen=True)
class Person:
    """One person: the box of face and body, and how sure it is that they are there, 0…1."""

    box: Box
    has_face: bool
    is_certain: bool = True
    """A single sighting is enough; else a second one must confirm it."""
    presence: float = 0.0
    last_seen: float = 0.0


class PersonFinder:
    """Finds people now and then, and follows them softly in between: presence rises and falls, never jumps."""

    def __init__(self) -> None:
        self._faces = _face_cascade()
        self._bodies = _body_detector()
        self.reset()

    def reset(self) -> None:
        """A new shot: nobody is known."""
        self._people: list[Person] = []
        self._looked: float | None = None
        self._looks = 0
        self._seconds = 0.0

    def update(self, grey: npt.NDArray[np.uint8], seconds: float) -> list[Person]:
        """People in the uint8 picture [h, w] at this time: four looks a second, for faces and bodies in turn; two where
        nobody is known."""
        elapsed, self._seconds = seconds - self._seconds, seconds
        first = self._looked is None
        apart = _LOOK_SECONDS if self._people else _ALONE_LOOK_SECONDS
        if self._looked is None or seconds - self._looked >= apart:
            self._looked = seconds
            self._looks += 1
            found = self._find_bodies(grey) if first or self._looks % 2 else []
            found += self._find_faces(grey) if first or not self._looks % 2 else []
            self._match(found, seconds)
        self._people = [_aged(person, elapsed, seconds, first) for person in self._people]
        self._people = [person for person in self._people
                        if person.presence > 0 or seconds - person.last_seen < _MEMORY_SECONDS]
        return self._people

    def _find_faces(self, grey: npt.NDArray[np.uint8]) -> list[Person]:
        if self._faces is None:
            return []
        height, width = grey.shape
        least = max(20, height // 9)
        faces = self._faces.detectMultiScale(grey, scaleFactor=1.25, minNeighbors=4, minSize=(least, least))
        return [Person(_box(face, width, height), has_face=True) for face in faces]

    def _find_bodies(self, grey: npt.NDArray[np.uint8]) -> list[Person]:
        if self._bodies is None:
            return []
        # The detector's window is 128 pixels high: enlarged, it finds smaller people too.
        scale = max(1.0, _BODY_PICTURE_HEIGHT / grey.shape[0])
        if scale > 1:
            grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)
        height, width = grey.shape
        if height < _BODY_WINDOW[1] or width < _BODY_WINDOW[0]:
            return []
        bodies, weights = self._bodies.detectMultiScale(grey, winStride=(8, 8), padding=(16, 16), scale=1.15)
        return [Person(_box(body, width, height), has_face=False, is_certain=weight > _CERTAIN_BODY_WEIGHT)
                for body, weight in zip(bodies, np.ravel(weights), strict=True) if weight > _BODY_WEIGHT]

    def _match(self, found: list[Person], seconds: float) -> None:
        for person in found:
            known = [other for other in self._people if other.has_face == person.has_face]
            best = max(known, key=lambda other: other.box.overlap(person.box), default=None)
            if best is not None and best.box.overlap(person.box) > 0.2:
                self._people.remove(best)
                self._people.append(replace(best, box=best.box.towards(person.box, 0.5), is_certain=True,
                                            last_seen=seconds))
            else:
                self._people.append(replace(person, last_seen=seconds))


def _aged(person: Person, elapsed: float, seconds: float, first: bool) -> Person:
    seen_lately = seconds - person.last_seen < _MEMORY_SECONDS
    if first:
        presence = float(person.is_certain)
    elif seen_lately and person.is_certain:
        presence = min(1.0, person.presence + elapsed / _APPEAR_SECONDS)
    else:
        presence = max(0.0, person.presence - elapsed / _HOLD_SECONDS)
    return replace(person, presence=presence)


def person_map(people: list[Person], size: tuple[int, int]) -> FloatMap:
    """How likely each pixel shows a person: float32 [h, w] in 0…1 for `size` (width, height), soft-edged.

    Under a face hangs a body: shoulders three faces wide, down to the picture's lower edge. A body found as a whole is
    an upright ellipse in the middle of its box.
    """
    columns, rows = size
    result = np.zeros((rows, columns), np.float32)
    for person in people:
        shape = np.zeros((rows, columns), np.uint8)
        _draw_face_and_body(shape, person.box) if person.has_face else _draw_upright(shape, person.box)
        soft = cv2.GaussianBlur(shape.astype(np.float32) / 255, (0, 0), max(1.0, person.box.area ** 0.5 * columns / 12))
        np.maximum(result, soft * np.float32(person.presence), out=result)
    return result


def _draw_face_and_body(shape: npt.NDArray[np.uint8], box: Box) -> None:
    rows, columns = shape.shape
    x, width = (box.left + box.right) / 2 * columns, (box.right - box.left) * columns
    y, height = (box.top + box.bottom) / 2 * rows, (box.bottom - box.top) * rows
    cv2.ellipse(shape, (round(x), round(y)), (max(1, round(width * 0.55)), max(1, round(height * 0.7))), 0, 0, 360,
                255, -1)
    chin, shoulders = y + height * 0.5, y + height * 1.1
    outline = [(x - width * 0.4, chin), (x + width * 0.4, chin), (x + width * 1.5, shoulders),
               (x + width * 1.8, rows), (x - width * 1.8, rows), (x - width * 1.5, shoulders)]
    cv2.fillPoly(shape, [np.round(outline).astype(np.int32)], 255)


def _draw_upright(shape: npt.NDArray[np.uint8], box: Box) -> None:
    rows, columns = shape.shape
    centre = (round((box.left + box.right) / 2 * columns), round((box.top + box.bottom) / 2 * rows))
    # The detector's window has a margin of an eighth around the person.
    axes = (max(1, round((box.right - box.left) * columns * 0.26)), max(1, round((box.bottom - box.top) * rows * 0.41)))
    cv2.ellipse(shape, centre, axes, 0, 0, 360, 255, -1)


def _box(rectangle: npt.NDArray[Any], width: int, height: int) -> Box:
    x, y, w, h = (float(value) for value in rectangle)
    return Box(x / width, y / height, (x + w) / width, (y + h) / height)


def _face_cascade() -> Any:
    if not hasattr(cv2, "CascadeClassifier") or not hasattr(cv2, "data"):
        return None
    path = Path(cv2.data.haarcascades) / _FACE_CASCADE
    if not path.is_file():
        return None
    cascade = cv2.CascadeClassifier(str(path))
    return None if cascade.empty() else cascade


def _body_detector() -> Any:
    if not hasattr(cv2, "HOGDescriptor"):
        return None
    detector = cv2.HOGDescriptor()
    detector.setSVMDetector(cv2.HOGDescriptor.getDefaultPeopleDetector())
    return detector
