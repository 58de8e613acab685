from __future__ import annotations

import base64
from dataclasses import dataclass, field

import pytest

from video3d.api.guard import Caller, Guard
from video3d.errors import AccessError, LoginError


@dataclass
class Asked:
    headers: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, str] = field(default_factory=dict)


def basic(name: str, password: str) -> Asked:
    return Asked({"authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()})


def test_without_logins_everybody_is_the_same() -> None:
    assert Guard().admit("POST", Asked()) == Caller("")
    assert not Guard().needs_login


GUARD = Guard(users={"ann": "s3cret:with colon", "bob": "\u00fcber"}, tokens={"t0ken": "robot"},
              session=lambda cookies: {"c1": "carl"}.get(cookies.get("access-token", "")))


@pytest.mark.parametrize(("asked", "name"), [
    (basic("ann", "s3cret:with colon"), "ann"), (basic("bob", "\u00fcber"), "bob"),
    (Asked({"authorization": "Bearer t0ken"}), "robot"), (Asked({"authorization": "bearer t0ken"}), "robot"),
    (Asked(cookies={"access-token": "c1"}), "carl"),
])  # fmt: skip
def test_the_right_word_lets_in(asked: Asked, name: str) -> None:
    assert GUARD.admit("GET", asked) == Caller(name)


@pytest.mark.parametrize("asked", [
    Asked(), basic("ann", "s3cret"), basic("nobody", ""), basic("bob", "uber"), basic("", ""),
    Asked({"authorization": "Basic !!!"}), Asked({"authorization": "Basic /w=="}), Asked({"authorization": "Basic"}),
    Asked({"authorization": "Bearer "}), Asked({"authorization": "Bearer robot"}), Asked({"authorization": "t0ken"}),
    Asked(cookies={"access-token": "c2"}), Asked({"authorization": "Bearer \u00fc"}),
])  # fmt: skip
def test_all_else_does_not(asked: Asked) -> None:
    with pytest.raises(LoginError):
        GUARD.admit("GET", asked)


def page(**headers: str) -> Asked:
    return Asked({"host": "here:7860", **{name.replace("_", "-"): value for name, value in headers.items()}})


@pytest.mark.parametrize("asked", [
    page(), page(origin="http://here:7860"), page(origin="http://proxied", sec_fetch_site="same-origin"),
    page(sec_fetch_site="none"), page(origin="https://friend.example", sec_fetch_site="cross-site"),
])  # fmt: skip
def test_own_pages_and_programs_may_change_things(asked: Asked) -> None:
    assert Guard(origins=frozenset({"https://friend.example"})).admit("POST", asked) == Caller()


@pytest.mark.parametrize("asked", [
    page(origin="http://evil.example"), page(origin="null"), page(origin="http://here:7861"),
    page(sec_fetch_site="cross-site"), page(sec_fetch_site="same-site", origin="http://here:7861"),
    page(origin="http://here:7860", sec_fetch_site="cross-site"), page(origin="http://here:7860.evil.example"),
    page(origin=""),
])  # fmt: skip
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_foreign_pages_may_not(asked: Asked, method: str) -> None:
    with pytest.raises(AccessError, match="another site"):
        Guard().admit(method, asked)


def test_foreign_pages_may_read_what_their_browser_then_keeps_from_them() -> None:
    assert Guard().admit("GET", page(origin="http://evil.example")) == Caller()


@pytest.mark.parametrize(("host", "is_known"), [
    ("localhost:7861", True), ("127.0.0.1", True), ("[::1]:7861", True), ("evil.example", False), ("", False),
    ("localhost.evil.example:7861", False),
])  # fmt: skip
def test_a_server_that_knows_its_names_answers_to_no_other(host: str, is_known: bool) -> None:
    guard = Guard(hosts=frozenset({"localhost", "127.0.0.1", "::1"}))
    if is_known:
        assert guard.admit("GET", Asked({"host": host})) == Caller()
    else:
        with pytest.raises(AccessError, match="that name"):
            guard.admit("GET", Asked({"host": host}))
