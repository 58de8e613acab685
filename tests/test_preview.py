from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from video3d import pipeline
from video3d.errors import DepthError, LimitError, SettingsError, SourceError
from video3d.host import StandaloneHost
from video3d.media.source import FrameReader
from video3d.params import from_values
from video3d.preview import Picture, PictureFormat, Previewer, PreviewRequest, View, image_picture, look
from video3d.settings import ConversionSettings


def opened(picture: Picture) -> Image.Image:
    return Image.open(io.BytesIO(picture.data))


@pytest.fixture(scope="module")
def previewer() -> Previewer:
    return Previewer(StandaloneHost())


def settings(**values: object) -> ConversionSettings:
    return from_values(ConversionSettings, values)


@pytest.fixture(scope="module")
def two_shots(make_clip: Callable[..., Path]) -> Path:
    """One second of red, one of blue, with noise, and a key frame at the start only."""
    def half(colour: str) -> list[str]:
        return ["-f", "lavfi", "-i", f"color={colour}:s=320x180:r=25:d=1,noise=alls=20:allf=t"]

    return make_clip(*half("red"), *half("blue"), "-filter_complex", "[0][1]concat=n=2", "-g", "200",
                     "-sc_threshold", "0", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "ultrafast")


@pytest.mark.parametrize(("moment", "channel"), [(0.0, 0), (0.97, 0), (1.0, 2), (1.5, 2), (1.99, 2), (50.0, 2)])
def test_it_is_the_moment_asked_for(previewer: Previewer, two_shots: Path, moment: float, channel: int) -> None:
    shown = opened(previewer.picture(PreviewRequest(two_shots, settings(), moment, View.ORIGINAL)))
    assert shown.size == (320, 180)
    assert np.asarray(shown).mean(axis=(0, 1)).argmax() == channel


@pytest.mark.parametrize(("view", "size"), [
    (View.ORIGINAL, (320, 180)), (View.DEPTH, (320, 180)), (View.LEFT_RIGHT, (640, 180)), (View.ANAGLYPH, (320, 180)),
    (View.PACKED, (320, 180)),
])  # fmt: skip
def test_views(previewer: Previewer, small_clip: Path, view: View, size: tuple[int, int]) -> None:
    request = PreviewRequest(small_clip, settings(layout="half-sbs"), 0.5, view, PictureFormat.PNG, largest_side=640)
    assert opened(previewer.picture(request)).size == size


def test_a_wiggle_moves(previewer: Previewer, small_clip: Path) -> None:
    picture = previewer.picture(PreviewRequest(small_clip, settings(), 0.5, View.WIGGLE, PictureFormat.WEBP))
    assert getattr(opened(picture), "n_frames", 1) == 2
    assert picture.media_type == "image/webp"


def test_one_eye_is_the_original_and_no_strength_makes_both_the_same(previewer: Previewer, small_clip: Path) -> None:
    def eyes(**values: object) -> list[np.ndarray]:
        request = PreviewRequest(small_clip, settings(**values), 0.5, format=PictureFormat.PNG, largest_side=640)
        return np.split(np.asarray(opened(previewer.picture(request))).astype(int), 2, axis=1)

    original = np.asarray(opened(previewer.picture(PreviewRequest(
        small_clip, settings(), 0.5, View.ORIGINAL, PictureFormat.PNG)))).astype(int)
    left, right = eyes(strength=5)
    assert np.abs(right - original).max() == 0
    assert np.abs(left - original).mean() > 1
    left, right = eyes(strength=0)
    assert np.abs(left - right).mean() < 0.5


