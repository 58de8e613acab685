"""Small clips of all sorts, by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=128x72:rate=24:duration=1")
SOUND = ("-f", "lavfi", "-i", "sine=frequency=330:sample_rate=48000:duration=1")
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "8", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac", "-b:a", "64k")
FFV1 = ("-c:v", "ffv1", "-threads", "1")

MADE: dict[str, tuple[str, tuple[str, ...]]] = {
    # containers
    "mp4": (".mp4", (*PICTURE, *SOUND, *X264, *AAC)),
    "mkv": (".mkv", (*PICTURE, *SOUND, *X264, *AAC)),
    "mov": (".mov", (*PICTURE, *SOUND, *X264, "-c:a", "pcm_s16le")),
    "webm": (".webm", (*PICTURE, *SOUND, "-c:v", "libvpx-vp9", "-cpu-used", "8", "-g", "8", "-c:a", "libopus")),
    "avi": (".avi", (*PICTURE, *SOUND, "-c:v", "mpeg4", "-g", "8", "-c:a", "mp3")),
    "ts": (".ts", (*PICTURE, *SOUND, *X264, *AAC)),
    "gif": (".gif", ("-f", "lavfi", "-i", "testsrc2=size=128x72:rate=10:duration=1")),
    # geometry
    "odd": (".mkv", (*PICTURE, "-vf", "scale=129:73", *FFV1, "-pix_fmt", "yuv420p", "-frames:v", "5")),
    "odd 444": (".mkv", (*PICTURE, "-vf", "scale=129:73", *FFV1, "-pix_fmt", "yuv444p", "-frames:v", "5")),
    "wide samples": (".mp4", (*PICTURE, "-vf", "setsar=16/11", *X264)),
    "tall samples": (".mp4", (*PICTURE, "-vf", "setsar=3/4", *X264)),
    # fields and range
    "interlaced": (".ts", ("-f", "lavfi", "-i", "testsrc2=size=128x96:rate=50:duration=1", "-vf",
                           "tinterlace=interleave_top,fieldorder=tff,format=yuv420p", "-flags", "+ildct+ilme",
                           "-c:v", "mpeg2video", "-b:v", "2M")),
    "full range": (".mp4", ("-f", "lavfi", "-i", "testsrc=size=128x72:rate=24:duration=0.5", "-vf",
                            "scale=out_range=pc,format=yuvj420p", "-c:v", "libx264", "-preset", "ultrafast",
                            "-color_range", "pc")),
    # tracks
    "variable rate": (".mp4", (*PICTURE, "-vf", "select='not(mod(n,4))+lt(mod(n,15),6)'", "-fps_mode", "vfr", *X264)),
    "no sound": (".mp4", (*PICTURE, *X264)),
    "only sound": (".m4a", (*SOUND, *AAC)),
    "two video tracks": (".mkv", (*PICTURE, "-f", "lavfi", "-i", "color=red:size=64x48:rate=10:duration=1",
                                  "-map", "0:v", "-map", "1:v", *X264)),
    "transparent": (".mkv", (*PICTURE, "-vf", "format=yuva420p", *FFV1, "-frames:v", "3")),
}  # fmt: skip
"""Suffix, and ffmpeg's arguments."""
ROTATIONS = {"0": (), "90": ("-display_rotation:v:0", "90"), "180": ("-display_rotation:v:0", "180"),
             "270": ("-display_rotation:v:0", "270")}  # fmt: skip


@pytest.fixture(scope="session")
def clip_of(make_clip: Callable[..., Path]) -> Callable[[str], Path]:
    """`clip_of("mkv")`: see `MADE`; also "rotated 90", "rotated 90 mirrored", "with cover", "pixels yuv422p10le"."""

    def clip(name: str) -> Path:
        if name.startswith("rotated "):
            words = name.split()
            turn = ROTATIONS[words[1]] + (("-display_hflip:v:0",) if "mirrored" in words else ())
            return make_clip(*turn, "-i", str(clip("mp4")), "-c", "copy")
        if name.startswith("pixels "):
            return make_clip("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=24:duration=0.2", *FFV1, "-pix_fmt",
                             name.split()[1], suffix=".mkv")
        if name == "with cover":
            cover = make_clip("-f", "lavfi", "-i", "color=blue:size=50x50", "-frames:v", "1", suffix=".jpg")
            return make_clip("-i", str(cover), "-i", str(clip("mp4")), "-map", "0:v", "-map", "1:v", "-map", "1:a",
                             "-c", "copy", "-disposition:v:0", "attached_pic")
        if name == "clock restarts":
            # Longer than a second: a shorter step back may be a wrong stamp.
            longer = [argument.replace("duration=1", "duration=1.5") for argument in (*PICTURE, *SOUND)]
            part = make_clip(*longer, *X264, *AAC, suffix=".ts")
            target = part.with_name("restarting.ts")
            target.write_bytes(part.read_bytes() * 3)
            return target
        suffix, arguments = MADE[name]
        return make_clip(*arguments, suffix=suffix)

    return clip
