"""The server without a browser: what it says, and that it goes."""

from __future__ import annotations

import json
import signal
import urllib.request
from collections.abc import Callable
from typing import Any


def test_the_page_and_the_routes_are_at_one_address(address: str) -> None:
    with urllib.request.urlopen(address, timeout=30) as answer:
        page = answer.read().decode()
    assert "video3d-assets/javascript/video3d.js" in page
    with urllib.request.urlopen(address + "video3d/v1/status", timeout=30) as answer:
        assert json.loads(answer.read())["host"] == "stand-alone"
    with urllib.request.urlopen(address + "video3d-assets/style.css", timeout=30) as answer:
        assert answer.headers["content-type"].startswith("text/css")


def test_ctrl_c_ends_it_and_it_leaves_nothing(command: Callable[..., Any]) -> None:
    with command() as server:
        try:
            assert json.loads(server.stdout.readline())["event"] == "listening"
            server.send_signal(signal.SIGINT)
            assert server.wait(20) in (0, 130)
        finally:
            server.kill()
