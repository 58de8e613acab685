"""What each kind of player makes of a file, for files that the program writes and for wrong ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from video3d.media.file_facts import StereoClaim
from video3d.media.players import PlayedFile, sentences

SIDE = StereoClaim("st3d", "side by side")
VEXU = StereoClaim("vexu", "side by side")
MESSAGE = StereoClaim("frame-packing message", "side by side")
NAMED_FULL = StereoClaim("file name", "side by side", is_half=False)
NAMED_HALF = StereoClaim("file name", "side by side", is_half=True)
QUEST = PlayedFile("MP4", "h264", "avc1", 3840, 1080, 8, "flat", (SIDE, VEXU), NAMED_FULL, is_half=False)
TELEVISION = PlayedFile("MP4", "h264", "avc1", 1920, 1080, 8, "flat", (MESSAGE,), NAMED_HALF, is_half=True)


def said(file: PlayedFile, who: str) -> str:
    found = [sentence for sentence in sentences(file) if who in sentence.split(":")[0]]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(("file", "who", "words"), [
    (QUEST, "Skybox", "full-size side by side by its name"),
    (QUEST, "televisions", "cannot decode"),
    (QUEST, "Vision Pro", "vexu"),
    (QUEST, "YouTube", "shows it flat"),
    (QUEST, "VLC", "side by side"),
    (TELEVISION, "televisions", "switch to 3D by themselves"),
    (TELEVISION, "YouTube", "offers anaglyph"),
    (TELEVISION, "Kodi", "half-size side by side"),
    (replace(QUEST, named=None), "Skybox", "choose the layout by hand"),
    (replace(QUEST, width=7680, height=2160), "Skybox", "refuse such H.264"),
    (replace(QUEST, codec="hevc", entry="hev1"), "Vision Pro", "not marked hvc1"),
    (replace(QUEST, container="Matroska"), "Vision Pro", "do not open"),
    (replace(TELEVISION, labels=()), "televisions", "3D menu"),
    (replace(QUEST, projection="half equirectangular"), "YouTube", "VR180"),
    (replace(QUEST, named=replace(NAMED_FULL, swapped=True)), "Kodi", "by hand"),
])
def test_what_is_said(file: PlayedFile, who: str, words: str) -> None:
    assert words in said(file, who)


def test_a_flat_file_and_an_anaglyph_need_few_words() -> None:
    assert not list(sentences(replace(QUEST, labels=(), named=None)))
    mixed = replace(QUEST, labels=(StereoClaim("StereoMode", "anaglyph cyan and red"),), named=None)
    assert list(sentences(mixed)) == [
        "Every player shows it as it is: wear the glasses of its colours."]
