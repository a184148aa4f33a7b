"""A result as JSON, and back; what comes back is checked in every part."""

from __future__ import annotations

import math
from dataclasses import asdict, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from weave.results import Result

Kind = TypeVar("Kind")


def to_json(result: Result) -> dict[str, Any]:
    """The result in the types that JSON has."""
    return asdict(result)


def from_json(data: Any) -> Result:
    """The result of which this is the JSON.

    Raises:
        ValueError: It is none; says in which part, such as `cells[2].output`.
    """
    return decode(Result, data)


def decode(kind: type[Kind], data: Any) -> Kind:
    """The dataclass of texts, numbers, tuples and dataclasses that was `data`.

    Raises:
        ValueError: It is none; says in which part.
    """
    try:
        found: Kind = _decode(kind, data, "")
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    return found


@cache
def _fields(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _decode(kind: Any, value: Any, place: str) -> Any:
    if is_dataclass(kind):
        fields = _fields(kind)  # type: ignore[arg-type]  # a class can be hashed
        if not isinstance(value, dict) or not value.keys() <= fields.keys():
            raise _wrong(place, f"an object of {', '.join(fields)}")
        parts = {
            name: _decode(fields[name], each, f"{place}.{name}".lstrip("."))
            for name, each in value.items()
        }
        try:
            return kind(**parts)  # type: ignore[operator]  # is_dataclass: a class here
        except TypeError as error:
            raise _wrong(place, f"complete: {error}") from error
    if get_origin(kind) is tuple:
        kinds = get_args(kind)
        if not isinstance(value, list | tuple):
            raise _wrong(place, "a list")
        if kinds[-1] is Ellipsis:
            kinds = kinds[:1] * len(value)
        if len(kinds) != len(value):
            raise _wrong(place, f"a list of {len(kinds)}")
        pairs = enumerate(zip(kinds, value, strict=True))
        return tuple(_decode(k, each, f"{place}[{i}]") for i, (k, each) in pairs)
    if kind is float and type(value) in (int, float) and math.isfinite(value):
        return value
    if kind in (str, Path) and type(value) in (str, Path):
        try:
            str(value).encode()
        except UnicodeEncodeError as error:
            raise _wrong(place, "text without lone surrogates") from error
        return kind(value)
    if type(value) is not kind or kind is float:
        raise _wrong(place, f"of type {kind.__name__}")
    return value


def _wrong(place: str, wanted: str) -> ValueError:
    return ValueError(f"{place or 'it'} is not {wanted}")
