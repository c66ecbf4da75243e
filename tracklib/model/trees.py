"""Trees: how configs become JSON, and how a nested tree is flattened without ambiguity."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TypeAlias, cast

from tracklib.errors import BadValueError
from tracklib.model.scalars import describe
from tracklib.typing import JSON

__all__ = ["flatten", "merge", "same", "to_json", "tree", "unflatten"]

Report: TypeAlias = Callable[[str, str], None]
"""Called with a place (``model.depth``) and what was wrong or changed there."""

_MAX_DEPTH = 64


def _ignore(place: str, problem: str) -> None:
    """Report nothing."""


def tree(value: object, report: Report = _ignore) -> dict[str, JSON]:
    """Return a config as a JSON tree with string keys.

    Takes mappings, dataclasses, pydantic models, ``argparse.Namespace`` and OmegaConf. Tuples, sets and arrays become
    lists; paths, enums, dates, ``Decimal`` and bytes become what they are written as. What has no JSON form is
    recorded as its ``repr`` and reported.

    Raises:
        BadValueError: It is no mapping.
    """
    mapping = _as_mapping(value)
    if mapping is None:
        raise BadValueError(f"expected a mapping of params, got {describe(value)}")
    return _mapping(mapping, "", report, 0)


def to_json(value: object, place: str = "", report: Report = _ignore) -> JSON:
    """Return any value as a JSON tree, by the rules of `tree`."""
    return _json(value, place, report, 0)


def _json(value: object, place: str, report: Report, depth: int) -> JSON:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, enum.Enum):
        return _json(value.value, place, report, depth)
    if isinstance(value, (int, float, str)):
        return _plain(value)
    if depth >= _MAX_DEPTH:
        report(place, f"is nested deeper than {_MAX_DEPTH} levels; recorded as text")
        return describe(value)
    mapping = _as_mapping(value)
    if mapping is not None:
        return _mapping(mapping, place, report, depth + 1)
    if isinstance(value, (Sequence, AbstractSet)) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [_json(item, f"{place}[{i}]", report, depth + 1) for i, item in enumerate(_ordered(value))]
    return _leaf(value, place, report, depth)


def _plain(value: object) -> JSON:
    """Return the builtin behind a subclass, such as numpy's ``float64``."""
    if isinstance(value, str):
        return str.__str__(value)
    return float(value) if isinstance(value, float) else int(cast("int", value))


def _ordered(value: Sequence[object] | AbstractSet[object]) -> Sequence[object]:
    return sorted(value, key=repr) if isinstance(value, AbstractSet) else value


def _leaf(value: object, place: str, report: Report, depth: int) -> JSON:
    if isinstance(value, os.PathLike):
        return os.fsdecode(cast("os.PathLike[str]", value))
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8", "backslashreplace")
    if type(value).__name__ == "Decimal":
        return str(value)
    if callable(listed := getattr(value, "tolist", None)):  # numpy and torch, scalars included
        return _json(listed(), place, report, depth + 1)
    report(place, f"has no JSON form; recorded as the text of {type(value).__name__}")
    return describe(value)


def _as_mapping(value: object) -> Mapping[object, object] | None:
    if isinstance(value, Mapping):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if callable(dump := getattr(value, "model_dump", None)):
        return cast("Mapping[object, object]", dump())
    if type(value).__name__ == "Namespace" and hasattr(value, "__dict__"):
        return cast("Mapping[object, object]", vars(value))
    return None


def _mapping(value: Mapping[object, object], place: str, report: Report, depth: int) -> dict[str, JSON]:
    out: dict[str, JSON] = {}
    for key, item in value.items():
        name = key if type(key) is str else _key_text(key)
        where = f"{place}.{name}" if place else name
        if name in out:
            report(where, f"stands twice, once as the key {describe(key)}; the first one is recorded")
            continue
        out[name] = _json(item, where, report, depth)
    return out


def _key_text(key: object) -> str:
    """Write a key as JSON would: ``1``, ``true``, ``null``; anything else as its text."""
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    return str(key.value) if isinstance(key, enum.Enum) else str(key)


def flatten(value: Mapping[str, JSON]) -> Iterator[tuple[tuple[str, ...], JSON]]:
    """Yield each leaf with its path. Lists, and mappings that are empty, are leaves."""
    for key, item in value.items():
        if isinstance(item, Mapping) and item:
            for path, leaf in flatten(item):
                yield (key, *path), leaf
        else:
            yield (key,), item


def unflatten(leaves: Iterator[tuple[tuple[str, ...], JSON]]) -> dict[str, JSON]:
    """Return the tree whose leaves these are; the inverse of `flatten`."""
    root: dict[str, JSON] = {}
    for path, leaf in leaves:
        node = root
        for key in path[:-1]:
            child = node.get(key)
            if not isinstance(child, dict):
                child = node[key] = {}
            node = child
        node[path[-1]] = leaf
    return root


def merge(old: Mapping[str, JSON], new: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return the tree with new leaves set: a mapping is merged key by key, anything else takes the new value."""
    out = dict(old)
    for key, item in new.items():
        before = out.get(key)
        both = isinstance(before, Mapping) and isinstance(item, Mapping) and before and item
        out[key] = merge(cast("Mapping[str, JSON]", before), cast("Mapping[str, JSON]", item)) if both else item
    return out


def same(a: JSON, b: JSON) -> bool:
    """Tell whether two trees are equal in value and type: 1, 1.0 and true differ, NaN equals itself, -0.0 is not 0.0."""
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and isinstance(b, float):
        return (a != a and b != b) or (a == b and math.copysign(1, a) == math.copysign(1, b))  # noqa: PLR0124  NaN
    return type(a) is type(b) and a == b
