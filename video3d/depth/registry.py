"""Which depth models there are, and which one is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from video3d.depth.onnx import SUFFIX, onnx_model, onnx_models
from video3d.depth_model import Availability, DepthModel, InputSize, LoadOptions, Role
from video3d.errors import DepthError
from video3d.host import Host
from video3d.types import DepthEstimator, DepthKind

AUTO = "auto"
BUILTIN_LABEL = "built-in (basic)"


@dataclass(frozen=True)
class DepthChoice:
    """A model and the sentence that tells the user why."""

    model: DepthModel
    sentence: str


def available_models(host: Host) -> tuple[DepthModel, ...]:
    """Every model known here, best first: those built in, in the host's folders, and the host's own."""
    models = (
        *host.depth_models(), *onnx_models(host.models_folders()),
        DepthModel("builtin", BUILTIN_LABEL, DepthKind.RELATIVE_INVERSE, "MIT", InputSize(216, follows_setting=False),
                   quality=1, loader=_load_builtin, remembers=True, is_cheap=True),
        DepthModel("constant", "constant (flat)", DepthKind.RELATIVE_INVERSE, "MIT",
                   InputSize(64, follows_setting=False), quality=0, loader=_load_constant, role=Role.CONSTANT,
                   is_cheap=True),
        DepthModel("file", "depth from a file", DepthKind.RELATIVE_INVERSE, "MIT",
                   InputSize(64, follows_setting=False), quality=0, loader=_load_given, role=Role.GIVEN),
    )
    return tuple(sorted(models, key=lambda model: -model.quality))


def find_model(model_id: str, models: Sequence[DepthModel]) -> DepthModel:
    """The model with this id, or the ONNX file at this path; DepthError lists those there are."""
    for model in models:
        if model.id == model_id:
            return model
    if model_id.lower().endswith(SUFFIX):
        return onnx_model(Path(model_id))
    known = ", ".join([AUTO, *(model.id for model in models)])
    raise DepthError(f"There is no depth model {model_id!r}.", stage="depth", remedy=f"Choose one of: {known}.")


def choose_model(model_id: str, models: Sequence[DepthModel]) -> DepthChoice:
    """The model for this id, or for "auto" the best one usable without the network; DepthError for an unknown id."""
    if model_id != AUTO:
        model = find_model(model_id, models)
        return DepthChoice(model, f"Depth comes from {_described(model)}, as asked for.")
    estimating = sorted((model for model in models if model.role is Role.ESTIMATES and not model.non_commercial),
                        key=lambda model: (-model.quality, model.availability is not Availability.READY))
    usable = [model for model in estimating if model.availability is not Availability.TO_DOWNLOAD]
    if not usable:
        raise DepthError("No depth model can be used here.", stage="depth", remedy="Reinstall the program.")
    chosen = usable[0]
    sentence = f"Depth comes from {_described(chosen)}, the best model here."
    better = [model for model in estimating if model.quality > chosen.quality]
    if better:
        sentence += f" {better[0].label} would be better: `video3d models download {better[0].id}` gets it."
    elif chosen.id == "builtin":
        sentence += " It guesses depth from simple cues; a real depth network gives far better results."
    return DepthChoice(chosen, sentence)


def _described(model: DepthModel) -> str:
    return f"{model.label} (licence {model.licence}{', non-commercial use only' if model.non_commercial else ''})"


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
