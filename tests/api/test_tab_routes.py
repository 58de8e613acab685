"""What a webui without `--api` answers: the tab's own script says what it needs, a real application what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="fastapi is missing")

from fastapi import FastAPI
from fastapi.testclient import TestClient

from video3d.api import PREFIX, Guard, Service, create_router
from video3d.api.tab_routes import TAB_ROUTES
from video3d.host import StandaloneHost
from video3d.queue import JobQueue

SCRIPT = Path(__file__).resolve().parents[2] / "javascript" / "video3d_1_routes.js"
VERBS = ("pause", "resume", "cancel", "retry", "folder")
"""What the script's buttons add to a job's address."""


class Host(StandaloneHost):
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def work_folder(self) -> Path:
        return self._folder


@pytest.fixture
def service(tmp_path: Path) -> Service:
    host = Host(tmp_path)
    return Service(host, JobQueue(host, tmp_path / "queue"))


def client_of(service: Service, *, for_tab_alone: bool) -> TestClient:
    app = FastAPI()
    app.include_router(create_router(service, Guard(), for_tab_alone=for_tab_alone))
    return TestClient(app)


def asked_by_the_script() -> set[tuple[str, str]]:
    """(method, path with {} for each name) of every address in the script that knows them all."""
    found: set[tuple[str, str]] = set()
    text = SCRIPT.read_text(encoding="utf-8")
    for call in re.finditer(r"""\b(?:request\.open\("(?P<before>\w+)", )?(?:ask|address)\((?=[`"r])""", text):
        inside = argument(text, call.end())
        method = re.search(r'method: "(\w+)"', inside)
        name = call["before"] or (method[1] if method else "GET")
        for path in re.findall(r"[`\"]([a-z]+(?:[/?][^`\"]*)?)[`\"]", inside.split(", {")[0]):
            named = "/" + re.sub(r"\$\{[^}]*\}", "{}", path).split("?")[0]
            verbs = VERBS if named == "/jobs/{}/{}" else ("",)
            found |= {(name, named.replace("/{}/{}", "/{}/" + verb)) for verb in verbs}
    return found


def argument(text: str, begin: int) -> str:
    """From `begin` to the parenthesis that closes the one before it."""
    depth = 1
    for end in range(begin, len(text)):
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        if not depth:
            return text[begin:end]
    raise AssertionError("a parenthesis is not closed")


def test_the_tab_has_every_route_that_its_script_asks_for() -> None:
    asked = asked_by_the_script()
    assert len(asked) > 15, "the script's addresses were not understood"
    there = {(method, re.sub(r"\{\w+\}", "{}", path)) for method, path in TAB_ROUTES}
    assert asked <= there, asked - there


def test_what_only_programs_ask_for_is_not_there(service: Service) -> None:
    client, everything = (client_of(service, for_tab_alone=alone) for alone in (True, False))
    for method, path in (
        ("GET", "/settings"), ("GET", "/jobs/events"), ("GET", "/jobs/{job_id}"), ("POST", "/image"),
        ("GET", "/uploads"), ("PATCH", "/uploads/{upload_id}"), ("GET", "/uploads/{upload_id}/content"),
    ):
        answer = client.request(method, PREFIX + path)
        assert answer.status_code in (404, 405)
        assert "error" not in answer.json(), "one of our routes has answered"
        assert method.lower() in everything.app.openapi()["paths"][PREFIX + path]  # type: ignore[attr-defined]


def test_what_the_tab_asks_for_is_there(service: Service) -> None:
    client = client_of(service, for_tab_alone=True)
    for path in ("/status", "/jobs", "/presets", "/models"):
        assert client.get(PREFIX + path).status_code == 200
    assert client.head(PREFIX + "/jobs/none/result").status_code == 404
    for path in ("/jobs/none/result", "/shots/picture?upload=none&at=0"):  # the second: where /shots says pictures are
        assert client.get(PREFIX + path).json()["error"] == "MissingError"
