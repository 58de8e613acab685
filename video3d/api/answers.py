"""Our values as the bodies of `bodies.py`, ready for JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from video3d.api.saved_presets import SavedPreset
from video3d.api.uploads import Upload
from video3d.params import Parameter, to_values
from video3d.presets import Preset
from video3d.queue import JobProblem, JobView
from video3d.video_info import Track, VideoInfo

Publish = Callable[[str], str]
"""Takes what only the server should know out of a text."""
_KINDS: dict[type, str] = {bool: "boolean", int: "integer", float: "number"}


def upload_body(upload: Upload) -> dict[str, Any]:
    """`UploadBody`."""
    return {"id": upload.id, "name": upload.name, "size": upload.size, "received": upload.received,
            "complete": upload.complete, "created": upload.created}


def video_body(info: VideoInfo, name: str, size: int, publish: Publish) -> dict[str, Any]:
    """`VideoBody`."""
    rate = float(info.frame_rate) if info.frame_rate else None
    duration = float(info.duration) if info.duration is not None else None
    return {
        "name": name, "bytes": size, "container": info.container, "codec": info.codec, "width": info.width,
        "height": info.height, "frame_rate": rate, "duration": duration,
        "frames": round(rate * duration) if rate and duration else None, "bit_depth": info.pixel_format.bit_depth,
        "hdr": info.colour.is_hdr, "interlaced": info.interlaced, "rotation": info.rotation,
        "chapters": len(info.chapters), "tracks": [_track(track) for track in info.tracks],
        "notices": [publish(notice) for notice in info.notices],
    }


def job_body(job: JobView, publish: Publish) -> dict[str, Any]:
    """`JobBody`."""
    settings = {name: publish(value) if isinstance(value, str) else value
                for name, value in to_values(job.settings).items()}
    return {
        "id": job.id, "name": job.display_name, "result_name": job.target.name, "state": job.state.value,
        "asked": job.asked.value if job.asked else None, "priority": job.priority,
        "progress": asdict(job.progress) if job.progress else None,
        "notices": [publish(notice) for notice in job.notices],
        "error": _job_problem(job.error, publish) if job.error else None, "created": job.created,
        "started": job.started, "finished": job.finished, "frames": job.frames, "settings": settings,
        "shots_edited": job.shots is not None, "version": job.version,
    }


def setting_body(parameter: Parameter) -> dict[str, Any]:
    """`SettingBody`."""
    param = parameter.param
    return {
        "name": parameter.name, "group": parameter.group, "label": parameter.label, "help": param.help,
        "allowed": parameter.allowed, "unit": param.unit, "advanced": param.advanced,
        "choices": list(parameter.choices), "minimum": param.minimum, "maximum": param.maximum, "step": param.step,
        "none_means": param.none_means, "kind": _KINDS.get(parameter.type, "string"),
    }


def device_body(preset: Preset) -> dict[str, Any]:
    """`DevicePresetBody`."""
    return {"id": preset.id, "label": preset.label, "why": preset.why, "hint": preset.hint,
            "layouts": [layout.value for layout in preset.layouts], "container": preset.container.value,
            "codecs": [limit.codec.value for limit in preset.codecs]}


def saved_body(preset: SavedPreset) -> dict[str, Any]:
    """`SavedPresetBody`."""
    return {"name": preset.name, "values": dict(preset.values)}


def _track(track: Track) -> dict[str, Any]:
    return {"index": track.index, "kind": track.kind.value, "codec": track.codec, "language": track.language,
            "title": track.title, "details": track.details}


def _job_problem(problem: JobProblem, publish: Publish) -> dict[str, Any]:
    return {"error": problem.type, "message": publish(problem.message), "stage": problem.stage,
            "remedy": publish(problem.remedy)}
