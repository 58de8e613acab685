"""Frozen dataclasses as JSON and back: for messages between processes and for files in a job's folder."""

from __future__ import annotations

import dataclasses
import enum
import functools
import types
import typing
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

Value = TypeVar("Value")


def to_json(value: object) -> Any:
    """`value` (dataclass, enum, Fraction, Path, tuple, list, number, text, None) as plain JSON."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Fraction):
        return f"{value.numerator}/{value.denominator}"
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (tuple, list)):
        return [to_json(item) for item in typing.cast("tuple[Any, ...]", value)]
    return value


def from_json(kind: type[Value], data: Any) -> Value:
    """The `kind` that `to_json` was given; ValueError, KeyError or TypeError where `data` is not one."""
    try:
        return typing.cast("Value", _read(kind, data))
    except ArithmeticError as problem:  # a fraction over 0, an infinite number
        raise ValueError(str(problem)) from None


def _read(kind: Any, data: Any) -> Any:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return None if data is None else _read(_not_none(kind), data)
    if origin in (tuple, list):
        return _read_sequence(kind, origin, data)
    if dataclasses.is_dataclass(kind):
        if not isinstance(data, dict):
            raise TypeError(f"{data!r} is no object")
        hints = _hints(kind)
        return typing.cast("type[Any]", kind)(**{name: _read(hints[name], item) for name, item in data.items()})
    if kind is Any:
        return data
    if issubclass(kind, (enum.Enum, Fraction, Path)):
        return kind(data)
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if not isinstance(data, kind):
        raise TypeError(f"{data!r} is not {kind.__name__}")
    return data


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _not_none(union: Any) -> Any:
    (kind,) = (member for member in typing.get_args(union) if member is not types.NoneType)
    return kind


def _read_sequence(kind: Any, origin: Any, data: Any) -> Any:
    arguments = typing.get_args(kind)
    if origin is list:
        return [_read(arguments[0], item) for item in data]
    if arguments[-1] is Ellipsis:
        return tuple(_read(arguments[0], item) for item in data)
    if len(arguments) != len(data):
        raise ValueError(f"{len(arguments)} items expected, {len(data)} found")
    return tuple(_read(argument, item) for argument, item in zip(arguments, data, strict=True))
