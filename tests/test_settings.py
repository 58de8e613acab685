from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from video3d.errors import SettingsError
from video3d.params import Parameter, from_values, json_schema, parameters, to_values
from video3d.settings import ConversionSettings
from video3d.types import Eye, Layout

ALL = parameters(ConversionSettings)


def values_of(parameter: Parameter) -> st.SearchStrategy[object]:
    """Whatever is allowed."""
    low, high = parameter.param.minimum, parameter.param.maximum
    if parameter.choices:
        allowed = st.sampled_from(parameter.choices)
    elif parameter.type is bool:
        allowed = st.booleans()
    elif parameter.type is int:
        allowed = st.integers(int(low) if low is not None else None, int(high) if high is not None else None)
    elif parameter.type is float:
        allowed = st.floats(low, high, allow_nan=False, allow_infinity=False)
    else:
        allowed = st.text().filter(lambda text: text != parameter.param.none_means)
    return st.none() | allowed if parameter.optional else allowed


@given(st.fixed_dictionaries({}, optional={parameter.name: values_of(parameter) for parameter in ALL}))
def test_settings_survive_json(chosen: dict[str, object]) -> None:
    settings = from_values(ConversionSettings, chosen)
    assert from_values(ConversionSettings, json.loads(json.dumps(to_values(settings)))) == settings


def test_the_defaults_that_are_promised() -> None:
    settings = ConversionSettings()
    assert settings.stereo.eye is Eye.LEFT
    assert settings.output.layout is Layout.FULL_SBS
    assert settings.output.container.value == "mp4"
    assert settings.output.codec.value == "auto"


def test_names_are_unique_over_all_groups() -> None:
    names = [parameter.name for parameter in ALL]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("parameter", ALL, ids=lambda parameter: parameter.name)
def test_every_setting_is_well_declared(parameter: Parameter) -> None:
    assert parameter.parse(parameter.to_json(parameter.default)) == parameter.default, "the default is allowed"
    assert parameter.param.help.endswith(".")
    assert "\n" not in parameter.param.help
    assert bool(parameter.param.none_means) == parameter.optional
    low, high = parameter.param.minimum, parameter.param.maximum
    assert low is None or high is None or low < high
    if parameter.optional and parameter.type is not str:
        with pytest.raises((ValueError, SettingsError)):
            dataclasses.replace(parameter, optional=False).parse(parameter.param.none_means)


@pytest.mark.parametrize("parameter", [p for p in ALL if p.param.maximum is not None], ids=lambda p: p.name)
def test_the_largest_value_is_allowed_and_more_is_not(parameter: Parameter) -> None:
    assert parameter.param.maximum is not None
    assert parameter.parse(parameter.param.maximum) == parameter.param.maximum
    with pytest.raises(SettingsError, match="Allowed: "):
        parameter.parse(parameter.param.maximum + 1)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        ConversionSettings().output.quality = 3  # type: ignore[misc]


def test_the_schema_is_json_and_complete() -> None:
    schema = json.loads(json.dumps(json_schema(ConversionSettings)))
    assert set(schema["properties"]) == set(to_values(ConversionSettings()))
    defaults = {name: entry["default"] for name, entry in schema["properties"].items()}
    assert from_values(ConversionSettings, defaults) == ConversionSettings()
