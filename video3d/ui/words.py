"""What the tab calls things, where the declaration of a setting speaks to the command line or has only a word.

Every text here is English and is looked up in `localizations/` by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TITLE = "2D→3D Video"
CONVERT, STOP, ADVANCED, AUTOMATIC = "Convert", "Stop", "Advanced", "Automatic"

LABELS: Mapping[str, str] = {
    "preset": "Where will you watch it?",
    "start": "Begin at",
    "end": "End at",
    "preview": "Only a sample of",
    "eye": "Which eye is dominant?",
    "depth_model": "Depth model",
    "depth_size": "Depth detail",
    "depth_video": "Depth from a file",
    "stabilise": "Steadiness",
    "chroma": "Colour detail",
    "tracks": "Sound and subtitles",
    "codec": "Video format",
    "container": "File type",
    "layout": "3D layout",
    "speed": "Encoding effort",
    "convergence": "Screen plane",
    "edge_dilation": "Wider edges",
    "background_plate": "Fill from other frames",
    "device": "Processor",
    "depth_every": "Estimate depth on every … frame",
    "depth_cache": "Disk space for kept depth",
    "depth_bits": "Bits of written depth",
    "max_width": "Largest width of an eye",
    "max_height": "Largest height of an eye",
    "window": "Sides of the picture",
    "comfort_front": "Comfort limit in front",
    "comfort_behind": "Comfort limit behind",
    "subtitle_band": "Flat band for subtitles",
    "vr_screen_width": "VR180: screen width",
    "vr_screen_distance": "VR180: screen distance",
    "comfort_screen": "Comfort report for",
}
"""Names of controls, by setting."""

HELP: Mapping[str, str] = {
    "preset": "Sets the 3D layout and the kind of file.",
    "depth_model": "Guesses how far everything is. Better ones take longer.",
    "depth_video": "Path of a video or a folder of pictures with depth made elsewhere (white = near).",
    "strength": "How deep it looks, in per cent of the picture's width. More than 3 strains the eyes.",
    "convergence": "What lies on the screen: 0 = all in front of it, 1 = all behind it.",
    "eye": "Point at something far away and close one eye: the eye that still aims at it is the dominant one.",
    "layout": "How the two eyes share a frame. Your choice of device sets it.",
    "encoder": "auto takes the best one that works here.",
    "device": "Where a depth network runs: auto, cpu, cuda:0 …",
    "depth_every": "More is faster, and a little less exact: depth is carried to the frames between by their motion.",
    "depth_cache": "Depth is kept, so that other settings of the same video take no second estimate.",
    "depth_bits": "In the layouts “Depth only” and “Picture and depth”.",
    "window": "What becomes of near things that the picture's sides cut off.",
    "subtitle_band": "Keeps so much of the picture, from below, flat on the screen, for subtitles in the picture.",
    "comfort_report": "Shows how easy the result is on the eyes; written beside it.",
}
"""One line under a control, where the declaration's own line names flags."""

CHOICES: Mapping[str, Mapping[str, str]] = {
    "eye": {"left": "Right (most people)", "right": "Left", "both": "Neither"},
    "stabilise": {"off": "Off", "normal": "Normal", "talking-head": "Still background"},
    "layout": {
        "full-sbs": "Side by side, full size", "half-sbs": "Side by side, half size",
        "full-tab": "Top and bottom, full size", "half-tab": "Top and bottom, half size",
        "anaglyph-dubois": "Red-cyan glasses, best colours", "anaglyph-half-colour": "Red-cyan glasses, half colour",
        "anaglyph-grey": "Red-cyan glasses, grey", "anaglyph-green-magenta": "Green-magenta glasses",
        "anaglyph-amber-blue": "Amber-blue glasses", "row-interleaved": "Interleaved rows",
        "column-interleaved": "Interleaved columns", "checkerboard": "Checkerboard", "rgbd": "Picture and depth",
        "depth": "Depth only", "left-only": "Left eye only", "right-only": "Right eye only",
        "separate": "Two files, one for each eye", "vr180": "VR180", "wiggle": "Wiggle",
    },
    "container": {"mp4": "MP4", "mkv": "Matroska (MKV)", "mov": "QuickTime (MOV)"},
    "codec": {"auto": "Automatic", "h264": "H.264", "hevc": "HEVC (H.265)", "av1": "AV1"},
    "window": {"off": "Leave them", "taper": "Flatten near them (headsets)", "floating": "Float the frame (screens)"},
    "comfort_screen": {"monitor": "Monitor", "television": "Television", "headset": "Headset", "cinema": "Cinema"},
    "depth_bits": {"source": "As in the source", "10": "10 bit"},
    "speed": {"fastest": "Fastest", "fast": "Fast", "medium": "Smaller file", "slow": "Smallest file"},
    "chroma": {"420": "Plays everywhere", "source": "As in the original"},
    "tracks": {"all": "Keep all", "audio": "Keep the sound", "none": "Only the picture"},
}
"""What the words of a setting with choices are called."""

