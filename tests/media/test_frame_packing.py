"""The frame-packing message is found where an encoder writes it, and only there."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from video3d.media import frame_packing
from video3d.media.inspect_file import FileReport, inspect

AVCC = b"\1\x64\0\x1e\xff\xe1"
HVCC = bytes(21) + b"\x03"
Clips = Callable[..., Path]


def unit(payload: bytes) -> bytes:
    return len(payload).to_bytes(4, "big") + payload


def body(arrangement: int, *, interpretation: int = 1, cancel: bool = False) -> bytes:
    """ue(0), cancel flag, type, quincunx flag, interpretation, then 22 bits that do not matter here."""
    bits = "1" + str(int(cancel)) + f"{arrangement:07b}0{interpretation:06b}" + "0" * 24
    return int(bits, 2).to_bytes(5, "big")


@pytest.mark.parametrize(("number", "words"), [
    ("3", "side by side"), ("4", "top and bottom"), ("1", "column interleaved")])
def test_x264s_message_is_found(number: str, words: str, make_clip: Clips) -> None:
    for suffix in (".mp4", ".mkv"):
        clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=64x64:d=0.2", "-c:v", "libx264", "-x264-params",
                         f"frame-packing={number}", suffix=suffix)
        message = [claim for claim in inspect(clip).claims if claim.where == "frame-packing message"]
        assert [(claim.packing, claim.swapped) for claim in message] == [(words, False)]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_message_that_comes_late_or_changes_is_found_and_told(suffix: str, make_clip: Clips, tmp_path: Path,
                                                                ffmpeg: str) -> None:
    def part(packing: str) -> Path:
        return make_clip("-f", "lavfi", "-i", "testsrc2=size=64x64:rate=10:d=2", "-c:v", "libx264", "-g", "10",
                         "-x264-params", packing, suffix=suffix)

    def joined(*parts: Path) -> FileReport:
        listed, target = tmp_path / "parts.txt", tmp_path / f"joined{suffix}"
        listed.write_text("".join(f"file '{part}'\n" for part in parts))
        subprocess.run([ffmpeg, "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i", str(listed), "-c", "copy",
                        str(target)], check=True)
        return inspect(target)

    plain, beside, above = part("scenecut=0"), part("frame-packing=3"), part("frame-packing=4")
    late = joined(plain, beside)
    assert [claim.packing for claim in late.claims] == ["side by side"]
    assert any("stands at 2 of the 4 keyframes" in warning for warning in late.warnings)
    assert late.sentences[-1].endswith("looked for at 4 keyframes of the first minute: it is there.")
    assert any("contradict each other: side by side and top and bottom" in warning
               for warning in joined(beside, above).warnings)
    assert joined(plain, plain).sentences[-1].endswith("4 keyframes of the first minute: there is none.")
    assert not [warning for warning in joined(beside, beside).warnings if "message" in warning]


def test_other_messages_are_passed_over() -> None:
    other = b"\x05" + bytes([255, 2]) + bytes(257)
    payload = b"\x06" + other + bytes([45, 5]) + body(4, interpretation=2) + b"\x80"
    claim = frame_packing.message("h264", AVCC, unit(b"\x09\xf0") + unit(payload))
    assert claim is not None
    assert (claim.packing, claim.swapped) == ("top and bottom", True)


def test_emulation_prevention_is_taken_out() -> None:
    # ue(0), no cancel, type 3, …: the zeros at the end are escaped in a real stream.
    payload = b"\x06" + bytes([5, 3]) + b"\0\0\3\0" + bytes([45, 5]) + body(3) + b"\x80"
    assert frame_packing.message("h264", AVCC, unit(payload)) is not None


def test_hevcs_message_is_found() -> None:
    claim = frame_packing.message("hevc", HVCC, unit(b"\x4e\x01" + bytes([45, 5]) + body(3) + b"\x80"))
    assert claim is not None
    assert claim.packing == "side by side"


@pytest.mark.parametrize("sample", [
    b"", b"\0", b"\xff\xff\xff\xff\x06", unit(b"\x06"), unit(b"\x06\x2d"), unit(b"\x06\x2d\x05"),
    unit(b"\x06" + bytes([45, 5]) + body(3, cancel=True) + b"\x80"), unit(b"\x65" + bytes([45, 5]) + body(3)),
])
def test_nothing_is_found_in_other_bytes(sample: bytes) -> None:
    assert frame_packing.message("h264", AVCC, sample) is None


def test_other_codecs_have_no_message() -> None:
    assert frame_packing.message("av1", AVCC, unit(b"\x06" + bytes([45, 5]) + body(3))) is None
    assert frame_packing.message("h264", b"", unit(b"\x06" + bytes([45, 5]) + body(3))) is None
