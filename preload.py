"""The extension's command-line flags. The webui is half started when this runs: nothing of it is imported here."""

from __future__ import annotations

import argparse


def preload(parser: argparse.ArgumentParser) -> None:
    """Called by the webui, with its parser."""
    group = parser.add_argument_group("2D→3D Video")
    group.add_argument("--video3d-work-dir", metavar="DIR", default=None,
                       help="folder for uploads, the queue, previews and the depth cache (default: video3d-work in the "
                            "data folder)")
    group.add_argument("--video3d-allow-path", metavar="DIR", action="append", default=[],
                       help="folder that videos may be opened from by their path, also when the webui is reachable "
                            "from other machines; may be given several times")
