"""Every text that the page shows, so that translations can be checked for being complete."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from video3d import errors
from video3d.depth.registry import BUILTIN_LABEL
from video3d.params import Parameter, parameters
from video3d.settings import ConversionSettings
from video3d.ui.controls import automatic_label, declared_choices, help_line, is_slider, label
from video3d.ui.devices import device_choices
from video3d.ui.page import scripts
from video3d.ui.words import ADVANCED, AUTOMATIC, CONVERT, GROUPS, STOP

PACKAGE = Path(errors.__file__).parent
ELSEWHERE = ("cli", "ui", "console.py")
"""Rooms whose sentences no page shows."""
_IN_SCRIPT = re.compile(r'\bt\("((?:[^"\\]|\\.)*)"')


def drawn_texts() -> set[str]:
    """What gradio draws; names of networks stay as they are."""
    texts = {BUILTIN_LABEL, ADVANCED, AUTOMATIC, CONVERT, STOP, *GROUPS.values()}
    for parameter in parameters(ConversionSettings):
        texts.update(_of(parameter))
    return texts


def script_texts() -> set[str]:
    """What the browser's scripts say."""
    return {text for path in scripts() for text in _IN_SCRIPT.findall(path.read_text(encoding="utf-8"))}


def option_texts() -> set[str]:
    """What the webui's Settings say of ours: names, and explanations, which stand there in brackets."""
    tree = ast.parse((PACKAGE / "webui" / "options.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    made = [call.args[1] for call in calls if getattr(call.func, "id", "") == "info"]
    told = [call.args[0] for call in calls if getattr(call.func, "attr", "") == "info"]
    return {_sentence(name) for name in made} | {f"({_sentence(line)})" for line in told}


def told_texts() -> set[str]:
    """What the program tells at run time: errors, remedies and notices, with {0}, {1} … for what differs each time.

    Found in its source. A page shows the translated ones in its language, and all others as they are.
    """
    rooms = [path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in ELSEWHERE]
    return {text for path in rooms for text in _told_in(ast.parse(path.read_text(encoding="utf-8")))}


def _told_in(tree: ast.Module) -> Iterator[str]:
    kinds = {name for name, value in vars(errors).items() if isinstance(value, type)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            told = [*node.args[:1], *(word.value for word in node.keywords if word.arg == "remedy")]
            if name in kinds:
                yield from filter(None, map(_sentence, told))
            elif name == "notice":
                yield from filter(None, map(_sentence, node.args[:1]))
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and _is_sentence(node.value.value):
            yield str(node.value.value)


def _sentence(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if not isinstance(node, ast.JoinedStr):
        return ""
    places = iter(range(len(node.values)))
    return "".join(str(part.value) if isinstance(part, ast.Constant) else f"{{{next(places)}}}" for part in node.values)


def _is_sentence(value: object) -> bool:
    return isinstance(value, str) and value.endswith(".") and " " in value


def _of(parameter: Parameter) -> Iterator[str]:
    yield label(parameter)
    yield help_line(parameter)
    if parameter.optional and is_slider(parameter):
        yield automatic_label(parameter)
    elif parameter.optional and not parameter.choices:
        yield parameter.param.none_means
    choices = device_choices() if parameter.name == "preset" else declared_choices(parameter)
    yield from (word for word, _ in choices)
