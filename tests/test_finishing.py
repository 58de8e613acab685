from __future__ import annotations

import json

from video3d import __version__
from video3d.finishing import settings_text
from video3d.params import from_values
from video3d.settings import ConversionSettings


def test_a_result_says_how_it_was_made_without_naming_files_of_this_machine() -> None:
    settings = from_values(ConversionSettings, {"strength": 2, "layout": "half-sbs", "depth_video": "secret/depth.mp4",
                                                  "depth_model": "secret/own.onnx", "depth_cache": 9,
                                                  "device": "cuda:3", "compile_depth": True})
    told = json.loads(settings_text(settings))
    assert told == {"video3d": __version__, "settings": {"strength": 2.0, "layout": "half-sbs"}}
