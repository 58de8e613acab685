"""One gradio control, or two, for each declared setting: nothing about a setting is said twice."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from video3d.errors import SettingsError
from video3d.params import Parameter
from video3d.ui.words import FIRST_VALUES, HELP, LABELS, RADIOS, choice_word

Choice = tuple[str, str]
"""What is shown, and the value that stands for it."""
_RADIO_CHOICES = 4


@dataclass(frozen=True)
class Control:
    """A setting on the page. The script gets its value, or the setting's own word where `automatic` is ticked."""

    parameter: Parameter
    component: Any
    shown: Any
    """The component's value before anybody touched it."""
    first: Any
    """What the page begins with, as JSON."""
    automatic: Any = None
    """A tick box beside a slider: "let the program choose"."""
    words: tuple[Choice, ...] = ()
    """What the component holds in place of each value, where gradio cannot show one thing and hold another."""

    @property
    def components(self) -> tuple[Any, ...]:
        """What the page reads and writes, in order."""
        return (self.component,) if self.automatic is None else (self.component, self.automatic)

    def describe(self) -> dict[str, Any]:
        """What the script must know to read and write it."""
        parameter, param = self.parameter, self.parameter.param
        return {
            "name": parameter.name, "label": label(parameter),
            "kind": "number" if parameter.type in (int, float) else parameter.type.__name__,
            "none": param.none_means if parameter.optional else None, "automatic": self.automatic is not None,
            "default": parameter.to_json(parameter.default), "shown": self.shown,
            "first": self.first,
            "offersNone": parameter.optional and bool(parameter.choices),
            **({"words": dict(self.words)} if self.words else {}),
            **({"minimum": param.minimum, "maximum": param.maximum, "step": param.step or 1}
               if is_slider(parameter) else {}),
        }


def first_value(parameter: Parameter, preferred: Any = None) -> Any:
    """What the page begins with, as JSON: what this place's user prefers, where that can be used."""
    if preferred is not None:
        with suppress(SettingsError):
            return parameter.to_json(parameter.parse(preferred))
    return parameter.to_json(FIRST_VALUES.get(parameter.name, parameter.default))


def label(parameter: Parameter) -> str:
    """The control's name, with the unit."""
    words = LABELS.get(parameter.name) or parameter.label
    return f"{words} ({parameter.param.unit})" if parameter.param.unit else words


def automatic_label(parameter: Parameter) -> str:
    """The name of the tick box beside a slider."""
    words = "automatic" if parameter.param.none_means == "auto" else parameter.param.none_means
    return f"{LABELS.get(parameter.name) or parameter.label}: {words}"


def help_line(parameter: Parameter) -> str:
    """One plain line."""
    return HELP.get(parameter.name) or parameter.param.help


def make_control(gradio: Any, parameter: Parameter, choices: Sequence[Choice] = (), *, preferred: Any = None,
                 visible: bool = True) -> Control:
    """Draws the control of a setting where the page is being built; `choices` replace those that are declared."""
    offered = list(choices) or declared_choices(parameter)
    first = first_value(parameter, preferred)
    if offered and first not in [value for _, value in offered]:
        first = first_value(parameter)
    common: dict[str, Any] = {
        "label": label(parameter), "info": help_line(parameter), "elem_id": f"video3d_{parameter.name}",
        "visible": visible,
    }
    if offered:
        is_short = len(offered) <= _RADIO_CHOICES or parameter.name in RADIOS
        if is_short:
            return _plain(parameter, gradio.Radio, first, first, choices=offered, **common)
        return _dropdown(gradio, parameter, offered, first, common)
    if parameter.type is bool:
        return _plain(parameter, gradio.Checkbox, first, first, **common)
    if is_slider(parameter):
        return _slider(gradio, parameter, first, common)
    if parameter.type in (int, float) and not parameter.optional:
        return _plain(parameter, gradio.Number, parameter.default, first, **common)
    shown = "" if parameter.default is None else str(parameter.default)
    placeholder = parameter.param.none_means if parameter.optional else ""
    return _plain(parameter, gradio.Textbox, shown, first, placeholder=placeholder, max_lines=1, **common)


def declared_choices(parameter: Parameter) -> list[Choice]:
    """(word, value) of a setting's choices, the automatic one first."""
    words = [(choice_word(parameter.name, value), value) for value in parameter.choices]
    if words and parameter.optional:
        none = parameter.param.none_means
        words.insert(0, (choice_word(parameter.name, none), none))
    return words


def _dropdown(gradio: Any, parameter: Parameter, offered: Sequence[Choice], first: Any,
              common: dict[str, Any]) -> Control:
    if not str(gradio.__version__).startswith("3."):
        return _plain(parameter, gradio.Dropdown, first, first, choices=offered, **common)
    words = _unlike(offered)
    shown = next(word for word, value in words if value == first)
    drawn = gradio.Dropdown(value=shown, choices=[word for word, _ in words], **common)
    return Control(parameter, _kept_out_of_files(drawn), first, first, words=words)


def _unlike(offered: Sequence[Choice]) -> tuple[Choice, ...]:
    """Each word once: it must tell its value."""
    words = [word for word, _ in offered]
    return tuple((word if words.count(word) == 1 else f"{word} ({value})", value) for word, value in offered)


def _plain(parameter: Parameter, draw: Any, value: Any, first: Any, **arguments: Any) -> Control:
    return Control(parameter, _kept_out_of_files(draw(value=value, **arguments)), value, first)


def is_slider(parameter: Parameter) -> bool:
    """Whether a setting is moved between two bounds."""
    param = parameter.param
    is_bounded = param.minimum is not None and param.maximum is not None
    return is_bounded and (param.step is not None or parameter.type is int)


def _slider(gradio: Any, parameter: Parameter, first: Any, common: dict[str, Any]) -> Control:
    param = parameter.param
    shown = parameter.default if parameter.default is not None else _middle(parameter)
    slider = gradio.Slider(param.minimum, param.maximum, value=shown, step=param.step or 1, **common)
    box = None
    if parameter.optional:
        box = _kept_out_of_files(gradio.Checkbox(
            value=parameter.default is None, label=automatic_label(parameter), visible=common["visible"],
            elem_id=f"video3d_{parameter.name}_automatic"))
    return Control(parameter, _kept_out_of_files(slider), shown, first, box)


def _middle(parameter: Parameter) -> float:
    low, high, step = parameter.param.minimum or 0, parameter.param.maximum or 1, parameter.param.step or 1
    return round(round((low + high) / 2 / step) * step, 6)


def _kept_out_of_files(component: Any) -> Any:
    """The webui's ui-config.json would keep today's defaults for ever, against every later version's."""
    component.do_not_save_to_config = True
    return component
