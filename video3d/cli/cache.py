"""`cache`: what is kept of depth, and throwing it away."""

from __future__ import annotations

import argparse
import json
import time

from video3d.cli.arguments import DONE, Commands, add_command
from video3d.console import Console
from video3d.host import Host


def add(commands: Commands) -> None:
    """The command and its flags."""
    cache = add_command(commands, "cache", _cache, "say which depth is kept, or throw it away")
    cache.add_argument("what", choices=("info", "clear"), nargs="?", default="info")


def _cache(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    from video3d.depth_cache.store import CacheUse
    from video3d.depth_stage import depth_cache

    cache = depth_cache(host, 0)
    if chosen.what == "clear":
        cache.clear()
    uses = cache.uses()
    size = sum(use.size for use in uses)
    if chosen.json:
        entries = [{"source": use.source, "model": use.model, "maps": use.maps, "bytes": use.size, "used": use.used}
                   for use in uses]
        console.write(json.dumps({"event": "cache", "folder": str(cache.folder), "bytes": size, "entries": entries}))
        return DONE

    def line(use: CacheUse) -> str:
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(use.used))
        return f"  {use.size / 1e6:8.1f} MB  {use.maps:7} maps  {used}  {use.source} ({use.model})"

    console.write("\n".join([f"{cache.folder}: {size / 1e6:.1f} MB of depth maps", *map(line, uses)]))
    return DONE
