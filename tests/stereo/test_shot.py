from __future__ import annotations

import weakref

import numpy as np
import pytest

from video3d.stereo import ShotSynthesizer
from video3d.types import Eye, Frame, PixelFormat
from video3d.video_info import ChromaSite, ColourTags

YUV420, YUV444 = PixelFormat.parse("yuv420p"), PixelFormat.parse("yuv444p")


def frame(pixel_format=YUV420, width=64, height=36, pts=0, seed=0):
    rng = np.random.default_rng(seed)
    planes = [rng.integers(0, pixel_format.peak + 1, shape).astype(pixel_format.dtype)
              for shape in pixel_format.plane_shapes(width, height)]
    return Frame((planes[0], planes[1], planes[2]), pts, pixel_format)


def run(frames, disparities, eye=Eye.RIGHT, **options):
    first = frames[0]
    made = ShotSynthesizer(first.width, first.height, first.pixel_format, eye, **options)
    out = [stereo for f, d in zip(frames, disparities, strict=True) for stereo in made.push(f, d)] + list(made.flush())
    made.close()
    return out


def same(a, b):
    return all(np.array_equal(p, q) for p, q in zip(a.planes, b.planes, strict=True))


def scene(count=14, width=160, height=90):
    """A still textured wall, and a plain box that crosses before it."""
    rng = np.random.default_rng(5)
    import cv2

    wall = cv2.GaussianBlur(rng.integers(0, 256, (height, width)).astype(np.float32), (0, 0), 2.0)
    wall = np.clip((wall - wall.mean()) * 5 + 128, 0, 255).astype(np.uint8)
    frames, disparities = [], []
    for n in range(count):
        luma, disparity = wall.copy(), np.full((height, width), 2.0, np.float32)
        at = 30 + 4 * n
        luma[20:70, at : at + 30] = 240
        disparity[20:70, at : at + 30] = 12.0
        grey = np.full_like(wall, 128)
        frames.append(Frame((luma, grey, grey), n, YUV444))
        disparities.append(disparity)
    return wall, frames, disparities


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p10le", "yuv444p12le"])
@pytest.mark.parametrize("eye", list(Eye))
@pytest.mark.parametrize("size", [(64, 36), (63, 35)])
def test_no_disparity_changes_nothing(name, eye, size):
    source = frame(PixelFormat.parse(name), *size)
    (stereo,) = run([source], [np.zeros((18, 32), np.float32)], eye)
    assert same(stereo.left, source)
    assert same(stereo.right, source)


