"""People are followed softly, and drawn as upright shapes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from video3d.depth import people
from video3d.depth.people import Box, Person, PersonFinder, person_map

GREY = np.full((216, 384), 100, np.uint8)


class FoundBodies:
    """Stands for OpenCV's detector: sees one body while `present`."""

    def __init__(self, weight: float) -> None:
        self.present, self.weight, self.calls = True, weight, 0

    def detectMultiScale(self, *_: object, **__: object) -> tuple[np.ndarray, np.ndarray]:  # noqa: N802
        self.calls += 1
        if not self.present:
            return np.empty((0, 4), int), np.empty(0)
        return np.array([[100, 40, 100, 200]]), np.array([self.weight])


def finder(monkeypatch: pytest.MonkeyPatch, weight: float) -> tuple[PersonFinder, FoundBodies]:
    detector = FoundBodies(weight)
    monkeypatch.setattr(people, "_face_cascade", lambda: None)
    monkeypatch.setattr(people, "_body_detector", lambda: detector)
    return PersonFinder(), detector


def presences(found: PersonFinder, first: float, last: float) -> list[float]:
    return [max((p.presence for p in found.update(GREY, n / 24)), default=0.0)
            for n in range(round(first * 24), round(last * 24))]


def test_a_certain_body_is_there_at_once_and_looked_for_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    found, detector = finder(monkeypatch, 1.5)
    assert min(presences(found, 0, 3)) == 1
    assert detector.calls <= 9


def test_a_doubtful_body_needs_a_second_sighting(monkeypatch: pytest.MonkeyPatch) -> None:
    found, detector = finder(monkeypatch, 0.7)
    assert max(presences(found, 0, 0.2)) == 0
    assert max(presences(found, 0.2, 3)) == 1
    detector.present = False
    found.reset()
    assert max(presences(found, 0, 1)) == 0


def test_where_nobody_is_known_looks_are_few_until_somebody_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    found, detector = finder(monkeypatch, 0.7)
    detector.present = False
    presences(found, 0, 4)
    assert detector.calls <= 5
    detector.present = True
    assert max(presences(found, 4, 6)) > 0.9


def test_presence_never_jumps(monkeypatch: pytest.MonkeyPatch) -> None:
    found, detector = finder(monkeypatch, 1.5)
    detector.present = False
    presence = presences(found, 0, 1)
    detector.present = True
    presence += presences(found, 1, 4)
    detector.present = False
    presence += presences(found, 4, 9)
    assert max(presence) == 1
    assert presence[-1] == 0
    assert np.abs(np.diff(presence)).max() < 0.15


def test_without_detectors_nobody_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(cv2, "CascadeClassifier", raising=False)
    monkeypatch.delattr(cv2, "HOGDescriptor", raising=False)
    assert PersonFinder().update(GREY, 0.0) == []


def test_the_real_detectors_find_nobody_in_nothing() -> None:
    assert PersonFinder().update(GREY, 0.0) == []


def test_tiny_pictures_are_no_problem() -> None:
    assert PersonFinder().update(np.zeros((8, 16), np.uint8), 0.0) == []


def test_a_body_hangs_under_a_face() -> None:
    shape = person_map([Person(Box(0.45, 0.2, 0.55, 0.4), has_face=True, presence=1)], (96, 54))
    assert shape.dtype == np.float32
    assert shape[16, 48] > 0.9, "face"
    assert shape[50, 48] > 0.9, "body"
    assert shape[50, 5] < 0.05
    assert shape[5, 48] < 0.2


def test_an_upright_body_fills_the_middle_of_its_box() -> None:
    shape = person_map([Person(Box(0.4, 0.1, 0.6, 0.9), has_face=False, presence=0.5)], (96, 54))
    assert 0.4 < shape[27, 48] <= 0.5
    assert shape[27, 20] < 0.05


def test_nobody_is_an_empty_map() -> None:
    assert not person_map([], (96, 54)).any()


def test_boxes() -> None:
    whole, half = Box(0, 0, 1, 1), Box(0, 0, 0.5, 1)
    assert whole.overlap(half) == pytest.approx(0.5)
    assert half.overlap(Box(0.6, 0, 1, 1)) == 0
    assert whole.towards(half, 0.5) == Box(0, 0, 0.75, 1)
