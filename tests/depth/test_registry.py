"""Which model is taken, and what the user is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from video3d.depth.registry import available_models, choose_model, find_model, is_named
from video3d.depth_model import Availability, DepthInput, DepthKind, DepthModel
from video3d.errors import DepthError, SettingsError
from video3d.host import StandaloneHost


def network(model_id: str, quality: int, availability: Availability, non_commercial: bool = False) -> DepthModel:
    base = find_model("builtin", available_models(StandaloneHost()))
    return replace(base, id=model_id, label=f"Network {model_id}", quality=quality, availability=availability,
                   non_commercial=non_commercial)


def test_ids_are_unique_and_the_basic_ones_are_there() -> None:
    ids = [model.id for model in available_models(StandaloneHost())]
    assert len(set(ids)) == len(ids)
    assert {"builtin", "constant", "file"} <= set(ids)


def test_the_built_in_model_is_called_basic() -> None:
    model = find_model("builtin", available_models(StandaloneHost()))
    assert model.label == "built-in (basic)"
    assert model.kind is DepthKind.RELATIVE_INVERSE


@pytest.mark.parametrize("model_id", ["builtin", "constant"])
def test_models_load_and_estimate(model_id: str) -> None:
    estimator = find_model(model_id, available_models(StandaloneHost())).load()
    rgb = np.random.default_rng(0).random((36, 64, 3)).astype(np.float32)
    (raw,) = estimator.estimate([DepthInput(rgb, None, True, 0.0)])
    estimator.close()
    assert raw.shape == (36, 64)
    assert raw.dtype == np.float32


def test_depth_from_a_file_cannot_be_loaded_without_one() -> None:
    with pytest.raises(DepthError, match="--depth-video"):
        find_model("file", available_models(StandaloneHost())).load()


def test_an_unknown_id_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"'midas'.*auto, .*builtin"):
        choose_model("midas", available_models(StandaloneHost()))


def test_auto_takes_the_built_in_model_last_and_says_so() -> None:
    choice = choose_model("auto", available_models(StandaloneHost()))
    assert choice.model.id == "builtin"
    assert "built-in (basic)" in choice.sentence
    assert "better" in choice.sentence


def test_auto_takes_the_best_on_disk_and_names_what_would_be_better() -> None:
    models = (*available_models(StandaloneHost()), network("small", 50, Availability.ON_DISK),
              network("large", 90, Availability.TO_DOWNLOAD))
    choice = choose_model("auto", models)
    assert choice.model.id == "small"
    assert "Network large would be better" in choice.sentence
    assert "models download large" in choice.sentence


def test_auto_takes_of_equals_the_one_already_loaded() -> None:
    models = (network("cold", 50, Availability.ON_DISK), network("warm", 50, Availability.READY),
              *available_models(StandaloneHost()))
    assert choose_model("auto", models).model.id == "warm"


def test_auto_never_takes_a_non_commercial_model_but_the_user_may() -> None:
    models = (*available_models(StandaloneHost()), network("giant", 99, Availability.READY, non_commercial=True))
    assert choose_model("auto", models).model.id == "builtin"
    asked = choose_model("giant", models)
    assert asked.model.id == "giant"
    assert "non-commercial" in asked.sentence


def test_a_model_that_lacks_a_package_is_not_taken_and_the_user_learns_what_it_needs() -> None:
    lacking = replace(network("net", 50, Availability.ON_DISK), lacks="torch")
    choice = choose_model("auto", (lacking, *available_models(StandaloneHost())))
    assert choice.model.id == "builtin"
    with pytest.raises(DepthError, match=r"needs torch.*start\.py setup --with torch"):
        choose_model("net", [lacking])


def test_a_model_that_is_not_here_is_refused_with_the_way_to_get_it() -> None:
    with pytest.raises(DepthError, match=r"midas-v21-small` gets it \(86 MB\)"):
        choose_model("midas-v21-small", available_models(StandaloneHost()))
    with pytest.raises(DepthError, match=r"not on this machine|needs torch"):
        find_model("midas-v21-small", available_models(StandaloneHost())).load()


def test_a_hosts_own_models_are_among_them() -> None:
    class Webui(StandaloneHost):
        def depth_models(self) -> tuple[DepthModel, ...]:
            return (network("held", 200, Availability.READY),)

    assert available_models(Webui())[0].id == "held"


def test_no_usable_model_is_an_error() -> None:
    with pytest.raises(DepthError):
        choose_model("auto", [network("far", 5, Availability.TO_DOWNLOAD)])


def test_a_conversions_notices_name_its_model() -> None:
    models = [network("a", 9, Availability.READY), network("ab", 3, Availability.READY)]
    best, asked = (choose_model(name, models).sentence for name in ("auto", "ab"))
    assert [[is_named(model, ["Beside it: x.", told]) for model in models] for told in (best, asked)] == [
        [True, False], [False, True]]
    assert not is_named(models[0], [])
