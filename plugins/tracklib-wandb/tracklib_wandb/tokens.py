"""Values as W&B's own program writes them: JSON in which NaN, the infinities and numbers of any size may stand bare."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import orjson

__all__ = ["exact_again", "parse", "special_floats", "without_nulls"]

_SPECIAL = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
_DELICATE = re.compile(r"-0(?![.\d])|\d{19}")
"""What `orjson` reads otherwise than it stands: a negative zero without a point, and integers beyond 64 bits."""


def parse(text: str) -> Any:
    """Return the value of a JSON text, every number as it stands there.

    Raises:
        ValueError: It is none.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return _SPECIAL[text] if text in _SPECIAL else _carefully(text)
    kind = type(value)
    if kind is float:
        return value if "." in text or "e" in text or "E" in text else _carefully(text)
    if (kind is int and value == 0) or kind is dict or kind is list:
        return _carefully(text) if _DELICATE.search(text) else value
    return value


def _carefully(text: str) -> Any:
    try:
        return json.loads(text, parse_int=_integer)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _integer(text: str) -> int | float:
    if text == "-0":
        return -0.0
    try:
        return int(text)
    except ValueError:  # more digits than Python takes
        return float(text)


def special_floats(value: Any) -> Any:
    """Return a value from W&B's service, which gives NaN and the infinities as texts, with these as floats."""
    if isinstance(value, str):
        return _SPECIAL.get(value, value)
    if isinstance(value, Mapping):
        return {key: special_floats(item) for key, item in value.items()}
    return [special_floats(item) for item in value] if isinstance(value, list) else value


def without_nulls(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row of an exported history, where null stands for what a row does not have, at any depth.

    So it is in a column of mappings, where each has the members of all.
    """
    kept: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, Mapping):
            inner = without_nulls(value)
            if inner or not value:
                kept[key] = inner
        elif value is not None:
            kept[key] = value
    return kept


def exact_again(old: Any, new: Any) -> Any:
    """Return a new value, with integers that it rounded as they were.

    The SDK sends the whole config anew at each change, and what went through its own program comes back as doubles.
    """
    if type(old) is int and type(new) is float and float(old) == new:
        return old
    if isinstance(old, dict) and isinstance(new, dict):
        return {key: exact_again(old.get(key), item) for key, item in new.items()}
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return list(map(exact_again, old, new))
    return new
