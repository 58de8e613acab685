"""Every text that the page shows, so that translations can be checked for being complete."""

from __future__ import annotations

import re
from collections.abc import Iterator

from video3d.params import Parameter, parameters
from video3d.settings import ConversionSettings
from video3d.ui.controls import automatic_label, declared_choices, help_line, is_slider, label
from video3d.ui.devices import device_choices
from video3d.ui.page import scripts
from video3d.ui.words import ADVANCED, AUTOMATIC, CONVERT, GROUPS, STOP

_IN_SCRIPT = re.compile(r'\bt\("((?:[^"\\]|\\.)*)"')


def drawn_texts() -> set[str]:
    """What gradio draws; names of depth models stay as they are."""
    texts = {ADVANCED, AUTOMATIC, CONVERT, STOP, *GROUPS.values()}
    for parameter in parameters(ConversionSettings):
        texts.update(_of(parameter))
    return texts


def script_texts() -> set[str]:
    """What the browser's scripts say."""
    return {text for path in scripts() for text in _IN_SCRIPT.findall(path.read_text(encoding="utf-8"))}


def _of(parameter: Parameter) -> Iterator[str]:
    yield label(parameter)
    yield help_line(parameter)
    if parameter.optional and is_slider(parameter):
        yield automatic_label(parameter)
    elif parameter.optional and not parameter.choices:
        yield parameter.param.none_means
    choices = device_choices() if parameter.name == "preset" else declared_choices(parameter)
    yield from (word for word, _ in choices)
