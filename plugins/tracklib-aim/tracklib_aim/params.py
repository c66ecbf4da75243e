"""Params: a tree as Aim holds it, and back.

Aim's params are a tree of JSON values with NaN and infinities. What it cannot hold (integers beyond 64 bits, lone
surrogates, empty keys, and keys that it or tracklib keeps for itself) has its nearest form there, and its exact one
in a companion, which is read only where Aim still holds that nearest form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from tracklib.model.trees import merge, same
from tracklib.typing import JSON
from tracklib_aim.identity import KEY, clean

__all__ = ["Params", "held", "read"]

_SURROGATE = re.compile("[\ud800-\udfff]")
_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1
_RESERVED = (KEY, "__system_params")


def held(value: JSON) -> JSON:
    """Return a value as Aim holds it."""
    if isinstance(value, str):
        return _SURROGATE.sub("?", value)
    if isinstance(value, bool) or value is None or isinstance(value, float):
        return value
    if isinstance(value, int):
        return value if _INT_MIN <= value <= _INT_MAX else str(value)
    if isinstance(value, Mapping):
        return {_key(key): held(item) for key, item in value.items()}
    return [held(item) for item in value]


def _key(key: str) -> str:
    return key if key and not key.startswith('!"') and not _SURROGATE.search(key) else f"!{json.dumps(key)}"


def _top(key: str) -> str:
    return f"!{json.dumps(key)}" if key in _RESERVED else _key(key)


class Params:
    """The params of a run, as its records come to.

    Args:
        known: As they are read from Aim.
        exact: The exact form of those that Aim cannot hold.
    """

    def __init__(self, known: Mapping[str, JSON], exact: Mapping[str, JSON]) -> None:
        self._known = dict(known)
        self.exact = dict(exact)

    def take(self, values: Mapping[str, JSON]) -> Iterator[tuple[tuple[str, ...], JSON, bool]]:
        """Merge values in; yield the paths and trees that are to be written to Aim, and whether they are new there."""
        for key, value in values.items():
            is_new = key not in self._known
            before = self._known.get(key)
            merged = value if is_new else merge({key: before}, {key: value})[key]
            self._known[key] = merged
            native = held(merged)
            if same(native, merged) and _top(key) == key:
                self.exact.pop(key, None)
            else:
                self.exact[key] = merged
            if is_new:
                yield (_top(key),), native, True
            else:
                yield from _changes((_top(key),), held(before), native)


def _changes(path: tuple[str, ...], before: JSON, after: JSON) -> Iterator[tuple[tuple[str, ...], JSON, bool]]:
    """Yield the least trees to replace: of a large one in which a value changed, that value."""
    if isinstance(before, Mapping) and before and isinstance(after, Mapping) and before.keys() <= after.keys():
        for key, value in after.items():
            if key not in before:
                yield (*path, key), value, True
            elif not same(before[key], value):
                yield from _changes((*path, key), before[key], value)
        return
    yield path, after, False


def read(native: Mapping[Any, Any], exact: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return the params of a run that tracklib wrote."""
    found: dict[str, JSON] = {}
    tops = {_top(key): key for key in exact}
    for key, value in native.items():
        if key == KEY:
            continue
        plain = _plain(value)
        name = tops.get(key, key)
        whole = exact.get(name)
        found[name] = whole if key in tops and same(held(whole), plain) else plain
    return found


def _plain(value: Any) -> JSON:
    """Return a value of Aim's as JSON: bytes, and objects of its own, become their text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in cast("Sequence[Any]", value)]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return value if isinstance(value, (str, int, float)) or value is None else clean(str(value))
