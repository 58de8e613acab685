"""`models`: the depth models there are; `models download ID …`: their weights, fetched because the user asks."""

from __future__ import annotations

import argparse
from pathlib import Path

from video3d.cli.arguments import DONE, Commands, add_command
from video3d.console import STOPPED, Console, Stop
from video3d.errors import Cancelled, SettingsError
from video3d.host import Host

LIST, DOWNLOAD = "list", "download"


def add(commands: Commands) -> None:
    """The command and its flags."""
    models = add_command(commands, "models", _models, "list the depth models; `models download ID …` fetches weights")
    models.add_argument("action", nargs="?", choices=(LIST, DOWNLOAD), default=LIST, help="default: list")
    models.add_argument("ids", nargs="*", metavar="ID", help="of the models whose weights are wanted")
    models.add_argument("--folder", type=Path, help="where the weights go (default: the program's models folder)")
    models.add_argument("--mirror", metavar="URL", help="taken in place of https://huggingface.co and "
                        "https://github.com; may hold {url} or {file} (default: the variable VIDEO3D_MODEL_MIRROR)")


def _models(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    return _download(chosen, host, console) if chosen.action == DOWNLOAD else _list(host, console)


def _list(host: Host, console: Console) -> int:
    from video3d.depth.registry import available_models, choose_model

    models = available_models(host)
    console.models(models, choose_model("auto", models))
    return DONE


def _download(chosen: argparse.Namespace, host: Host, console: Console) -> int:
    from video3d.depth.download import download_model
    from video3d.depth.registry import available_models, find_model

    if not chosen.ids:
        raise SettingsError("Which model?", stage="settings", remedy="`video3d models` lists them: name one or more.")
    known = available_models(host)
    wanted = [find_model(model_id, known) for model_id in chosen.ids]
    folder = chosen.folder or host.models_folders()[0]
    with Stop() as stop:
        for model in wanted:
            reporter = console.reporter(Path(model.id), stop)
            terms = ", for non-commercial use only" if model.non_commercial else ""
            reporter.notice(f"{model.label}: licence {model.licence}{terms}.")
            try:
                for file in download_model(model, folder, reporter, chosen.mirror):
                    reporter.notice(f"It is here: {file}")
            except Cancelled as stopped:
                reporter.notice(str(stopped))
                return STOPPED
    return DONE