@pytest.mark.parametrize("plate", [True, False])
def test_frames_come_out_as_they_went_in(plate):
    frames = [frame(pts=7 * n, seed=n) for n in range(20)]
    made = ShotSynthesizer(64, 36, YUV420, Eye.LEFT, background_plate=plate)
    held, out = 0, []
    for f in frames:
        out += made.push(f, np.zeros((36, 64), np.float32))
        held = max(held, f.pts // 7 + 1 - len(out))
    assert held == made.look_ahead
    out += made.flush()
    made.close()
    assert [stereo.left.pts for stereo in out] == [stereo.right.pts for stereo in out] == [f.pts for f in frames]
    assert all(same(stereo.right, f) for stereo, f in zip(out, frames, strict=True))


def test_the_frames_that_wait_are_not_kept_beside_the_plate():
    made = ShotSynthesizer(64, 36, YUV420, Eye.LEFT)
    kept = []
    for n in range(6):
        source = frame(pts=n, seed=n)
        kept.append(weakref.ref(source.planes[0]))
        made.push(source, np.zeros((36, 64), np.float32))
    del source
    assert not [reference for reference in kept if reference() is not None]
    eyes = made.flush()
    assert next(eyes).right.pts == 0
    assert len(made._waiting) == 5, "each is made when it is asked for"
    assert [stereo.right.pts for stereo in eyes] == [1, 2, 3, 4, 5]
    made.close()


def test_a_plane_moves_all_planes_alike():
    source = frame()
    (stereo,) = run([source], [np.full((36, 64), 4.0, np.float32)], Eye.RIGHT)
    luma, u, v = stereo.right.planes
    assert np.array_equal(luma[:, :56], np.roll(source.planes[0], -4, axis=1)[:, :56])
    assert np.array_equal(u[:, :28], np.roll(source.planes[1], -2, axis=1)[:, :28])
    assert np.array_equal(v[:, :28], np.roll(source.planes[2], -2, axis=1)[:, :28])


def test_both_eyes_take_half_each():
    source = frame(YUV444)
    (stereo,) = run([source], [np.full((36, 64), 6.0, np.float32)], Eye.BOTH)
    inner = slice(8, 56)
    assert np.array_equal(stereo.right.planes[0][:, inner], np.roll(source.planes[0], -3, axis=1)[:, inner])
    assert np.array_equal(stereo.left.planes[0][:, inner], np.roll(source.planes[0], 3, axis=1)[:, inner])


@pytest.mark.parametrize("plate", [True, False])
def test_disocclusions_are_told_by_hand(plate):
    """A box 8 pixels nearer than the wall uncovers 8 columns beside it, half as many in each eye where both are made.

    It is one wider on the side where the wall is uncovered, so that its rim moves along.
    """
    disparity = np.zeros((36, 64), np.float32)
    disparity[10:20, 30:40] = 8
    for eye, widest in ((Eye.RIGHT, 8), (Eye.LEFT, 8), (Eye.BOTH, 4)):
        (stereo,) = run([frame(YUV444)], [disparity], eye, background_plate=plate)
        assert stereo.disocclusion.widest == widest
        assert stereo.disocclusion.share == pytest.approx(10 * widest / (36 * 64))


class Remembers:
    """Stands in for a network, which cannot run here: it knows the wall, and counts the questions."""

    def __init__(self, wall):
        self.wall = wall
        self.masks = []

    def inpaint(self, colour, mask):
        assert colour.shape == (*mask.shape, 3)
        self.masks.append(mask)
        return np.repeat(np.where(mask, self.wall, 0)[:, :, None], 3, axis=2).astype(np.uint8)


def still_box(count):
    """A box that stands before a wall for as long as the shot lasts."""
    wall, _, _ = scene()
    frames, disparities = [], []
    for n in range(count):
        luma, disparity = wall.copy(), np.full((90, 160), 2.0, np.float32)
        luma[20:70, 60:90], disparity[20:70, 60:90] = 240, 12.0
        frames.append(Frame((luma, np.full_like(luma, 128), np.full_like(luma, 128)), n, YUV444))
        disparities.append(disparity)
    return wall, frames, disparities


FULL_RANGE = ColourTags(full_range=True)


@pytest.mark.parametrize("eye", list(Eye))
def test_what_no_frame_saw_is_invented_once_per_shot_and_stays(eye):
    wall, frames, disparities = still_box(24)
    double = Remembers(wall)
    made = ShotSynthesizer(160, 90, YUV444, eye, inpainter=double, colour=FULL_RANGE)
    for shot in (1, 2):
        out = [s for f, d in zip(frames, disparities, strict=True) for s in made.push(f, d)] + list(made.flush())
        assert len(double.masks) == shot
    made.close()
    plain = run(frames, disparities, eye)
    mask = double.masks[0]
    assert 50 * 10 <= mask.sum() < 50 * 30
    assert (disparities[0][mask] == 12).mean() > 0.9, "what is hidden is asked for, and the rim that moves along"
    for side, share in (("left", -1), ("right", 1)):
        if eye is not Eye.BOTH and eye.value != side:
            continue
        shift = share * (1.0 if eye is Eye.BOTH else 2.0)
        truth = np.roll(wall, -round(shift), axis=1).astype(int)
        hidden = slice(80, 88) if share > 0 else slice(62, 70)
        if eye is Eye.BOTH:
            hidden = slice(86, 88) if share > 0 else slice(62, 64)
        eyes = [np.stack([getattr(s, side).planes[0] for s in sequence]).astype(int)[:, 25:65, hidden]
                for sequence in (out, plain)]
        errors = [np.abs(made - truth[25:65, hidden]).mean() for made in eyes]
        assert errors[0] < 4
        assert errors[0] < 0.3 * errors[1]
        assert np.ptp(eyes[0], axis=0).max() <= 1, "invented once, and not anew for each frame"


def test_what_was_invented_moves_with_the_background():
    """The box is followed by the camera: what it hid at first comes into sight beside it, and is the wall by then."""
    wall, frames, disparities = still_box(30)
    double = Remembers(wall)
    still = ShotSynthesizer(160, 90, YUV444, Eye.RIGHT, inpainter=double, colour=FULL_RANGE, look_ahead=2)
    moved = ShotSynthesizer(160, 90, YUV444, Eye.RIGHT, inpainter=double, colour=FULL_RANGE, look_ahead=2)
    up = [Frame(tuple(np.roll(p, -n, axis=0) for p in f.planes), n, YUV444) for n, f in enumerate(frames)]
    down = [np.roll(d, -n, axis=0) for n, d in enumerate(disparities)]
    one, other = ([s for f, d in zip(pictures, maps, strict=True) for s in made.push(f, d)] + list(made.flush())
                  for made, pictures, maps in ((still, frames, disparities), (moved, up, down)))
    for made in (still, moved):
        made.close()
    assert len(double.masks) == 2
    for n in (0, 8, 15):  # well beyond what the plate keeps of real frames
        a = one[n].right.planes[0][25:60, 80:88].astype(int)
        b = other[n].right.planes[0][25 - n : 60 - n, 80:88].astype(int)
        assert np.abs(a - b).mean() < 8


def test_an_inpainter_is_not_asked_where_nothing_is_hidden_or_there_is_no_plate():
    wall, frames, disparities = still_box(3)
    double = Remembers(wall)
    run(frames, [np.full_like(d, 2.0) for d in disparities], inpainter=double)
    run(frames, disparities, background_plate=False, inpainter=double)
    assert not double.masks


def test_an_answer_of_another_size_is_refused():
    class Wrong:
        def inpaint(self, colour, mask):
            return colour[: len(mask) - 1]

    _, frames, disparities = still_box(2)
    with pytest.raises(ValueError, match="inpainter"):
        run(frames, disparities, inpainter=Wrong())


@pytest.mark.parametrize("site", list(ChromaSite))
def test_chroma_follows_the_luma_it_belongs_to(site):
    """A chroma ramp shifted by a luma ramp's disparity stays the same function of the place."""
    width, height = 128, 32
    grey = np.full((height, width), 128, np.uint8)
    ramp = np.tile(np.arange(width // 2, dtype=np.uint8) * 3, (height // 2, 1))
    source = Frame((grey, ramp, ramp), 0, YUV420)
    disparity = np.tile(np.linspace(0, 6, width, dtype=np.float32), (height, 1))
    (stereo,) = run([source], [disparity], Eye.RIGHT, chroma_site=site, edge_dilation=0)
    offset = 0.5 if site is ChromaSite.CENTRE else 0.0
    place = 2 * np.arange(width // 2) + offset
    slope = 6 / (width - 1)
    shift = place * slope / (1 - slope)  # x - d(x) = c solved for d
    expected = 3 * (np.arange(width // 2) + shift / 2)
    assert np.abs(stereo.right.planes[1][4, 4:56] - expected[4:56]).max() <= 1.0


@pytest.mark.parametrize("eye", list(Eye))
def test_the_result_depends_on_neither_workers_nor_earlier_shots(eye):
    _, frames, disparities = scene()
    alone = run(frames, disparities, eye, workers=1)
    made = ShotSynthesizer(160, 90, YUV444, eye, workers=3)
    for n in range(11):
        made.push(frame(YUV444, 160, 90, n, n), np.full((90, 160), 5.0, np.float32))
    list(made.flush())
    after = [stereo for f, d in zip(frames, disparities, strict=True) for stereo in made.push(f, d)]
    after += made.flush()
    made.close()
    assert all(same(a.left, b.left) and same(a.right, b.right) for a, b in zip(alone, after, strict=True))


def test_a_lent_eye_is_the_source_until_the_next_frame_is_pushed():
    _, frames, disparities = scene(count=24)
    kept = run(frames, disparities, Eye.LEFT)
    made = ShotSynthesizer(160, 90, YUV444, Eye.LEFT, lends=True)
    out = 0
    for f, d in zip(frames, disparities, strict=True):
        for stereo in made.push(f, d):
            assert same(stereo.right, kept[out].right)
            assert same(stereo.left, kept[out].left)
            out += 1
    rest = list(made.flush())
    made.close()
    assert all(same(a.right, b.right) and same(a.left, b.left) for a, b in zip(rest, kept[out:], strict=True))


@pytest.mark.parametrize("eye", [Eye.LEFT, Eye.RIGHT])
def test_the_plate_shows_what_other_frames_saw(eye):
    wall, frames, disparities = scene()
    sign = 1 if eye is Eye.LEFT else -1
    truth = np.roll(wall, 2 * sign, axis=1)

    def error(plate):
        total = []
        for n, stereo in enumerate(run(frames, disparities, eye, background_plate=plate)):
            made = (stereo.left if eye is Eye.LEFT else stereo.right).planes[0].astype(float)
            at = 30 + 4 * n + 12 * sign
            hole = slice(at - 9, at - 1) if eye is Eye.LEFT else slice(at + 31, at + 39)
            total.append(np.abs(made - truth)[24:66, hole].mean())
        return np.mean(total)

    assert error(True) < 0.4 * error(False)


def test_the_plate_serves_a_gap_between_two_near_things():
    """Only two columns of the wall are left to be seen beside what the first box hides."""
    wall, frames, disparities = scene()
    truth = np.roll(wall, -2, axis=1)
    for n, (picture, disparity) in enumerate(zip(frames, disparities, strict=True)):
        second = slice(30 + 4 * n + 43, 30 + 4 * n + 58)
        picture.planes[0][20:70, second] = 20
        disparity[20:70, second] = 12.0

    def error(plate):
        made = run(frames, disparities, background_plate=plate)
        hidden = [slice(30 + 4 * n + 20, 30 + 4 * n + 27) for n in range(len(made))]
        return np.mean([np.abs(stereo.right.planes[0].astype(float) - truth)[24:66, columns].mean()
                        for stereo, columns in zip(made, hidden, strict=True)])

    assert error(True) < 0.4 * error(False)


def test_a_cut_that_nobody_told_leaks_nothing():
    _, frames, disparities = scene(6)
    others = [frame(YUV444, 160, 90, n, 50 + n) for n in range(6, 12)]
    near = [d + 3.0 for d in disparities]
    mixed = run(frames + others, disparities + near, background_plate=True)
    alone = run(others, near, background_plate=True)
    assert all(same(a.right, b.right) for a, b in zip(mixed[6:], alone, strict=True))


def test_what_does_not_fit_is_refused():
    made = ShotSynthesizer(64, 36, YUV420, Eye.LEFT)
    with pytest.raises(ValueError, match="64x36"):
        made.push(frame(width=32), np.zeros((36, 64), np.float32))
    with pytest.raises(ValueError, match="disparity"):
        made.push(frame(), np.zeros((36, 64, 1), np.float32))
    made.close()
