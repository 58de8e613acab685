"""The cut list that a person edited: shots merged and split, strength and screen plane set for each.

As JSON, `{"format": "video3d shots 1", "shots": [{"start": 0, "strength": 2.5, "convergence": 0.4}, {"start": 4.2}]}`.
Where a shot begins is all that counts: taking an entry out merges its shot with the one before, adding one splits.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, cast

from video3d.errors import SettingsError
from video3d.params import Parameter, parameters
from video3d.settings import ConversionSettings

FORMAT = "video3d shots 1"
LATE = Fraction(1, 2000)
"""Seconds that a frame may come before a shot's stated start and still be its first: times in JSON are rounded."""
MOST_SHOTS = 200_000
_TOLD = ("index", "end", "thumbnail")
"""What `video3d shots` tells besides, and nobody needs to give."""


@dataclass(frozen=True)
class ShotValues:
    """What is set for one shot; None leaves it to the conversion's settings."""

    strength: float | None = None
    """Per cent of the width."""
    convergence: float | None = None
    """Nearness that lies on the screen, 0…1."""

    def to_json(self) -> dict[str, Any]:
        """Both, by name, with the setting's own word for none."""
        return {name: _parameter(name).to_json(getattr(self, name)) for name in ("strength", "convergence")}


    def over(self, settings: ConversionSettings) -> ConversionSettings:
        """The settings as they are in this shot."""
        given = {name: value for name, value in vars(self).items() if value is not None}
        return replace(settings, stereo=replace(settings.stereo, **given))


@dataclass(frozen=True)
class EditedShot:
    """A shot of the list."""

    start: float
    """Seconds from the source's first frame."""
    values: ShotValues = ShotValues()


@dataclass(frozen=True)
class ShotEdits:
    """Shots by rising start. What comes before the first start belongs to the first shot."""

    shots: tuple[EditedShot, ...]

    def values_at(self, seconds: Fraction) -> ShotValues:
        """What is set for the shot that a frame belongs to."""
        before = [shot for shot in self.shots if Fraction(shot.start) - LATE <= seconds]
        return (before or list(self.shots[:1]))[-1].values

    def starts(self, times: Iterable[Fraction]) -> Iterator[bool]:
        """For rising times, in seconds from the source's first frame: whether a shot begins with the frame."""
        reached = -1
        for seconds in times:
            before = reached
            while reached + 1 < len(self.shots) and Fraction(self.shots[reached + 1].start) - LATE <= seconds:
                reached += 1
            yield reached != before and before >= 0

    def to_json(self) -> dict[str, Any]:
        """As the file holds it; `read_shots` reads it back."""
        return {"format": FORMAT, "shots": [_entry(shot) for shot in self.shots]}


def merged(edits: ShotEdits, index: int) -> ShotEdits:
    """Shot `index` becomes part of the one before it, with that one's values; SettingsError where there is none."""
    _check_index(edits, index, first=1)
    return ShotEdits(edits.shots[:index] + edits.shots[index + 1:])


def split(edits: ShotEdits, seconds: float) -> ShotEdits:
    """A new shot begins at `seconds`, with the values of the one it was in; SettingsError where one does already."""
    if any(abs(shot.start - seconds) <= LATE for shot in edits.shots) or not 0 <= seconds < math.inf:
        raise SettingsError(f"A shot cannot be split at {seconds:g} s.", stage="shots",
                            remedy="Choose a time inside a shot.")
    new = EditedShot(seconds, edits.values_at(Fraction(seconds)))
    return ShotEdits(tuple(sorted((*edits.shots, new), key=lambda shot: shot.start)))


def with_values(edits: ShotEdits, index: int, values: ShotValues) -> ShotEdits:
    """Shot `index` with these values; SettingsError where they are out of range."""
    _check_index(edits, index, first=0)
    parsed = values_of({"strength": values.strength, "convergence": values.convergence}, f"shot {index}")
    shots = list(edits.shots)
    shots[index] = replace(shots[index], values=parsed)
    return ShotEdits(tuple(shots))


