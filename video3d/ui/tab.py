"""The page: settings as gradio controls, and empty frames that the script in `javascript/` fills.

Files, pictures and progress never pass through gradio: the script talks to the routes under /video3d/v1. gradio hands
the values of its controls to the script, and takes values from it, without a call to the server.
"""

from __future__ import annotations

import html
import importlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from video3d import __version__
from video3d.depth.registry import AUTO, available_models
from video3d.depth_model import Role
from video3d.host import Host
from video3d.params import parameters
from video3d.settings import ConversionSettings
from video3d.ui.controls import Choice, Control, make_control
from video3d.ui.devices import OWN_SETTINGS, device_choices, device_facts
from video3d.ui.words import ADVANCED, AUTOMATIC, CONVERT, GROUPS, SAYINGS, STOP, TITLE

QUICK, QUICK_TOO = ("strength", "convergence", "depth_model"), ("eye", "swap_eyes")
"""Settings that are always in sight; between them stands what the script tells of the depth model."""
BY_PATH = frozenset({"depth_video"})
"""Settings that name a file on the server's machine."""


PLAYER_VIEWS = ("anaglyph", "left", "parallel", "crossed", "wiggle", "file")
"""How the player can show a result."""


@dataclass(frozen=True)
class PlayerOptions:
    """How results are played in the page, to begin with."""

    view: str = "anaglyph"
    """One of `PLAYER_VIEWS`."""
    plays_at_once: bool = True
    """Opens a result that has just been made."""
    repeats: bool = True


@dataclass(frozen=True)
class TabOptions:
    """What the place where the tab stands allows."""

    routes: str = "video3d/v1"
    """Where the HTTP routes are, relative to the page."""
    allow_paths: bool = False
    """Whether users may name files of the server's machine."""
    allow_open_folder: bool = False
    """Whether the browser's user sits at the server's machine."""
    send_to_images: bool = False
    """Whether the page has tabs for single pictures (img2img, extras)."""
    player: PlayerOptions = PlayerOptions()


def create_tab(host: Host, options: TabOptions | None = None, *, theme: Any = None) -> Any:
    """The tab as gradio Blocks, a page of its own."""
    gradio = importlib.import_module("gradio")
    look = {} if theme is None else {"theme": theme}
    with gradio.Blocks(analytics_enabled=False, title=TITLE, **look) as blocks:
        draw_tab(host, options)
    return blocks


def draw_tab(host: Host, options: TabOptions | None = None) -> None:
    """The tab in the page that is being built; the same on gradio 3.41, 4.40 and the stand-alone pin."""
    gradio = importlib.import_module("gradio")
    chosen = options or TabOptions()
    with gradio.Row(elem_id="video3d_page"):
        with gradio.Column(scale=4, min_width=320, elem_id="video3d_left"):
            gradio.HTML(_frame("source"), elem_id="video3d_frame_source")
            controls = _controls(gradio, host, chosen)
        with gradio.Column(scale=6, min_width=320, elem_id="video3d_right"):
            gradio.HTML(_frame("preview"), elem_id="video3d_frame_preview")
            with gradio.Row(elem_id="video3d_actions"):
                convert = gradio.Button(CONVERT, variant="primary", elem_id="video3d_generate", scale=3)
                interrupt = gradio.Button(STOP, elem_id="video3d_interrupt", scale=1)
            gradio.HTML(_frame("progress"), elem_id="video3d_frame_progress")
            gradio.HTML(_frame("results"), elem_id="video3d_frame_results")
        apply = gradio.Button("apply", elem_id="video3d_apply", elem_classes=["video3d-hidden"])
        gradio.HTML(_facts(controls, chosen), elem_id="video3d_facts", elem_classes=["video3d-hidden"])
    _wire(gradio, controls, (convert, interrupt, apply))


def _frame(name: str) -> str:
    return f'<div class="video3d-frame" data-video3d="{name}"></div>'


def _controls(gradio: Any, host: Host, options: TabOptions) -> list[Control]:
    declared = {parameter.name: parameter for parameter in parameters(ConversionSettings)}
    special = {"depth_model": model_choices(host), "preset": device_choices()}
    preferred = host.defaults()
    made: list[Control] = []

    def draw(names: Iterable[str]) -> None:
        for name in names:
            parameter = declared.pop(name, None)
            if parameter is not None:
                visible = name not in BY_PATH or options.allow_paths
                made.append(make_control(gradio, parameter, special.get(name, ()), preferred=preferred.get(name),
                                         visible=visible))

    draw(["preset"])
    gradio.HTML(_frame("presets"), elem_id="video3d_frame_presets")
    with gradio.Group(elem_id="video3d_quick"):
        draw(QUICK)
        gradio.HTML(_frame("models"), elem_id="video3d_frame_models")
        draw(QUICK_TOO)
    for group, title in GROUPS.items():
        plain = [parameter.name for parameter in declared.values()
                 if parameter.group == group and not parameter.param.advanced]
        if plain:
            with gradio.Accordion(title, open=False, elem_id=f"video3d_fold_{group}"):
                draw(plain)
    with gradio.Accordion(ADVANCED, open=False, elem_id="video3d_fold_advanced"):
        draw(list(declared))
    return made


def model_choices(host: Host) -> list[Choice]:
    """Depth models to choose from, the automatic choice first; the script says more of the one that is chosen."""
    estimating = [model for model in available_models(host) if model.role is Role.ESTIMATES]
    return [(AUTOMATIC, AUTO), *((model.label, model.id) for model in estimating)]


def _facts(controls: Sequence[Control], options: TabOptions) -> str:
    """What the script must know, as JSON in an attribute."""
    facts = {
        "version": __version__, "routes": options.routes, "allowPaths": options.allow_paths,
        "allowOpenFolder": options.allow_open_folder, "sendToImages": options.send_to_images,
        "controls": [control.describe() for control in controls], "devices": device_facts(),
        "ownSettings": OWN_SETTINGS, "sayings": SAYINGS, "player": asdict(options.player),
    }
    return f'<div data-video3d-facts="{html.escape(json.dumps(facts))}"></div>'


def _wire(gradio: Any, controls: Sequence[Control], buttons: tuple[Any, Any, Any]) -> None:
    convert, interrupt, apply = buttons
    components = [component for control in controls for component in control.components]
    convert.click(None, components, None, **_script(gradio, "(...v) => window.video3d.convert(v)"))
    interrupt.click(None, None, None, **_script(gradio, "() => window.video3d.interrupt()"))
    apply.click(None, None, components, **_script(gradio, "() => window.video3d.valuesToApply()"))
    for index, component in enumerate(components):
        script = f"(v) => window.video3d.controlChanged({index}, v)"
        component.change(None, [component], None, **_script(gradio, script))


def _script(gradio: Any, code: str) -> Mapping[str, Any]:
    """The keyword under which this gradio takes code for the browser.

    A webui's gradio is told that programs do not call it: else it looks for a free name among those of all the page's
    events, anew for each of ours. Newer ones take no such word.
    """
    major = int(gradio.__version__.partition(".")[0])
    return {"_js" if major == 3 else "js": code, **({"api_name": False} if major < 5 else {})}
