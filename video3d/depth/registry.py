"""Which depth models there are, and which one is taken."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from video3d.depth.catalogue import PUBLISHED, Network, Published
from video3d.depth.weights_files import ONNX_SUFFIX, WeightsFinder, shared_caches
from video3d.depth_model import Availability, DepthEstimator, DepthKind, DepthModel, InputSize, LoadOptions, Role
from video3d.errors import DepthError, SettingsError
from video3d.host import Host

AUTO = "auto"
BUILTIN_LABEL = "built-in (basic)"
BUILTIN_SIZE = InputSize(180, follows_setting=False)
"""At 16:9 that of the small picture that motion is seen on, whose luma then serves."""
TORCH = "torch"
AS_ASKED = "Depth comes from {0} (licence {1}), as asked for."
BEST_HERE = "Depth comes from {0} (licence {1}), the best model here."
BETTER = "{0} would be better."
SIMPLE = "It guesses depth from simple cues; a real depth network gives far better results."
TO_FETCH = "`video3d models download {0}` gets it ({1} MB)."
BATCH = 4
"""Pictures that a published network sees at once: enough to keep a GPU busy, few enough for memory and progress."""


@dataclass(frozen=True)
class DepthChoice:
    """A model and the sentence that tells the user why."""

    model: DepthModel
    sentence: str


def available_models(host: Host) -> tuple[DepthModel, ...]:
    """Every model known here, best first: those built in, in the host's folders, and the host's own."""
    folders = host.models_folders()
    models = (
        *host.depth_models(), *_published(folders), *_networks_of_the_user(folders),
        DepthModel("builtin", BUILTIN_LABEL, DepthKind.RELATIVE_INVERSE, "MIT", BUILTIN_SIZE,
                   quality=1, loader=_load_builtin, remembers=True, is_cheap=True),
        DepthModel("constant", "constant (flat)", DepthKind.RELATIVE_INVERSE, "MIT",
                   InputSize(64, follows_setting=False), quality=0, loader=_load_constant, role=Role.CONSTANT,
                   is_cheap=True),
        DepthModel("file", "depth from a file", DepthKind.RELATIVE_INVERSE, "MIT",
                   InputSize(64, follows_setting=False), quality=0, loader=_load_given, role=Role.GIVEN),
    )
    return tuple(sorted(models, key=lambda model: -model.quality))


def _networks_of_the_user(folders: Sequence[Path]) -> tuple[DepthModel, ...]:
    """ONNX files. What reads them is loaded where there are any: a webui's start waits for this list."""
    if not any(entry for folder in folders if folder.is_dir() for entry in folder.glob(f"*{ONNX_SUFFIX}")):
        return ()
    from video3d.depth.onnx import onnx_models

    return onnx_models(folders)


def _published(folders: Sequence[Path]) -> Iterator[DepthModel]:
    """The published networks, wherever their weights are."""
    finder = WeightsFinder((*folders, *shared_caches()))
    lacks = "" if importlib.util.find_spec(TORCH) else TORCH
    for model in PUBLISHED:
        file = finder.find(model)
        yield DepthModel(
            model.id, model.label, model.kind, model.licence, model.input_size, model.quality,
            loader=partial(_load_published, model, file, lacks), weights=(model.weights,),
            availability=Availability.TO_DOWNLOAD if file is None else Availability.ON_DISK,
            non_commercial=model.non_commercial, needs_gpu_turn=True, memory=model.memory,
            location="" if file is None else str(file), lacks=lacks, batch=BATCH,
            remembers=model.network is Network.VIDEO_DEPTH_ANYTHING_SMALL, files=() if file is None else (file,),
        )


def find_model(model_id: str, models: Sequence[DepthModel]) -> DepthModel:
    """The model with this id, or the ONNX file at this path; SettingsError lists those there are."""
    for model in models:
        if model.id == model_id:
            return model
    if model_id.lower().endswith(ONNX_SUFFIX):
        from video3d.depth.onnx import onnx_model

        return onnx_model(Path(model_id))
    known = ", ".join([AUTO, *(model.id for model in models)])
    raise SettingsError(f"There is no depth model {model_id!r}.", stage="settings", remedy=f"Choose one of: {known}.")


def choose_model(model_id: str, models: Sequence[DepthModel]) -> DepthChoice:
    """The model for this id, or for "auto" the best one usable without the network; SettingsError for an unknown id."""
    if model_id != AUTO:
        model = find_model(model_id, models)
        if not model.is_usable:
            raise DepthError(f"{model.label} cannot be used yet.", stage="depth", remedy=_how_to_get(model))
        return DepthChoice(model, AS_ASKED.format(model.label, _licence(model)))
    estimating = sorted((model for model in models if model.role is Role.ESTIMATES and not model.non_commercial),
                        key=lambda model: (-model.quality, model.availability is not Availability.READY))
    usable = [model for model in estimating if model.is_usable]
    if not usable:
        raise DepthError("No depth model can be used here.", stage="depth", remedy="Reinstall the program.")
    chosen = usable[0]
    sentence = BEST_HERE.format(chosen.label, _licence(chosen))
    better = [model for model in estimating if model.quality > chosen.quality]
    if better:
        sentence += f" {BETTER.format(better[0].label)} {_how_to_get(better[0])}"
    elif chosen.id == "builtin":
        sentence += f" {SIMPLE}"
    return DepthChoice(chosen, sentence)


def is_named(model: DepthModel, notices: Iterable[str]) -> bool:
    """Whether a conversion's notices say that its depth came from this model, be it asked for or the best."""
    sentences = tuple(sentence.format(model.label, _licence(model)) for sentence in (AS_ASKED, BEST_HERE))
    return any(notice.startswith(sentences) for notice in notices)


def _how_to_get(model: DepthModel) -> str:
    """What makes the model usable, in sentences."""
    steps: list[str] = []
    if model.lacks:
        steps.append(f"It needs {model.lacks}: {_how_to_install(model.lacks)}")
    if model.availability is Availability.TO_DOWNLOAD:
        size = sum(weights.size for weights in model.weights)
        steps.append(TO_FETCH.format(model.id, f"{size / 1e6:.0f}"))
    return " ".join(steps)


def _how_to_install(package: str) -> str:
    return f"`python3 start.py setup --with {package}` installs it (elsewhere `pip install {package}`)."


def _licence(model: DepthModel) -> str:
    return f"{model.licence}, non-commercial use only" if model.non_commercial else model.licence


def _load_published(model: Published, file: Path | None, lacks: str, options: LoadOptions) -> DepthEstimator:
    if lacks:
        raise DepthError(f"{model.label} needs {lacks}, which is not installed here.", stage="depth",
                         remedy=_how_to_install(lacks))
    if file is None:
        raise DepthError(f"The weights of {model.label} are not on this machine.", stage="depth",
                         remedy=f"`video3d models download {model.id}` gets them.")
    from video3d.depth.networks.loading import load_published

    return load_published(model, file, options)


def _load_builtin(options: LoadOptions) -> DepthEstimator:
    from video3d.depth.builtin import BuiltinDepth

    del options
    return BuiltinDepth()


def _load_constant(options: LoadOptions) -> DepthEstimator:
    from video3d.depth.constant import ConstantDepth

    del options
    return ConstantDepth()


def _load_given(options: LoadOptions) -> DepthEstimator:
    del options
    raise DepthError("Depth from a file needs the file.", stage="depth",
                     remedy="Name a video or a folder of pictures with --depth-video.")
