"""The networks have exactly the tensors that the published files have."""

from __future__ import annotations

from pathlib import Path

import pytest

from video3d.depth.catalogue import PUBLISHED, Published

torch = pytest.importorskip("torch")

from video3d.depth.networks.loading import UNUSED  # noqa: E402 - it needs torch
from video3d.depth.networks.published import build  # noqa: E402

KEYS = Path(__file__).parent / "keys"
"""Names and shapes of the tensors of each published network, read from the authors' own code."""


def listed(model: Published) -> dict[str, str]:
    name = model.id.replace("-metric-indoor", "").replace("-metric-outdoor", "")  # the same tensors
    return dict(line.split() for line in (KEYS / f"{name}.txt").read_text().splitlines())


@pytest.mark.parametrize("model", PUBLISHED, ids=lambda model: model.id)
def test_names_and_shapes_are_the_published_ones(model: Published) -> None:
    with torch.device("meta"):
        module = build(model.network, model.max_depth).module
    own = {name: "x".join(map(str, value.shape)) or "-" for name, value in module.state_dict().items()}
    used = {name: shape for name, shape in listed(model).items() if not name.startswith(UNUSED)}
    assert own == used


def test_every_list_belongs_to_a_model() -> None:
    assert {path.stem for path in KEYS.iterdir()} <= {model.id for model in PUBLISHED}
