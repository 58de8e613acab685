"""Every clip of one or more folders through the command line, each result checked against its source.

    python benchmarks/nasty.py FOLDER [FOLDER ...] [--container mp4] [--megapixels 60] [--only NAME ...] [--table FILE]

A clip must give a result that `fidelity.py` finds no fault with, or be refused with one plain sentence. In both cases
nothing may lie beside the result and no process may live on. The exit code is the number of clips where that is not so.
Clips of more than `--megapixels` in all their frames are converted in part (`--preview`).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fidelity import Contents, contents, faults

ROOT = Path(__file__).resolve().parent.parent
MARK = "VIDEO3D_BENCHMARK_RUN"
"""Set for the program under test and inherited by all that it starts: so that what lives on is found."""
SECONDS_TO_END = 3.0
SAID_OF_EVERY_CLIP = ("Depth comes from", "Strength ", "Preparing for this processor")
"""Notices that begin so are not in the table."""
DIFFICULT = {
    "base.mp4": "nothing: what the others are made from",
    "rotated_90.mp4": "display matrix: turned by 90°",
    "rotated_180.mp4": "display matrix: turned by 180°",
    "rotated_270.mp4": "display matrix: turned by 270°",
    "odd_321x181_444.mp4": "odd width and height, 4:4:4",
    "odd_321x181_420.mkv": "odd width and height, 4:2:0, FFV1",
    "anamorphic_16x11.mp4": "pixels that are not square (16:11)",
    "portrait_202x360.mp4": "portrait, a width that is no multiple of 4",
    "tiny_16x8.mp4": "16x8 pixels",
    "large_4096x2160.mp4": "4096x2160: side by side wider than H.264 may be",
    "vfr.mp4": "variable frame rate",
    "ntsc_film.mp4": "24000/1001 frames/s",
    "fps60.mp4": "60 frames/s, many frames alike",
    "audio_late_0.7s.mp4": "the sound begins 0.7 s later",
    "video_late_1.5s.mkv": "the picture begins 1.5 s later",
    "edit_list_cut_between_keyframes.mp4": "an edit list that begins between key frames",
    "audio_longer_than_video.mp4": "4 s of sound, 0.5 s of picture",
    "one_frame.mp4": "one frame",
    "timestamps_restart.ts": "the clock restarts in the middle",
    "one_hour_1fps.mp4": "one hour at 1 frame/s",
    "interlaced_tff.ts": "interlaced MPEG-2, anamorphic",
    "hdr10_pq.mp4": "HDR10: 10 bit, PQ, mastering display and light level",
    "hlg.mp4": "HLG: 10 bit",
    "full_range.mp4": "full range",
    "gray.mp4": "grey: no chroma planes",
    "prores4444_pcm.mov": "ProRes 4:4:4 10 bit with alpha, PCM sound",
    "alpha_vp9.webm": "VP9 with alpha",
    "animated.gif": "GIF, odd width",
    "no_audio.mp4": "no sound",
    "audio_only.mp4": "no picture",
    "three_audio_two_subs_attachment.mkv": "three sound tracks, two subtitle tracks, an attachment",
    "surround_5.1.mkv": "AC-3 5.1",
    "cover_art_first.mp4": "a cover picture before the video track",
    "chapters.mkv": "chapters",
    "all_black.mp4": "black throughout: nothing to tell depth from",
    "flat_shapes.mp4": "a flat test pattern",
    "cut_every_5_frames.mp4": "a cut every five frames",
    "fade_through_black.mp4": "fades to black and back",
    "zero_bytes.mp4": "zero bytes",
    "truncated_no_index.mp4": "cut off, the index is missing",
    "truncated_with_index.mp4": "cut off, the index promises more",
    "truncated.mkv": "cut off",
    "bitstream_errors.mp4": "bit errors",
    "text.mp4": "a text",
    "picture_named.mp4": "a JPEG picture",
    "cover.jpg": "a JPEG picture",
    "subs.srt": "subtitles",
    "chapters.txt": "a list of chapters",
    "no_extension": "a name without an ending",
    " leading space, comma; 'quote' % 100%d é 日本 #1.mp4": "its name",
    "-dash.mp4": "a name that looks like a flag",
    "av1.mkv": "AV1 in Matroska",
    "bbb_0_30.webm": "VP8 and Vorbis; cuts and titles",
    "cockatoo_yuv444.mp4": "4:4:4, MP3 in MP4",
    "full_range_bt709.mp4": "full range, BT.709",
    "globe.avi": "AVI, MPEG-4 part 2, MP3",
    "h265_10bit.mp4": "HEVC 10 bit",
    "nasa_two_video_streams_subs.mp4": "two video, two sound and two subtitle tracks",
    "newtonscradle.gif": "GIF",
    "no_duration_vp9.webm": "VP9 and Opus, no duration in the header",
    "person_room_10fps.mp4": "10 frames/s, a fixed camera",
    "phone_rot180_vfr.mp4": "a telephone's: turned by 180°, variable frame rate",
    "realshort_320.mp4": "an odd frame rate (45000/1499)",
    "rollercoaster.mp4": "MPEG-4 part 2; thin beams",
    "seed_depth_portrait.mkv": "portrait HEVC, 2997/100 frames/s",
    "theora_vorbis.mkv": "Theora and Vorbis in Matroska",
    "tokyo_walk.mp4": "15 frames/s, night, reflections",
    "transparent_vp9.webm": "VP9 with alpha, Vorbis",
}
NOT_VIDEO = frozenset({
    "audio_only.mp4", "zero_bytes.mp4", "text.mp4", "picture_named.mp4", "cover.jpg", "subs.srt", "chapters.txt",
    "truncated_no_index.mp4",
})
"""Files that are to be refused."""


@dataclass
class Outcome:
    """What became of one clip."""

    name: str
    seconds: float
    out: str = ""
    notices: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def main() -> int:
    """Run all clips; returns how many came out wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--container", default="mp4")
    parser.add_argument("--megapixels", type=float, default=60.0)
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--table", type=Path)
    chosen = parser.parse_args()
    outcomes: list[Outcome] = []
    for folder in chosen.folders:
        for clip in sorted(file for file in folder.iterdir() if file.is_file()):
            if not chosen.only or clip.name in chosen.only:
                outcomes.append(run(clip.resolve(), chosen.container, chosen.megapixels))
                _tell(outcomes[-1])
    if chosen.table is not None:
        chosen.table.write_text(table(outcomes), encoding="utf-8")
    wrong = sum(bool(outcome.faults) for outcome in outcomes)
    print(f"{len(outcomes)} files, {wrong} with faults")
    return min(wrong, 100)


