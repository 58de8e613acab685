"""Every text that the page shows, so that translations can be checked for being complete."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from video3d import errors
from video3d.depth.registry import BUILTIN_LABEL
from video3d.params import Parameter, parameters
from video3d.queue.model import JobState
from video3d.settings import ConversionSettings
from video3d.ui.controls import automatic_label, declared_choices, help_line, is_slider, label
from video3d.ui.devices import device_choices
from video3d.ui.page import scripts
from video3d.ui.words import ADVANCED, AUTOMATIC, CONVERT, GROUPS, STOP

PACKAGE = Path(errors.__file__).parent
ELSEWHERE = ("cli", "ui", "console.py", "depth_export.py", "diagnostics.py", "media/inspect_file.py",
             "media/players.py", "api/server.py", "api/examples.py", "sample", "stereo/comfort.py")
"""Rooms whose sentences no page shows."""
DOCUMENTED = "api"
"""Where most sentences describe the routes: only what an error says there comes to a page."""
REASONS = ("depth/download.py", "depth/networks/checkpoint.py", "depth/networks/loading.py", "depth/onnx.py",
           "depth/onnx_graph.py", "depth/registry.py", "media/decoding.py", "media/probing.py", "media/tracks.py",
           "params.py", "presets/apply.py", "queue/job_queue.py", "shot_edits.py")
"""Rooms whose sentences are put together: what they name as a reason or a kind is a text of its own."""
DESCRIBING = frozenset({"Param", "Reference", "warning", "exception", "debug", "replace", "compile", "match",
                        "fullmatch", "warn"})
"""Calls whose texts are no part of a conversation."""
DESCRIPTIONS = frozenset({"description", "summary", "why", "details"})
"""Names under which texts are kept that no page shows."""
_BETWEEN = re.compile(r"(?<=\.) (?=\S)")
"""Where one sentence ends and the next begins; the page divides what it is told in the same way."""
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

    Found in its source, a text for each sentence. The words of a job's state belong to them.
    """
    found = {state.value for state in JobState}
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE)
        if not any(room.is_relative_to(place) for place in ELSEWHERE):
            found.update(_told_in(room, ast.parse(path.read_text(encoding="utf-8"))))
    return found


def _told_in(room: Path, tree: ast.Module) -> Iterator[str]:
    for text in map(_sentence, _said_by_name(tree)):
        yield from _one_by_one(text)
    if room.parts[0] == DOCUMENTED:
        return
    for text in map(_sentence, _said(tree)):
        if _is_sentence(text):
            yield from _one_by_one(text)
        elif room.as_posix() in REASONS and _is_reason(text):
            yield text


def _said_by_name(tree: ast.Module) -> Iterator[ast.expr]:
    """What errors are made with, what `notice` is called with, and sentences that have a name."""
    kinds = {name for name, value in vars(errors).items() if isinstance(value, type)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = _called(node)
            if name in kinds:
                yield from [*node.args[:1], *(word.value for word in node.keywords if word.arg == "remedy")]
            elif name == "notice":
                yield from node.args[:1]
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and _is_sentence(node.value.value):
            yield node.value


def _said(node: ast.AST) -> Iterator[ast.expr]:
    """Every text below `node`, but for docstrings, descriptions and what goes into a log."""
    if isinstance(node, (ast.Constant, ast.JoinedStr)):
        yield node
        nested = [part.value for part in getattr(node, "values", []) if isinstance(part, ast.FormattedValue)]
    elif isinstance(node, ast.Call) and _called(node) in DESCRIBING:
        nested = []
    elif isinstance(node, ast.Dict):
        nested = [value for key, value in zip(node.keys, node.values, strict=True)
                  if not (isinstance(key, ast.Constant) and key.value in DESCRIPTIONS)]
    else:
        nested = [child for child in ast.iter_child_nodes(node)
                  if not (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant))
                  and not (isinstance(child, ast.keyword) and child.arg in DESCRIPTIONS)]
    for child in nested:
        yield from _said(child)


def _called(call: ast.Call) -> str:
    return str(getattr(call.func, "id", getattr(call.func, "attr", "")))


def _one_by_one(text: str) -> Iterator[str]:
    """The sentences of a text, the places of each counted from 0."""
    for sentence in _BETWEEN.split(text.strip()):
        places = count()
        counted = re.sub(r"\{\d+\}", lambda _: f"{{{next(places)}}}", sentence)  # noqa: B023 - called at once
        if re.search("[a-z]", re.sub(r"\{\d\}", "", counted)):
            yield counted


def _sentence(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if not isinstance(node, ast.JoinedStr):
        return ""
    places = count()
    return "".join(str(part.value) if isinstance(part, ast.Constant) else f"{{{next(places)}}}" for part in node.values)


def _is_sentence(value: object) -> bool:
    return isinstance(value, str) and bool(re.search(r"[a-z] .*[a-z].*\.$|^[A-Z`].*[a-z] .*[a-z].*: \{\d\}$", value))


def _is_reason(text: str) -> bool:
    return bool(re.fullmatch(r"[a-z\"{].*[a-z] .*[a-z})]", text))


def _of(parameter: Parameter) -> Iterator[str]:
    yield label(parameter)
    yield help_line(parameter)
    if parameter.optional and is_slider(parameter):
        yield automatic_label(parameter)
    elif parameter.optional and not parameter.choices:
        yield parameter.param.none_means
    choices = device_choices() if parameter.name == "preset" else declared_choices(parameter)
    yield from (word for word, _ in choices)
