from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field
from typing import Annotated

import pytest
from hypothesis import given
from hypothesis import strategies as st

from video3d.errors import SettingsError
from video3d.params import Param, from_values, json_schema, parameters, to_values


class Colour(str, enum.Enum):
    RED = "red"
    BLUE_GREEN = "blue-green"


@dataclass(frozen=True)
class First:
    amount: Annotated[float, Param("How much.", minimum=0, maximum=2, unit="%")] = 1.0
    steps: Annotated[int, Param("How many.", minimum=1)] = 3
    limit: Annotated[float | None, Param("At most.", minimum=0.5, none_means="off")] = None


@dataclass(frozen=True)
class Second:
    colour: Annotated[Colour, Param("Which one.", label="Hue")] = Colour.RED
    loud_voice: Annotated[bool, Param("Whether.", advanced=True)] = False
    name: Annotated[str, Param("What it is called.")] = "x"


@dataclass(frozen=True)
class Groups:
    first: First = field(default_factory=First)
    second: Second = field(default_factory=Second)


BY_NAME = {parameter.name: parameter for parameter in parameters(Groups)}


def test_all_are_found_in_declared_order() -> None:
    assert [(p.group, p.name) for p in parameters(Groups)] == [
        ("first", "amount"), ("first", "steps"), ("first", "limit"),
        ("second", "colour"), ("second", "loud_voice"), ("second", "name"),
    ]  # fmt: skip
    assert BY_NAME["limit"].optional
    assert BY_NAME["limit"].type is float
    assert not BY_NAME["amount"].optional


def test_the_declaration_is_read_once() -> None:
    """Every answer about a job lists its settings: reading the annotations anew took most of the server's time."""
    assert parameters(Groups) is parameters(Groups)


def test_flag_and_label_come_from_the_name_unless_said_otherwise() -> None:
    assert (BY_NAME["loud_voice"].flag, BY_NAME["loud_voice"].label) == ("--loud-voice", "Loud voice")
    assert BY_NAME["colour"].label == "Hue"


@pytest.mark.parametrize(("name", "given_value", "expected"), [
    ("amount", "1.5", 1.5), ("amount", 2, 2.0), ("amount", 0, 0.0),
    ("steps", "4", 4), ("steps", 4.0, 4),
    ("limit", "off", None), ("limit", None, None), ("limit", "0.5", 0.5),
    ("colour", "blue-green", Colour.BLUE_GREEN), ("colour", Colour.RED, Colour.RED),
    ("loud_voice", "on", True), ("loud_voice", "False", False), ("loud_voice", True, True),
    ("name", "é", "é"),
])  # fmt: skip
def test_what_is_allowed_is_read(name: str, given_value: object, expected: object) -> None:
    parsed = BY_NAME[name].parse(given_value)
    assert parsed == expected
    assert type(parsed) is type(expected)


@pytest.mark.parametrize(("name", "given_value", "allowed"), [
    ("amount", "2.1", "a number from 0 to 2 %"), ("amount", -0.001, "a number from 0 to 2 %"),
    ("amount", "nan", "a number from 0 to 2 %"), ("amount", "much", "a number from 0 to 2 %"),
    ("amount", None, "a number from 0 to 2 %"), ("amount", True, "a number from 0 to 2 %"),
    ("steps", "0", "a whole number of at least 1"), ("steps", 1.5, "a whole number of at least 1"),
    ("steps", "1.5", "a whole number of at least 1"), ("steps", math.inf, "a whole number of at least 1"),
    ("limit", "0.4", "a number of at least 0.5, or off"), ("limit", "inf", "a number of at least 0.5, or off"),
    ("colour", "green", "red, blue-green"), ("loud_voice", "perhaps", "true or false"),
    ("loud_voice", 2, "true or false"),
])  # fmt: skip
def test_what_is_not_allowed_is_refused_with_the_range(name: str, given_value: object, allowed: str) -> None:
    with pytest.raises(SettingsError) as caught:
        BY_NAME[name].parse(given_value)
    assert BY_NAME[name].flag in str(caught.value)
    assert repr(given_value) in str(caught.value)
    assert str(caught.value).endswith(f"Allowed: {allowed}.")


values = st.fixed_dictionaries({
    "amount": st.floats(0, 2), "steps": st.integers(1, 10**6), "limit": st.none() | st.floats(0.5, 1e6),
    "colour": st.sampled_from(Colour), "loud_voice": st.booleans(), "name": st.text(),
})  # fmt: skip


@given(values)
def test_values_survive_the_round_trip(chosen: dict[str, object]) -> None:
    settings = from_values(Groups, chosen)
    flat = to_values(settings)
    assert from_values(Groups, flat) == settings
    assert {name: BY_NAME[name].parse(value) for name, value in flat.items()} == chosen


def test_nothing_given_means_the_defaults() -> None:
    assert from_values(Groups, {}) == Groups()


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(SettingsError, match="There is no setting 'amuont'"):
        from_values(Groups, {"amuont": 1})


def test_the_schema_states_types_ranges_defaults_and_help() -> None:
    schema = json_schema(Groups)
    assert schema["additionalProperties"] is False
    assert list(schema["properties"]) == list(BY_NAME)
    assert schema["properties"]["amount"] == {
        "title": "Amount", "description": "How much.", "default": 1.0, "type": "number", "minimum": 0, "maximum": 2,
    }  # fmt: skip
    assert schema["properties"]["limit"]["anyOf"] == [{"type": "number", "minimum": 0.5}, {"const": "off"}]
    assert schema["properties"]["limit"]["default"] == "off"
    assert schema["properties"]["colour"]["enum"] == ["red", "blue-green"]
    assert schema["properties"]["loud_voice"]["type"] == "boolean"
    assert schema["properties"]["steps"]["type"] == "integer"