def test_the_second_look_at_a_moment_does_not_open_the_video_again(previewer: Previewer, two_shots: Path,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    request = PreviewRequest(two_shots, settings(strength=1), 0.5)
    first = previewer.picture(request)
    for door in ("probe", "Planner", "FrameReader", "BothReader"):
        monkeypatch.setattr(f"video3d.preview.{door}", None)
    assert previewer.picture(request).data == first.data
    deeper = previewer.picture(PreviewRequest(two_shots, settings(strength=4), 0.5))
    assert deeper.data != first.data


def test_a_moment_is_decoded_once(two_shots: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the plan is made of is kept; read anew, as interlaced pictures are, it is the same."""
    conversion = pipeline.decide(two_shots, settings(), StandaloneHost())
    with monkeypatch.context() as patched:
        patched.setattr("video3d.media.source.FrameReader.read", None)
        once = look(conversion, 1.1)
    monkeypatch.setattr("video3d.preview._KeptFrames.of", lambda *_: None)
    twice = look(conversion, 1.1)
    assert once.wanted == twice.wanted
    assert len(once.taken) == len(twice.taken) > once.wanted
    for one, other in zip(once.taken, twice.taken, strict=True):
        assert (one.number, one.seconds, one.frame.pts) == (other.number, other.seconds, other.frame.pts)
        assert all(np.array_equal(*planes) for planes in zip(one.frame.planes, other.frame.planes, strict=True))
    assert all(np.array_equal(*maps) for maps in zip(once.nearness, twice.nearness, strict=True))


def test_an_interlaced_moment_is_deinterlaced(make_clip: Callable[..., Path]) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=320x180:rate=50:duration=1", "-vf",
                     "tinterlace=interleave_top,fieldorder=tff,format=yuv420p", "-flags", "+ildct+ilme",
                     "-c:v", "mpeg2video", "-b:v", "2M", suffix=".ts")
    conversion = pipeline.decide(clip, settings(), StandaloneHost())
    moment = look(conversion, 0.5)
    shown = moment.taken[moment.wanted]

    def decoded(*, interlaced: bool) -> np.ndarray:
        with closing(FrameReader(conversion.info, conversion.shared.eye_format)) as reader:
            frames = list(reader.read(0, np.arange(shown.number + 1), interlaced=interlaced))
        return frames[-1].planes[0]

    assert not np.array_equal(shown.frame.planes[0], decoded(interlaced=False))
    # Not of the same frames before it, the filter's first field differs a little.
    assert np.abs(shown.frame.planes[0].astype(int) - decoded(interlaced=True)).mean() < 0.5


def test_a_bound_of_the_size_ends_with_the_settings_that_name_it(small_clip: Path) -> None:
    """Neither what is known of the video nor the moment's frames are kept at the smaller size."""
    one = Previewer(StandaloneHost())

    def shown(**values: object) -> tuple[int, int]:
        return opened(one.picture(PreviewRequest(small_clip, settings(**values), 0.5, View.ORIGINAL))).size

    sizes = [shown(), shown(max_width=160), shown(), shown(max_height=90)]
    assert sizes == [(320, 180), (160, 90), (320, 180), (160, 90)]


def test_what_cannot_be_shown_is_said(previewer: Previewer, small_clip: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be gif"):
        previewer.picture(PreviewRequest(small_clip, settings(), format=PictureFormat.GIF))
    with pytest.raises(SourceError, match="no such file"):
        previewer.picture(PreviewRequest(tmp_path / "a.mp4", settings()))

    def refuse(_: object) -> None:
        raise LimitError("too long")

    with pytest.raises(LimitError, match="too long"):
        previewer.picture(PreviewRequest(small_clip, settings()), refuse)


def picture_file(kind: str = "PNG", size: tuple[int, int] = (161, 91)) -> bytes:
    file = io.BytesIO()
    ramp = np.linspace(0, 255, size[0] * size[1] * 3).reshape(size[1], size[0], 3).astype(np.uint8)
    Image.fromarray(ramp).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "GIF"])
def test_a_picture_becomes_a_stereo_picture(kind: str) -> None:
    made = opened(image_picture(picture_file(kind), settings(), StandaloneHost(), format=PictureFormat.PNG))
    assert made.size == (324, 92)


def test_a_picture_is_no_larger_than_the_settings_let_it_be() -> None:
    bound = settings(layout="full-sbs", max_width=80)
    assert opened(image_picture(picture_file(), bound, StandaloneHost(), format=PictureFormat.PNG)).size == (160, 44)


def test_the_untouched_eye_of_a_picture_keeps_its_colours() -> None:
    made = np.asarray(opened(image_picture(picture_file(size=(160, 90)), settings(), StandaloneHost(),
                                           format=PictureFormat.PNG))).astype(int)
    given = np.asarray(Image.open(io.BytesIO(picture_file(size=(160, 90))))).astype(int)
    assert np.abs(made[:, 160:] - given).max() <= 3


@pytest.mark.parametrize("data", [b"", b"nonsense", picture_file()[:200], b"<svg xmlns='http://www.w3.org/2000/svg'/>"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(SourceError, match="picture cannot be read"):
        image_picture(data, settings(), StandaloneHost())


def test_limits_of_pictures() -> None:
    with pytest.raises(LimitError, match="161x91"):
        image_picture(picture_file(), settings(), StandaloneHost(), most_pixels=1000)
    with pytest.raises(DepthError, match="no depth from a file"):
        image_picture(picture_file(), settings(depth_video="a.mp4"), StandaloneHost())
