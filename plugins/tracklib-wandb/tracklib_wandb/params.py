"""Params and summaries: a tree as W&B holds it, and back.

W&B holds JSON, without NaN in a config, and its numbers are JavaScript's: ``1.0`` comes back as ``1``. What it cannot
hold has its nearest form there, and its exact one beside it, which is read only where W&B still holds that nearest form.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from tracklib.model.trees import merge, same
from tracklib.typing import JSON
from tracklib_wandb.identity import KEY

__all__ = ["Params", "canonical", "held", "read", "read_summary", "shown"]

_SURROGATE = re.compile("[\ud800-\udfff]")
_MAX_EXACT = 2**53
_RESERVED = (KEY, "_wandb", "wandb_version")
_COUNTED = ("_step", "_timestamp", "_runtime")
"""What W&B itself writes to every summary."""
_GONE = object()


def held(value: JSON) -> JSON:
    """Return a value as W&B is given it."""
    if isinstance(value, str):
        return _SURROGATE.sub("?", value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, int):
        return value if abs(value) < 2**63 else str(value)
    if isinstance(value, Mapping):
        return {_key(key): held(item) for key, item in value.items()} or "{}"  # of an empty one W&B keeps nothing
    return [held(item) for item in value]


def _number(value: float) -> JSON:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return int(value) if value.is_integer() and abs(value) <= _MAX_EXACT else value


def canonical(value: Any) -> JSON:
    """Return a value in the one form in which all of W&B's ways to write it agree: JavaScript's numbers."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, (int, float)):
        return _canonical_number(value)
    if isinstance(value, Mapping):
        return {str(key): canonical(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [canonical(item) for item in value]
    return str(value)


def _canonical_number(value: float) -> JSON:
    if isinstance(value, int) and abs(value) <= _MAX_EXACT:
        return value
    try:
        return _number(float(value))
    except OverflowError:
        return "Infinity" if value > 0 else "-Infinity"


def _key(key: str) -> str:
    is_natural = key and key != "_type" and not key.startswith('!"') and not _SURROGATE.search(key)
    return key if is_natural else f"!{json.dumps(key)}"


def _top(key: str) -> str:
    """Return a first key, from whose ends the SDK would strip dashes."""
    return f"!{json.dumps(key)}" if key in _RESERVED or key != key.strip("-") else _key(key)


def shown(values: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return a tree as W&B is given it, its first keys those that W&B does not keep for itself."""
    return {_top(key): held(value) for key, value in values.items()}


class Params:
    """A tree of W&B's, as records come to it.

    Attributes:
        exact: The exact form of what W&B cannot hold, by key.

    Args:
        known: As it is read from W&B.
    """

    def __init__(self, known: Mapping[str, JSON], exact: Mapping[str, JSON]) -> None:
        self._known = dict(known)
        self.exact = dict(exact)

    @property
    def values(self) -> Mapping[str, JSON]:
        """All of it, exactly."""
        return self._known

    def take(self, values: Mapping[str, JSON]) -> dict[str, JSON]:
        """Merge values in; return the keys and trees that W&B is to be given."""
        changed: dict[str, JSON] = {}
        for key, value in values.items():
            merged = value if key not in self._known else merge({key: self._known[key]}, {key: value})[key]
            self._known[key] = merged
            native = held(merged)
            changed[_top(key)] = native
            if same(canonical(native), merged) and _top(key) == key:
                self.exact.pop(key, None)
            else:
                self.exact[key] = merged
        return changed


def read(native: Mapping[str, Any], exact: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return the tree of a run that tracklib wrote."""
    found: dict[str, JSON] = {}
    tops = {_top(key): key for key in exact}
    for key, value in native.items():
        if key in _RESERVED:
            continue
        name = tops.get(key, key)
        is_same = key in tops and same(canonical(held(exact[name])), canonical(value))
        found[name] = exact[name] if is_same else canonical(value)
    return found


def read_summary(native: Mapping[str, Any], exact: Mapping[str, JSON], of_metrics: frozenset[str]) -> dict[str, JSON]:
    """Return the summary; W&B's value counts where somebody changed it, but for keys that metrics and W&B overwrite there."""
    found: dict[str, JSON] = {}
    for key, value in exact.items():
        there = native.get(_top(key), None if value is None else _GONE)  # a server keeps no null
        if key in of_metrics or key in _COUNTED or same(canonical(held(value)), canonical(there)):
            found[key] = value
        elif there is not _GONE:
            found[key] = canonical(there)
    return found
