from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest

from video3d.errors import SourceError
from video3d.media.fragment import CLOCK_START, FragmentRequest, make_fragment
from video3d.media.fragmenting import PLAYABLE_SOUND


@pytest.fixture(scope="module")
def film(make_clip: Callable[..., Path]) -> Path:
    """6 s with reordered frames and a key frame every 24, and a tone."""
    return make_clip("-f", "lavfi", "-i", "testsrc2=s=64x48:r=12:d=6", "-f", "lavfi", "-i", "sine=440:d=6", "-c:v",
                     "libx264", "-preset", "fast", "-g", "24", "-bf", "2", "-sc_threshold", "0", "-pix_fmt", "yuv420p",
                     "-c:a", "aac")  # fmt: skip


def request(film: Path, folder: Path, begin: int, end: int | None, **more: object) -> FragmentRequest:
    values = {"at": Fraction(begin), "sound": str(film), "sound_begin": Fraction(begin), "number": begin, **more}
    return FragmentRequest(video=str(film), begin=Fraction(begin), end=None if end is None else Fraction(end),
                           target=str(folder / f"{begin}.m4s"), start=str(folder / f"{begin}.mp4"), **values)


def test_parts_lie_one_after_the_other(film: Path, tmp_path: Path) -> None:
    times: list[float] = []
    sound: list[float] = []
    for begin, end in ((0, 2), (2, 4), (4, None)):
        made = make_fragment(request(film, tmp_path, begin, end))
        assert (made.duration, made.frames) == (2, 24)
        whole = tmp_path / "whole.mp4"
        whole.write_bytes((tmp_path / f"{begin}.mp4").read_bytes() + (tmp_path / f"{begin}.m4s").read_bytes())
        with av.open(str(whole)) as container:
            times += sorted(float(frame.time or 0) for frame in container.decode(video=0))
        with av.open(str(whole)) as container:
            sound += [float(packet.pts * packet.time_base) for packet in container.demux(audio=0) if packet.size]
    assert times == pytest.approx([float(CLOCK_START) + n / 12 for n in range(72)], abs=1e-4)
    gaps = [later - earlier for earlier, later in pairwise(sound)]
    assert max(gaps) < 1.01 * 1024 / 44100
    assert min(gaps) > 0.99 * 1024 / 44100
    assert len({(tmp_path / f"{begin}.mp4").read_bytes() for begin in (0, 2, 4)}) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.m4s", "0.mp4", "2.m4s", "2.mp4", "4.m4s", "4.mp4",
                                                                "whole.mp4"]


def test_behind_the_end_there_is_nothing(film: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no frame in this part"):
        make_fragment(request(film, tmp_path, 6, 8))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SourceError):
        make_fragment(request(tmp_path / "nothing.mp4", tmp_path, 0, 2, sound=None))


def test_sound_that_no_browser_plays_stays_away(make_clip: Callable[..., Path], film: Path, tmp_path: Path) -> None:
    other = make_clip("-f", "lavfi", "-i", "sine=440:d=6", "-c:a", "ac3", suffix=".mka")
    assert "ac3" not in PLAYABLE_SOUND
    make_fragment(request(film, tmp_path, 0, 2, sound=str(other)))
    with av.open(str(tmp_path / "0.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video"]
