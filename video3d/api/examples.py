"""What the OpenAPI document shows."""

from __future__ import annotations

from typing import Any

from video3d import __version__
from video3d.shot_edits import FORMAT

UPLOAD: dict[str, Any] = {"id": "Z0mR4cSVvKkQ1xJ5yGd7hw", "name": "holiday.mp4", "size": 73400320,
                          "received": 73400320, "complete": True, "created": 1767225600.0}
VIDEO: dict[str, Any] = {
    "name": "holiday.mp4", "bytes": 73400320, "container": "mov,mp4,m4a,3gp,3g2,mj2", "codec": "h264", "width": 1920,
    "height": 1080, "frame_rate": 25.0, "duration": 60.0, "frames": 1500, "bit_depth": 8, "hdr": False,
    "interlaced": False, "rotation": 0, "chapters": 0, "notices": [],
    "tracks": [{"index": 0, "kind": "video", "codec": "h264", "language": "", "title": "", "details": ""},
               {"index": 1, "kind": "audio", "codec": "aac", "language": "eng", "title": "",
                "details": "48000 Hz, stereo"}],
}
ORDER: dict[str, Any] = {"upload": UPLOAD["id"], "settings": {"layout": "half-sbs", "strength": 2.0}}
JOB: dict[str, Any] = {
    "id": "k3TgB0pWv2ZqXx8M", "name": "holiday.mp4", "result_name": "holiday_3D_HSBS_LR.mp4", "state": "running",
    "asked": None, "priority": 0, "notices": ["Depth comes from built-in (basic) (licence MIT), the best model here."],
    "progress": {"stage": "convert", "done": 300, "total": 1500, "frames_per_second": 12.5, "seconds_left": 96.0},
    "error": None, "created": 1767225600.0, "started": 1767225601.0, "finished": None, "frames": None,
    "settings": {"layout": "half-sbs", "strength": 2.0}, "shots_edited": False, "version": 7,
}
JOBS: dict[str, Any] = {"version": 7, "jobs": [JOB]}
STATUS: dict[str, Any] = {"version": __version__, "host": "stand-alone", "devices": ["cpu"], "logged_in": "",
                          "paths_allowed": False, "upload_bytes": 214748364800, "waiting": 0, "running": 1,
                          "notices": []}
SAVED: dict[str, Any] = {"name": "my television", "values": {"strength": 2}}
PRESETS: dict[str, Any] = {
    "devices": [{"id": "quest-3", "label": "Quest 3", "why": "Full size keeps all pixels of each eye.", "hint": "",
                 "layouts": ["full-sbs", "full-tab", "half-sbs"], "container": "mp4", "codecs": ["h264", "hevc"]}],
    "saved": [SAVED],
}
MODEL: dict[str, Any] = {"id": "builtin", "label": "built-in (basic)", "licence": "MIT", "non_commercial": False,
                         "availability": "ready", "bytes": 0, "needs": "", "chosen": True, "slow": False,
                         "download": None, "error": None}
PREVIEW: dict[str, Any] = {"upload": UPLOAD["id"], "moment": 12.5, "view": "left-right", "settings": {"strength": 2.0}}
SOURCE: dict[str, Any] = {"upload": UPLOAD["id"]}
SHOTS: dict[str, Any] = {
    "format": FORMAT, "edited": True, "starts": [0.0, 4.2, 9.84], "covered": 60.0, "complete": True,
    "shots": [{"index": 0, "start": 0.0, "end": 4.2, "strength": "auto", "convergence": "auto",
               "thumbnail": f"shots/picture?upload={UPLOAD['id']}&at=0.0"},
              {"index": 1, "start": 4.2, "end": 60.0, "strength": 1.5, "convergence": 0.4,
               "thumbnail": f"shots/picture?upload={UPLOAD['id']}&at=4.2"}],
}
SHOTS_TO_SAVE: dict[str, Any] = {
    **SOURCE, "shots": [{"start": 0.0}, {"start": 4.2, "strength": 1.5, "convergence": 0.4}]}
SHOT_EDIT: dict[str, Any] = {**SOURCE, "action": "merge", "shot": 2}
ESTIMATE_ORDER: dict[str, Any] = {"upload": UPLOAD["id"], "settings": {"layout": "half-sbs"}}
ESTIMATE: dict[str, Any] = {"seconds": 130.0, "bytes": 94371840, "width": 1920, "height": 1080}
PLAYABLE: dict[str, Any] = {"state": "result", "share": 0.0, "address": "jobs/k3TgB0pWv2ZqXx8M/result"}