def run(clip: Path, container: str, megapixels: float) -> Outcome:
    """Convert one clip and look at all that came of it."""
    with tempfile.TemporaryDirectory(prefix="video3d-nasty-") as folder:
        target = Path(folder, f"result.{container}")
        preview = _preview(clip, megapixels)
        mark = uuid.uuid4().hex
        command = [sys.executable, "-m", "video3d", "convert", f"./{clip.name}", "-o", str(target), "--json",
                   "--speed", "fastest", *(["--preview", f"{preview:g}"] if preview else [])]
        began = time.monotonic()
        done = subprocess.run(command, cwd=clip.parent, capture_output=True, text=True, encoding="utf-8", check=False,
                              env={**os.environ, MARK: mark, "PYTHONPATH": str(ROOT)})
        outcome = Outcome(clip.name, time.monotonic() - began)
        events = [json.loads(line) for line in done.stdout.splitlines()]
        outcome.notices = [event["message"].removeprefix(f"{clip.name}: ") for event in events
                           if event["event"] == "notice" and not event["message"].startswith(SAID_OF_EVERY_CLIP)]
        if done.stderr:
            outcome.faults.append(f"it wrote to standard error: {done.stderr.strip().splitlines()[-1]}")
        if done.returncode == 0:
            _look_at_result(clip, target, preview, outcome)
        else:
            _look_at_refusal(done.returncode, events, outcome)
        left = [path.name for path in Path(folder).iterdir() if path != target]
        outcome.faults += [f"{name} was left beside the result" for name in left]
        outcome.faults += [f"a process lives on: {words}" for words in living(mark)]
        return outcome


