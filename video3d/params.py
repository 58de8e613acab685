"""How a setting is declared: `name: Annotated[type, Param(...)] = default` in a frozen dataclass.

Everything else, command-line flags, JSON schema, tables in the docs, controls of the tab, is derived from
`parameters()`.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import math
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from video3d.errors import SettingsError

Settings = TypeVar("Settings")


@dataclass(frozen=True)
class Param:
    """What a person needs to know about one setting."""

    help: str
    """One line, plain words."""
    label: str = ""
    """Short name on the control; derived from the field's name where empty."""
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    unit: str = ""
    none_means: str = ""
    """The word that stands for None, such as "auto"; only for optional settings."""
    advanced: bool = False


@dataclass(frozen=True)
class Parameter:
    """One declared setting, read back from its dataclass."""

    group: str
    name: str
    type: type
    optional: bool
    default: Any
    param: Param

    @property
    def flag(self) -> str:
        """The command-line flag."""
        return "--" + self.name.replace("_", "-")

    @property
    def label(self) -> str:
        """The name on a control."""
        return self.param.label or self.name.replace("_", " ").capitalize()

    @property
    def choices(self) -> tuple[str, ...]:
        """Allowed words of an enumerated setting; empty for others."""
        return tuple(str(member.value) for member in self.type) if issubclass(self.type, enum.Enum) else ()

    @property
    def allowed(self) -> str:
        """The allowed values in words."""
        if self.choices:
            words = ", ".join(self.choices)
        elif self.type is bool:
            words = "true or false"
        elif self.type in (int, float):
            words = _range_text(self.param, "a whole number" if self.type is int else "a number")
        else:
            words = "text"
        return f"{words}, or {self.param.none_means}" if self.optional else words

    def parse(self, value: Any) -> Any:
        """`value` (text, number, or what JSON gives) as this setting's type; SettingsError with the allowed range."""
        if self.optional and (value is None or value == self.param.none_means):
            return None
        try:
            parsed = _convert(self.type, value)
        except (TypeError, ValueError, OverflowError):
            raise self._refusal(value) from None
        low, high = self.param.minimum, self.param.maximum
        if isinstance(parsed, (int, float)) and not isinstance(parsed, bool):
            below, above = low is not None and parsed < low, high is not None and parsed > high
            if below or above or not math.isfinite(parsed):
                raise self._refusal(value)
        return parsed

    def to_json(self, value: Any) -> Any:
        """`value` as JSON can hold it; `parse` reads it back."""
        if value is None:
            return self.param.none_means
        return value.value if isinstance(value, enum.Enum) else value

    def json_schema(self) -> dict[str, Any]:
        """JSON Schema (draft 2020-12) of this setting."""
        kinds = {bool: "boolean", int: "integer", float: "number"}
        body: dict[str, Any] = {"type": kinds.get(self.type, "string")}
        if self.choices:
            body["enum"] = list(self.choices)
        if self.param.minimum is not None:
            body["minimum"] = self.param.minimum
        if self.param.maximum is not None:
            body["maximum"] = self.param.maximum
        if self.optional:
            body = {"anyOf": [body, {"const": self.param.none_means}]}
        return {"title": self.label, "description": self.param.help, "default": self.to_json(self.default), **body}

    def _refusal(self, value: Any) -> SettingsError:
        return SettingsError(f"{self.flag} cannot be {value!r}.", stage="settings", remedy=f"Allowed: {self.allowed}.")


@functools.cache
def parameters(settings: type[Any]) -> tuple[Parameter, ...]:
    """All settings of a dataclass whose fields are groups (dataclasses of annotated fields), in declared order."""
    return tuple(_walk(settings))


def from_values(settings: type[Settings], values: Mapping[str, Any]) -> Settings:
    """A settings object with `values` (flat, by name) over the defaults; SettingsError names what is wrong."""
    known = {parameter.name: parameter for parameter in parameters(settings)}
    for name in values:
        if name not in known:
            raise SettingsError(f"There is no setting {name!r}.", stage="settings",
                                remedy="`video3d settings` lists them all.")
    groups: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        groups.setdefault(known[name].group, {})[name] = known[name].parse(value)
    hints = typing.get_type_hints(settings)
    return settings(**{group: hints[group](**chosen) for group, chosen in groups.items()})


def to_values(settings: object) -> dict[str, Any]:
    """Flat, by name, as JSON can hold it; `from_values` reads it back."""
    declared: type[Any] = type(settings)
    return {p.name: p.to_json(getattr(getattr(settings, p.group), p.name)) for p in parameters(declared)}


def json_schema(settings: type[Any]) -> dict[str, Any]:
    """JSON Schema of the flat form."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "properties": {parameter.name: parameter.json_schema() for parameter in parameters(settings)},
    }


def _walk(settings: type[Any]) -> Iterator[Parameter]:
    hints = typing.get_type_hints(settings)
    for group in dataclasses.fields(settings):
        group_type = hints[group.name]
        annotated = typing.get_type_hints(group_type, include_extras=True)
        for field in dataclasses.fields(group_type):
            base, param = typing.get_args(annotated[field.name])
            kinds = [kind for kind in typing.get_args(base) if kind is not types.NoneType]
            optional = bool(kinds)
            yield Parameter(group.name, field.name, kinds[0] if optional else base, optional, field.default, param)


def _convert(kind: type, value: Any) -> Any:
    if issubclass(kind, enum.Enum):
        return kind(value)
    if kind is bool:
        return value if isinstance(value, bool) else _truth(str(value).lower())
    if isinstance(value, bool):
        raise TypeError
    if kind is int and isinstance(value, float) and not value.is_integer():
        raise ValueError
    return kind(value)


def _truth(word: str) -> bool:
    if word in ("true", "yes", "on"):
        return True
    if word in ("false", "no", "off"):
        return False
    raise ValueError(word)


def _range_text(param: Param, what: str) -> str:
    low, high = param.minimum, param.maximum
    unit = f" {param.unit}" if param.unit else ""
    if low is not None and high is not None:
        return f"{what} from {low:g} to {high:g}{unit}"
    if low is not None:
        return f"{what} of at least {low:g}{unit}"
    return f"{what}{unit}"
