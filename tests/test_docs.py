"""The docs stay true: what is derived is what stands there, and what they point at is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from video3d.cli import build_parser
from video3d.cli.describe import settings_table

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_readmes_table_is_the_declaration() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = re.search(r"<!-- settings: [^>]*-->\n(.*?)\n<!-- end of settings -->", text, re.DOTALL)
    assert table is not None
    assert table[1] == settings_table(), "run `python docs/figures/readme.py`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in link:
            assert (page.parent / link).exists(), link


def test_every_command_of_the_readme_is_one() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]*`) \| ", text[text.index("## Commands"):text.index("## Settings")], re.MULTILINE)
    named = {word.split()[0] for row in rows for word in re.findall(r"`([^`]+)`", row)}
    help_text = build_parser().format_help()
    assert named
    assert all(re.search(rf"^\s+{name}\s", help_text, re.MULTILINE) for name in named)
