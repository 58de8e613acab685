"""A clip goes in, a 3D video comes out: the whole story on one page.

    decide   probe the source; choose the depth model, the encoder, the clock of the result (`deciding.py`)
    plan     find the shots and hand out units of work (`planning.py`)
    convert  each unit becomes a segment: decode, depth, disparity, second eye, layout, encode (`converting.py`)
    join     segments and the source's other tracks become one file, labelled as 3D (`finishing.py`)
    check    read it back; only then does it take its name

Whoever runs this (`jobs/`) keeps the segments in a folder and can do the units in any order, or plans them while it
converts (`single_pass`). In one go it is

    conversion = decide(source, settings, host)
    planner = plan(conversion, reporter)
    converter = open_converter(conversion, planner.origin, reporter)
    for unit in planner:
        converter.convert(PlannedFrames(unit), segment_of(unit), show)
    converter.close()
    finished = join_units(conversion, units, segments, folder, reporter)
"""

from __future__ import annotations

from video3d.converting import DEPTH_LAYOUTS, UnitConverter
from video3d.deciding import Conversion, decide, decide_picture, look_ahead_share, target_name
from video3d.depth_stage import DepthOrder, open_depth
from video3d.finishing import Keeper, join_units, settings_text
from video3d.nearness import NearnessStage
from video3d.planning import Planner
from video3d.preparing import prepare
from video3d.reporting import Reporter
from video3d.single_pass import SinglePass
from video3d.stabilise import LOOK_AHEAD_SECONDS

__all__ = ["Conversion", "Keeper", "decide", "decide_picture", "join_units", "open_converter", "open_nearness", "plan",
           "settings_text", "single_pass", "target_name"]


def plan(conversion: Conversion, reporter: Reporter) -> Planner:
    """Iterate it for the units of work."""
    return Planner(conversion.info, conversion.range, reporter, conversion.shots)


def single_pass(conversion: Conversion, planner: Planner) -> SinglePass | None:
    """The same plan, made while the units are converted, so that the source is decoded once.

    None where a unit's shots must be known before: a person edited them, or kept depth is looked up for a whole shot.
    """
    depth = conversion.settings.depth
    keeps_depth = depth.depth_cache is not None and depth.depth_video is None and not conversion.model.is_cheap
    if conversion.shots is not None or keeps_depth:
        return None
    return SinglePass(planner, conversion.info, conversion.shared.eye_format)


def open_converter(conversion: Conversion, origin: int | None, reporter: Reporter) -> UnitConverter:
    """What converts units, with the depth model loaded; Cancelled where the user stops the wait for that."""
    if conversion.settings.output.layout not in DEPTH_LAYOUTS:
        prepare(reporter)
    return UnitConverter(conversion.shared, open_nearness(conversion, reporter), origin, reporter)


def open_nearness(conversion: Conversion, reporter: Reporter) -> NearnessStage:
    """Where the depth of every frame comes from; close it."""
    info, shared = conversion.info, conversion.shared
    look_ahead = LOOK_AHEAD_SECONDS * look_ahead_share(info, shared.eye_format)
    order = DepthOrder(conversion.model, conversion.settings.depth, info, shared.eye_format, look_ahead)
    return open_depth(order, conversion.host, reporter)
