"""Which control a declaration becomes: with a stand-in for gradio that remembers what it was asked to draw."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest

from video3d.params import Param, Parameter, parameters
from video3d.ui.controls import Control, label, make_control


class Weather(str, enum.Enum):
    FAIR = "fair"
    FOUL = "foul"


@dataclass(frozen=True)
class Group:
    depth: Annotated[float | None, Param("How deep.", minimum=0, maximum=5, step=0.1, unit="%",
                                         none_means="auto")] = None
    count: Annotated[int, Param("How many.", minimum=0, maximum=8)] = 2
    begin: Annotated[float, Param("From when.", minimum=0, unit="s")] = 0.0
    end: Annotated[float | None, Param("Until when.", minimum=0, none_means="end")] = None
    weather: Annotated[Weather, Param("How it is.")] = Weather.FAIR
    wind: Annotated[Weather | None, Param("How it blows.", none_means="auto")] = None
    swap: Annotated[bool, Param("The other way round.")] = False


@dataclass(frozen=True)
class Settings:
    group: Group = field(default_factory=Group)


@dataclass
class Drawn:
    """A component."""

    kind: str
    arguments: dict[str, Any]
    do_not_save_to_config: bool = False


class Gradio:
    """Draws nothing."""

    def __getattr__(self, kind: str) -> Any:
        def draw(*positional: Any, **arguments: Any) -> Drawn:
            if positional:
                arguments["minimum"], arguments["maximum"] = positional
            return Drawn(kind, arguments)

        return draw


DECLARED: dict[str, Parameter] = {parameter.name: parameter for parameter in parameters(Settings)}


def control(name: str) -> Control:
    return make_control(Gradio(), DECLARED[name])


@pytest.mark.parametrize(("name", "kind", "value"), [
    ("depth", "Slider", 2.5), ("count", "Slider", 2), ("begin", "Number", 0.0), ("end", "Textbox", ""),
    ("weather", "Radio", "fair"), ("wind", "Radio", "auto"), ("swap", "Checkbox", False),
])  # fmt: skip
def test_each_kind_of_setting_has_its_control(name: str, kind: str, value: Any) -> None:
    drawn = control(name)
    assert (drawn.component.kind, drawn.component.arguments["value"]) == (kind, value)
    assert drawn.shown == value
    assert all(component.do_not_save_to_config for component in drawn.components)


def test_a_slider_that_may_be_left_to_the_program_has_a_box() -> None:
    drawn = control("depth")
    assert drawn.automatic.kind == "Checkbox"
    assert drawn.automatic.arguments["value"] is True
    assert drawn.automatic.arguments["label"] == "Depth: automatic"
    assert len(drawn.components) == 2
    assert len(control("count").components) == 1


def test_the_script_is_told_what_it_needs() -> None:
    assert control("depth").describe() == {
        "name": "depth", "label": "Depth (%)", "kind": "number", "none": "auto", "automatic": True, "default": "auto",
        "shown": 2.5, "first": "auto", "offersNone": False, "minimum": 0, "maximum": 5, "step": 0.1}
    assert control("weather").describe()["default"] == "fair"
    assert control("wind").describe()["offersNone"] is True


def test_a_slider_tells_its_bounds() -> None:
    told = control("depth").describe()
    assert (told["minimum"], told["maximum"], told["step"]) == (0, 5, 0.1)
    assert "minimum" not in control("weather").describe()


@pytest.mark.parametrize(("name", "preferred", "first"), [
    ("depth", 1.5, 1.5), ("depth", "auto", "auto"), ("depth", 99, "auto"), ("weather", "foul", "foul"),
    ("weather", "hail", "fair"), ("swap", True, True), ("depth", None, "auto"),
])  # fmt: skip
def test_the_page_begins_with_what_this_places_user_prefers(name: str, preferred: Any, first: Any) -> None:
    made = make_control(Gradio(), DECLARED[name], preferred=preferred)
    assert made.describe()["first"] == first


def test_a_preference_that_is_not_offered_is_left_out() -> None:
    made = make_control(Gradio(), DECLARED["weather"], [("Sun", "fair"), ("Wind", "windy")], preferred="foul")
    assert made.first == "fair"


def test_units_stand_in_the_label() -> None:
    assert label(DECLARED["depth"]) == "Depth (%)"
    assert label(DECLARED["swap"]) == "Swap"


def test_a_list_of_an_old_gradio_holds_words_and_the_script_is_told_their_values() -> None:
    old = Gradio()
    vars(old)["__version__"] = "3.41.2"
    offered = [("Sun", "fair"), ("Rain", "foul"), ("Snow", "cold"), ("Wind", "blow"), ("Rain", "hail")]
    made = make_control(old, DECLARED["weather"], offered)
    words = {"Sun": "fair", "Rain (foul)": "foul", "Snow": "cold", "Wind": "blow", "Rain (hail)": "hail"}
    assert made.component.kind == "Dropdown"
    assert (made.component.arguments["choices"], made.component.arguments["value"]) == (list(words), "Sun")
    assert (made.describe()["words"], made.describe()["shown"]) == (words, "fair")
    new = make_control(Gradio(), DECLARED["weather"], offered)
    assert (new.component.arguments["choices"], new.component.arguments["value"]) == (offered, "fair")
    assert "words" not in new.describe()


def test_given_choices_stand_in_for_declared_ones() -> None:
    drawn = make_control(Gradio(), DECLARED["weather"], [("Sun", "fair")] * 9, visible=False)
    assert drawn.component.kind == "Dropdown"
    assert drawn.component.arguments["visible"] is False