def read_shots(text: str, what: str = "the shots") -> ShotEdits:
    """The edits that a JSON text holds; SettingsError names what is wrong, in `what` and in which shot."""
    try:
        data = json.loads(text)
    except ValueError as problem:
        raise _wrong(what, f"it is not JSON ({problem})") from None
    return shots_of(data, what)


def shots_of(data: Any, what: str = "the shots") -> ShotEdits:
    """The edits that parsed JSON holds; see `read_shots`."""
    if not isinstance(data, dict) or cast("dict[str, Any]", data).get("format") != FORMAT:
        raise _wrong(what, f"an object with \"format\": \"{FORMAT}\" is expected")
    entries = cast("dict[str, Any]", data).get("shots")
    if not isinstance(entries, list) or not 0 < len(cast("list[Any]", entries)) <= MOST_SHOTS:
        raise _wrong(what, f"\"shots\" must be a list of 1 to {MOST_SHOTS} shots")
    shots = tuple(_shot(f"{what}: shot {number}", entry) for number, entry in enumerate(cast("list[Any]", entries)))
    for number in range(1, len(shots)):
        if shots[number].start - shots[number - 1].start <= LATE:
            raise _wrong(what, f"shot {number} begins at {shots[number].start:g} s, not after shot {number - 1} "
                               f"({shots[number - 1].start:g} s)")
    return ShotEdits(shots)


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of the file."""
    def setting(name: str) -> dict[str, Any]:
        return {key: value for key, value in _parameter(name).json_schema().items() if key != "default"}

    shot = {
        "type": "object", "additionalProperties": False, "required": ["start"],
        "properties": {
            "start": {"type": "number", "minimum": 0, "description": "Seconds from the first frame of the source."},
            "strength": setting("strength"), "convergence": setting("convergence"),
            "index": {"type": "integer", "description": "Told, and not read."},
            "end": {"type": "number", "description": "Told, and not read: a shot ends where the next begins."},
            "thumbnail": {"type": "string", "description": "Told, and not read: a picture of the shot."},
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "required": ["format", "shots"],
        "properties": {"format": {"const": FORMAT},
                       "shots": {"type": "array", "minItems": 1, "maxItems": MOST_SHOTS, "items": shot}},
    }


def _shot(what: str, entry: Any) -> EditedShot:
    if not isinstance(entry, dict):
        raise _wrong(what, "an object is expected")
    given = cast("dict[str, Any]", entry)
    for name in given:
        if name not in ("start", "strength", "convergence", *_TOLD):
            raise _wrong(what, f"there is no {name!r}")
    start = given.get("start")
    if isinstance(start, bool) or not isinstance(start, (int, float)) or not 0 <= start < math.inf:
        raise _wrong(what, f"\"start\" must be a number of at least 0 (seconds), not {start!r}")
    return EditedShot(float(start), values_of(given, what))


def values_of(given: Mapping[str, Any], what: str = "the shot") -> ShotValues:
    """What `given` sets, as numbers, text, or what JSON gives; SettingsError where a value is out of its range."""
    return ShotValues(*(_value(what, name, given.get(name)) for name in ("strength", "convergence")))


def _value(what: str, name: str, value: Any) -> float | None:
    try:
        return _parameter(name).parse(value)
    except SettingsError as problem:
        raise _wrong(what, f"\"{name}\" cannot be {value!r}", problem.remedy) from None


@functools.cache
def _parameter(name: str) -> Parameter:
    return next(parameter for parameter in parameters(ConversionSettings) if parameter.name == name)


def _entry(shot: EditedShot) -> dict[str, Any]:
    values = {"strength": shot.values.strength, "convergence": shot.values.convergence}
    return {"start": shot.start, **{name: value for name, value in values.items() if value is not None}}


def _check_index(edits: ShotEdits, index: int, first: int) -> None:
    if not first <= index < len(edits.shots):
        raise SettingsError(f"There is no shot {index} here.", stage="shots",
                            remedy=f"Shots are numbered from {first} to {len(edits.shots) - 1}.")


def _wrong(what: str, problem: str, remedy: str = "`video3d shots IN --json` shows what such a list looks like."
           ) -> SettingsError:
    return SettingsError(f"{what}: {problem}.", stage="shots", remedy=remedy)
