"""Writes the README's table of settings from their declaration: `python docs/figures/readme.py`."""

from __future__ import annotations

from pathlib import Path

from video3d.cli.describe import settings_table

BEGIN, END = "<!-- settings: made by docs/figures/readme.py -->\n", "\n<!-- end of settings -->"


def main() -> None:
    """Write the table between its marks."""
    readme = Path(__file__).resolve().parents[2] / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    readme.write_text(before + BEGIN + settings_table() + END + after, encoding="utf-8")


if __name__ == "__main__":
    main()
