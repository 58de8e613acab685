"""The OpenAPI document: complete, kept by the server, and enough to make a client from."""

from __future__ import annotations

import argparse
import base64
import importlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from video3d.cli import build_parser

METHODS = ("get", "put", "post", "patch", "delete")


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method in METHODS:
                yield f"{method} {path}", operation


def test_every_operation_says_what_it_does_takes_and_gives(client: Any) -> None:
    document = client.get("/openapi.json").json()
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(names) == len(set(names)) > 30
    for name, operation in operations(document):
        assert operation["summary"], name
        for status in ("400", "401", "403", "413", "422", "500"):
            example = operation["responses"][status]["content"]["application/json"]["example"]
            assert set(example) == {"error", "message", "stage", "remedy"}, (name, status)
        for status, answer in operation["responses"].items():
            content = answer.get("content", {}).get("application/json")
            assert content is None or "example" in content, (name, status)
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        assert body is None or "example" in body, name


def test_the_examples_of_answers_are_answers(client: Any) -> None:
    """What the document shows for GET /status, /settings, /presets and /models has the keys that the server sends."""
    document = client.get("/openapi.json").json()
    for path in ("/status", "/settings", "/presets", "/models", "/jobs", "/uploads"):
        responses = document["paths"][f"/video3d/v1{path}"]["get"]["responses"]
        assert set(responses["200"]["content"]["application/json"]["example"]) == set(client.get(path).json()), path


def test_what_the_api_can_do_the_command_line_can(client: Any) -> None:
    """The table in docs/api.md has every route, and every command in it is one."""
    text = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    table = re.search(r"<!-- routes and commands -->\n[^\n]*\n[^\n]*\n(.*?)\n<!-- end", text, re.DOTALL)
    assert table is not None
    rows = [row.split(" | ") for row in table[1].splitlines()]
    told = [route for row in rows for route in re.findall(r"`([^`]+)`", row[0])]
    document = client.get("/openapi.json").json()
    there = [f"{name.split()[0].upper()} {name.split('/video3d/v1')[1]}" for name, _ in operations(document)]
    assert sorted(told) == sorted(there)
    commands = {command for row in rows for command in re.findall(r"`([^`]+)`", row[1])}
    assert commands <= set(command_names(build_parser()))
    assert all(re.search("`|none: ", row[1]) for row in rows)


def command_names(parser: argparse.ArgumentParser, before: str = "") -> Iterator[str]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield before + name
                yield from command_names(inner, f"{before}{name} ")


@pytest.mark.needs("schemathesis")
def test_the_server_keeps_to_the_document(start: Callable[..., Any], tmp_path: Path) -> None:
    """Not asked: that what the schema allows is taken (an upload that is not there is refused), and the Allow header,
    which is starlette's own."""
    users = tmp_path / "users"
    users.write_text("ann:secret\n")
    address, _ = start("--users", str(users))
    word = base64.b64encode(b"ann:secret").decode()
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", f"{address}/openapi.json", "-H",
         f"Authorization: Basic {word}", "--phases", "examples,coverage,fuzzing", "-n", "2", "--seed", "1",
         "--no-color", "--exclude-path-regex", "/events$", "--exclude-checks",
         "positive_data_acceptance,negative_data_rejection,unsupported_method,allow_header_conformance"],
        capture_output=True, text=True, timeout=240, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]


@pytest.mark.needs("openapi_python_client")
def test_a_generated_client_works(start: Callable[..., Any], small_clip: Path, tmp_path: Path,
                                  monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    address, _ = start()
    document = tmp_path / "openapi.json"
    document.write_text(httpx.get(f"{address}/openapi.json").text)
    done = subprocess.run([sys.executable, "-m", "openapi_python_client", "generate", "--path", str(document),
                           "--meta", "none", "--output-path", str(tmp_path / "made_client")],
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "will not be generated" not in done.stdout + done.stderr
    monkeypatch.syspath_prepend(str(tmp_path))
    client = importlib.import_module("made_client").Client(base_url=address.removesuffix("/video3d/v1"))
    routes = {name: importlib.import_module(f"made_client.api.{tag}.{name}") for tag, name in _modules(tmp_path)}
    status = next(module for name, module in routes.items() if name.startswith("status"))
    jobs = next(module for name, module in routes.items() if name.startswith("list_jobs"))
    with client:
        assert status.sync(client=client).host == "stand-alone"
        assert jobs.sync(client=client).jobs == []
    for name in [name for name in sys.modules if name.startswith("made_client")]:
        del sys.modules[name]


def _modules(folder: Path) -> list[tuple[str, str]]:
    return [(file.parent.name, file.stem) for file in (folder / "made_client" / "api").glob("*/*.py")
            if file.stem != "__init__"]
