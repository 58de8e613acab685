"""What goes through JSON comes back equal, and what is not one of ours is refused by a documented error."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from video3d.media.decoding import DecodeRequest
from video3d.media.encoders import EncodeRequest
from video3d.media.joining import MuxRequest
from video3d.serial import from_json, to_json
from video3d.settings import Container, Speed
from video3d.types import Eye, PixelFormat, Shot, Unit
from video3d.video_info import Chapter, ColourTags, ContentLight, MasteringDisplay, Track, TrackKind, VideoInfo

FINITE = st.floats(allow_nan=False, allow_infinity=False)
POINT = st.tuples(FINITE, FINITE)
TEXT = st.text(st.characters(), max_size=12)
"""Lone surrogates too: they stand for the bytes of a file name that is not UTF-8."""
for kind, strategy in ((float, FINITE), (str, TEXT)):
    st.register_type_strategy(kind, strategy)
KINDS = (VideoInfo, MuxRequest, DecodeRequest, EncodeRequest, Track, Chapter, ColourTags, MasteringDisplay,
         ContentLight, PixelFormat, Shot, Unit)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=6)
DOCUMENTED = (ValueError, KeyError, TypeError)

INFO = VideoInfo(
    path="a \udcff.mp4", container="mov,mp4", video_index=1, codec="hevc", width=64, height=48,
    pixel_format=PixelFormat(10, 1, 1), source_pixel_format="yuv420p10le",
    colour=ColourTags(9, 16, 9, full_range=False, mastering=MasteringDisplay(
        (0.708, 0.292), (0.17, 0.797), (0.131, 0.046), (0.3127, 0.329), 0.0001, 1000.0),
        content_light=ContentLight(1000, 400)),
    time_base=Fraction(1, 90000), frame_rate=Fraction(24000, 1001), duration=None, start_time=Fraction(-1, 3),
    first_pts=-7, coded_width=64, coded_height=48, rotation=90, sample_aspect=Fraction(16, 11),
    tracks=(Track(0, TrackKind.AUDIO, "aac", language="deu"), Track(1, TrackKind.VIDEO, "hevc")),
    chapters=(Chapter(Fraction(0), Fraction(1, 3), "Eins"),), tags=(("title", "x"),), notices=("one",),
)  # fmt: skip


def through_json(value: object) -> Any:
    """As another process sees it."""
    return json.loads(json.dumps(to_json(value)))


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_a_round_trip_changes_nothing(kind: type[Any], data: st.DataObject) -> None:
    value = data.draw(st.from_type(kind))
    assert from_json(kind, through_json(value)) == value


def test_the_types_come_back_too() -> None:
    info = from_json(VideoInfo, through_json(INFO))
    assert info == INFO
    assert isinstance(info.time_base, Fraction)
    assert isinstance(info.tracks[0].kind, TrackKind)
    assert isinstance(info.colour.mastering, MasteringDisplay)
    assert isinstance(info.tags, tuple)


def test_json_is_plain() -> None:
    assert to_json(INFO)["frame_rate"] == "24000/1001"
    assert to_json(INFO)["tracks"][0]["kind"] == "audio"
    assert to_json(Eye.BOTH) == "both"
    assert to_json([Speed.FAST, (Container.MKV, None, 1, 0.5, True, "x")]) == ["fast", ["mkv", None, 1, 0.5, True, "x"]]


@dataclass(frozen=True)
class _Sample:
    numbers: list[int]
    pair: tuple[int, float]
    anything: Any
    maybe: Fraction | None = None


def test_lists_pairs_and_options() -> None:
    sample = _Sample([1, 2], (3, 4.0), {"free": [None]}, Fraction(1, 3))
    assert from_json(_Sample, through_json(sample)) == sample
    assert from_json(_Sample, {"numbers": [], "pair": [1, 2], "anything": 0}) == _Sample([], (1, 2.0), 0)
    assert from_json(_Sample, through_json(replace(sample, maybe=None))).maybe is None


@pytest.mark.parametrize("data", [
    {"numbers": [1.5], "pair": [1, 2], "anything": 0},
    {"numbers": ["1"], "pair": [1, 2], "anything": 0},
    {"numbers": [1], "pair": [1], "anything": 0},
    {"numbers": [1], "pair": [1, 2, 3], "anything": 0},
    {"numbers": [1], "pair": None, "anything": 0},
    {"numbers": None, "pair": [1, 2], "anything": 0},
    {"numbers": [1], "pair": [1, 2]},
    {"numbers": [1], "pair": [1, 2], "anything": 0, "unknown": 1},
    {"numbers": [1], "pair": [1, 2], "anything": 0, "maybe": "one third"},
    {"numbers": [1], "pair": [1, 2], "anything": 0, "maybe": "1/0"},
    {"numbers": [1], "pair": [1, 2], "anything": 0, "maybe": float("inf")},
    {"numbers": [1], "pair": [1, 10**400], "anything": 0},
    [], None, 5, "text",
], ids=lambda data: repr(data)[:80])  # fmt: skip
def test_what_is_not_one_is_refused(data: Any) -> None:
    with pytest.raises(DOCUMENTED):
        from_json(_Sample, data)


@pytest.mark.parametrize("value", ["vidéo", 3, None, [], {}], ids=repr)
def test_an_unknown_word_of_an_enumeration_is_refused(value: Any) -> None:
    with pytest.raises(DOCUMENTED):
        from_json(Track, {"index": 0, "kind": value, "codec": "x"})


@settings(max_examples=300, deadline=None)
@given(data=st.data(), name=st.sampled_from(sorted(to_json(INFO))), value=JSON)
def test_any_damage_is_refused_by_a_documented_error_or_read(data: st.DataObject, name: str, value: Any) -> None:
    """A job's file that was edited or cut off never raises anything else."""
    damaged = through_json(INFO)
    inner = damaged[name]
    if isinstance(inner, dict) and data.draw(st.booleans()):
        inner[data.draw(st.sampled_from(sorted(inner)))] = value
    else:
        damaged[name] = value
    try:
        read = from_json(VideoInfo, damaged)
    except DOCUMENTED:
        return
    assert isinstance(read, VideoInfo)


@settings(max_examples=100, deadline=None)
@given(JSON)
def test_any_json_is_refused_by_a_documented_error(value: Any) -> None:
    with pytest.raises(DOCUMENTED):
        from_json(VideoInfo, value)
