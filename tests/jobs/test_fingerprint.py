"""A change of anything that the result depends on is seen, and told by its name."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from video3d import pipeline
from video3d.depth_model import Weights
from video3d.host import StandaloneHost
from video3d.jobs.fingerprint import differences, digest, fingerprint, with_chosen_model
from video3d.params import from_values
from video3d.pipeline import Conversion
from video3d.settings import ConversionSettings


@pytest.fixture(scope="session")
def tiny(make_clip: Callable[..., Path]) -> Path:
    return make_clip("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=10:duration=0.5", "-c:v", "libx264")


@pytest.fixture(scope="session")
def conversion(tiny: Path) -> Conversion:
    return pipeline.decide(tiny, ConversionSettings(), StandaloneHost())


@pytest.mark.parametrize("place", [0, 1 << 20, 3_000_000, 5_999_999])
def test_another_file_has_another_digest(tmp_path: Path, place: int) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    content = bytearray(os.urandom(1 << 16) * 92)[:6_000_000]
    first.write_bytes(content)
    content[place // (1 << 20) * (1 << 20): place // (1 << 20) * (1 << 20) + (1 << 20)] = bytes(1 << 20)
    second.write_bytes(content[:6_000_000])
    assert digest(first) != digest(second)
    os.utime(first, (0, 0))
    assert digest(first) == digest(first)


def test_length_counts(tmp_path: Path) -> None:
    for length in (0, 1, 5000):
        (tmp_path / str(length)).write_bytes(bytes(length))
    assert len({digest(tmp_path / str(length)) for length in (0, 1, 5000)}) == 3


def test_it_goes_through_json_and_is_the_same_again(conversion: Conversion) -> None:
    first = fingerprint(conversion)
    assert json.loads(json.dumps(first)) == first == fingerprint(conversion)
    assert differences(first, first) == ""
    assert all(first.values()) or not first["given_depth"]


def test_the_model_that_auto_came_to_is_kept(conversion: Conversion) -> None:
    named = from_values(ConversionSettings, {"depth_model": conversion.model.id})
    assert with_chosen_model(conversion.settings, conversion) == named
    assert fingerprint(replace(conversion, settings=named)) == fingerprint(conversion)
    given = from_values(ConversionSettings, {"depth_video": "depth.mp4"})
    assert with_chosen_model(given, conversion) == given


@pytest.mark.parametrize(("change", "words"), [
    (lambda c: replace(c, settings=from_values(ConversionSettings, {"strength": 2, "eye": "right"})),
     "--strength (auto → 2.0), --eye (left → right)"),
    (lambda c: replace(c, model=replace(c.model, weights=(Weights("w", "", "abc", 1),))), "depth model (weights)"),
    (lambda c: replace(c, shared=replace(c.shared, ffmpeg=replace(c.shared.ffmpeg, version="6.1"))), "ffmpeg"),
], ids=["settings", "weights", "ffmpeg"])
def test_what_differs_is_named(conversion: Conversion, change: Callable[[Conversion], Conversion], words: str) -> None:
    assert differences(fingerprint(conversion), fingerprint(change(conversion))) == words


def test_another_ffmpeg_of_the_same_version_differs(conversion: Conversion, tmp_path: Path) -> None:
    fake = tmp_path / "ffmpeg"
    fake.write_text("another build")
    ffmpeg = replace(conversion.shared.ffmpeg, path=str(fake))
    changed = replace(conversion, shared=replace(conversion.shared, ffmpeg=ffmpeg))
    assert differences(fingerprint(conversion), fingerprint(changed)) == "ffmpeg"


def test_weights_and_given_depth_are_known_by_their_content(conversion: Conversion, tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    found: list[Any] = []
    for content in ("one", "two"):
        weights.write_text(content)
        settings = replace(conversion.settings, depth=replace(conversion.settings.depth, depth_video=str(weights)))
        found.append(fingerprint(replace(conversion, settings=settings,
                                         model=replace(conversion.model, location=str(weights)))))
    assert differences(*found) == "depth model (file), given depth"
    folder = tmp_path / "pictures"
    folder.mkdir()
    settings = replace(conversion.settings, depth=replace(conversion.settings.depth, depth_video=str(folder)))
    before = fingerprint(replace(conversion, settings=settings))
    (folder / "1.png").write_text("x")
    assert differences(before, fingerprint(replace(conversion, settings=settings))) == "given depth"