RADIOS = frozenset({"preset"})
"""Settings whose many choices are all in sight."""

FIRST_VALUES: Mapping[str, Any] = {"preset": "quest-3", "comfort_report": True}
"""What the page begins with, where that is not a setting's default."""

GROUPS: Mapping[str, str] = {
    "range": "Part of the video", "depth": "Depth", "stereo": "3D effect", "output": "File",
}
"""Titles of the folds."""

_OTHER_NAME, _ANEW = "Choose another name.", "Remove the old conversion, and convert again."
SAYINGS: Mapping[str, str] = {
    "--preset {0} and --container {1} contradict each other.": "{0} and the file type {1} do not fit together.",
    "--preset {0} and --encoder {1} contradict each other.": "{0} and the encoder {1} do not fit together.",
    "--preset {0} and --layout {1} contradict each other.": "{0} and the 3D layout {1} do not fit together.",
    "A mirror looks like https://example.org ({0} or --mirror).": "A mirror looks like https://example.org ({0}).",
    "Add --overwrite, or choose another name with -o.": _OTHER_NAME,
    "Add --restart to throw it away, or choose another target with -o.": _ANEW,
    "Add --restart to throw it away.": _ANEW,
    "Choose --device cpu, or auto.": "Choose the processor “cpu” or “auto”.",
    "Choose another folder with --queue.": "Check the permissions of that folder.",
    "Choose another name with -o.": _OTHER_NAME,
    "Choose another name with -o; the finished work is kept.":
        "Move that file away and try again; the finished work is kept.",
    "Choose another place with -o.": "Choose another place.",
    "Free some space, choose another disk with -o, or a shorter part of the video.":
        "Free some space, or choose a shorter part of the video.",
    "Free some space, or choose another folder with -o.": "Free some space and try again.",
    "Let the name end in .{0}, or leave --preset out.": "Let the name end in .{0}, or choose another device.",
    "Name a file with -o.": "Name a file.",
    "Remux it first (mkvmerge -o OUT.mkv IN.mkv), without re-encoding.":
        "Remux it first with a tool such as MKVToolNix, without re-encoding.",
    "Remux it into an ordinary MP4 first (ffmpeg -i IN -c copy OUT.mp4), without re-encoding.":
        "Remux it into an ordinary MP4 first, without re-encoding.",
    "Start it again with `video3d convert`.": "Convert the video again.",
    "Strength {0} %: what suits this video's depth; --strength sets another.":
        "Strength {0} %: what suits this video's depth.",
    "Wait for it, or choose another target with -o.": "Wait for it.",
    "`python3 start.py setup --with {0}` installs it (elsewhere `pip install {1}`).":
        "The Python package {0} must be installed.",
    "`video3d jobs` lists them all.": "Choose one of the list.",
    "`video3d models download {0}` gets it ({1} MB).":
        "It can be downloaded below the choice of the depth model ({1} MB).",
    "`video3d models download {0}` gets them.": "They can be downloaded below the choice of the depth model.",
    "`video3d settings` lists them all.": "Check the name.",
    "`video3d shots IN --json` shows what such a list looks like.": "Adjust the shots again.",
}
"""What the program says of its command line, as the page says it; other flags become names of controls."""


def choice_word(setting: str, value: str) -> str:
    """What a choice is called; a word that nobody named yet is shown as it is, with a capital."""
    return CHOICES.get(setting, {}).get(value) or {"auto": AUTOMATIC}.get(value) or value.replace("-", " ").capitalize()