def _preview(clip: Path, megapixels: float) -> float | None:
    """Seconds to convert where all would take too long."""
    probed = subprocess.run([sys.executable, "-m", "video3d", "probe", f"./{clip.name}", "--json"], cwd=clip.parent,
                            capture_output=True, text=True, encoding="utf-8", check=False,
                            env={**os.environ, "PYTHONPATH": str(ROOT)})
    if probed.returncode != 0:
        return None
    info: dict[str, Any] = json.loads(probed.stdout)
    seconds, rate = _number(info["duration"]), _number(info["frame_rate"])
    speed = info["width"] * info["height"] * rate / 1e6
    preview = max(1.0, round(megapixels / speed)) if speed else seconds
    return preview if preview < seconds else None


def _number(text: str | None) -> float:
    above, _, below = (text or "0").partition("/")
    return float(above) / float(below or 1)


def _look_at_result(clip: Path, target: Path, preview: float | None, outcome: Outcome) -> None:
    source, result = contents(clip, seconds=preview), contents(target, eyes=2)
    outcome.faults += faults(source, result, outcome.notices, is_part=preview is not None)
    if clip.name in NOT_VIDEO:
        outcome.faults.append("it should have been refused")
    outcome.out = _described(source, result, preview)


def _look_at_refusal(code: int, events: list[dict[str, Any]], outcome: Outcome) -> None:
    problems = [event for event in events if event["event"] == "error"]
    if code != 1 or len(problems) != 1:
        outcome.faults.append(f"exit code {code} with {len(problems)} errors")
        return
    (problem,) = problems
    sentence = f"{problem['message']} {problem['remedy']}"
    if outcome.name not in sentence:
        outcome.faults.append("the message does not name the file")
    if not problem["remedy"]:
        outcome.faults.append("the message has no remedy")
    if outcome.name not in NOT_VIDEO:
        outcome.faults.append("it should have been converted")
    outcome.out = "Refused: " + sentence.replace(f"./{outcome.name}: ", "").replace(f"{outcome.name}: ", "")


def _described(source: Contents, result: Contents, preview: float | None) -> str:
    span = (result.times[-1] or 0) - (result.times[0] or 0) if result.times else 0
    count, (width, height) = len(result.times), result.size
    words = [f"{count} frame{'s' * (count != 1)} of {width}x{height} {result.codec} {result.pixel_format}, "
             f"first to last {float(span):.3f} s" + (f" (a preview of {preview:g} s)" if preview else "")]
    if result.sound:
        before = {digest: track.codec for track in source.sound for digest in track.digests}
        codecs = [before.get(track.digests[0]) if track.digests else None for track in result.sound]
        words.append("sound " + ", ".join(f"{codec} byte for byte" if codec else "made AAC" for codec in codecs))
    if result.subtitles:
        words.append(f"{len(result.subtitles)} subtitle tracks")
    if result.chapters:
        words.append(f"{len(result.chapters)} chapters")
    if result.side_data:
        words.append("HDR10 metadata")
    return "; ".join(words)


def living(mark: str) -> list[str]:
    """Command lines of processes that a run marked with `mark` has left; only Linux tells."""
    deadline = time.monotonic() + SECONDS_TO_END
    while (found := list(_marked(mark))) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def _marked(mark: str) -> list[str]:
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip())
    return found


def table(outcomes: list[Outcome]) -> str:
    """The outcomes in Markdown."""
    lines = [
        "# Clips that break converters", "",
        "What each gave, as `python benchmarks/nasty.py` checks it: as many frames as the source at the same times,",
        "upright and with square pixels, colour tags and HDR metadata kept, sound byte for byte where the container",
        "allows, and every track kept or named. Settings are the default ones (full side-by-side, MP4) but for",
        "`--speed fastest`.", "", "| file | what is difficult | what came out | notices |", "|---|---|---|---|",
    ]
    for outcome in outcomes:
        out = outcome.out + "".join(f" **Fault: {fault}.**" for fault in outcome.faults)
        cells = (f"`{outcome.name}`", DIFFICULT.get(outcome.name, ""), out, " ".join(outcome.notices))
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _tell(outcome: Outcome) -> None:
    print(f"{'FAULT' if outcome.faults else 'ok':6}{outcome.seconds:6.1f} s  {outcome.name}: {outcome.out}", flush=True)
    for text in outcome.notices:
        print(f"          notice: {text}")
    for text in outcome.faults:
        print(f"          FAULT:  {text}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
