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
from tracklib.model.scalars import MAX_BITS, MAX_DIGITS, describe, describe_error, number
from tracklib.typing import JSON

__all__ = ["flatten", "merge", "same", "to_json", "tree", "unflatten"]

Report: TypeAlias = Callable[[str, str], None]
"""Called with a place (``model.depth``) and what was wrong or changed there."""

_MAX_DEPTH = 64
_MAX_VALUES = 100_000
_MAX_CHARACTERS = 10_000_000
_KEPT = 1000
_TEXT = "recorded as text"


def _ignore(place: str, problem: str) -> None:
    """Report nothing."""


def tree(value: object, report: Report = _ignore) -> dict[str, JSON]:
    """Return a config as a JSON tree with string keys.

    Takes mappings, dataclasses, pydantic models, namespaces and OmegaConf. Tuples, sets and arrays become lists;
    paths, enums, dates, ``Decimal`` and bytes become what they are written as. What has no JSON form, cannot be read,
    holds itself, or is too deep or too large is recorded as a short text of it and reported.

    Raises:
        BadValueError: It is no mapping.
    """
    try:
        mapping = _as_mapping(value)
    except Exception:  # a value's own code may raise anything
        mapping = None
    if mapping is None:
        raise BadValueError(f"expected a mapping of params, got {describe(value)}")
    return _Walk(report).mapping(mapping, "", 1)


def to_json(value: object, place: str = "", report: Report = _ignore) -> JSON:
    """Return any value as a JSON tree, by the rules of `tree`."""
    return _Walk(report).safely(value, place, 0)


class _Walk:
    """One walk through a value, which ends whatever the value is made of.

    Attributes:
        left: How many more values it takes.
        room: How many more characters.
        above: The containers that the walk is in, by identity.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        self.left = _MAX_VALUES
        self.room = _MAX_CHARACTERS
        self.above: set[int] = set()

    def safely(self, value: object, place: str, depth: int) -> JSON:
        """Return a value as JSON; where its own code raises, as text."""
        try:
            return self._json(value, place, depth)
        except Exception as error:  # one bad value must not cost its neighbours
            self.report(place, f"could not be read ({describe_error(error)}); {_TEXT}")
            return describe(value)

    def _json(self, value: object, place: str, depth: int) -> JSON:
        self.left -= 1
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, enum.Enum):
            return self._json(value.value, place, depth)
        if isinstance(value, (int, float, str)):
            return self._plain(value, place)
        if isinstance(value, type):  # its methods are there, but want an instance
            return self._text(value, place, f"has no JSON form; recorded as the text of {type(value).__name__}")
        mapping = _as_mapping(value)
        if mapping is not None:
            return self._inside(value, place, depth, len(mapping), lambda: self.mapping(mapping, place, depth + 1))
        if isinstance(value, (Sequence, AbstractSet)) and not isinstance(value, (bytes, bytearray, memoryview)):
            return self._inside(value, place, depth, len(value), lambda: self._items(_ordered(value), place, depth + 1))
        return self._leaf(value, place, depth)

    def _inside(self, value: object, place: str, depth: int, size: int, walk: Callable[[], JSON]) -> JSON:
        """Walk through a container, unless that would not end."""
        if id(value) in self.above:
            return self._text(value, place, f"holds itself; {_TEXT}")
        if depth >= _MAX_DEPTH:
            return self._text(value, place, f"is nested deeper than {_MAX_DEPTH} levels; {_TEXT}")
        if size > self.left:
            problem = f"holds more than {_MAX_VALUES:,} values; {_TEXT}, log it as an artifact"
            return self._text(value, place, problem)
        self.above.add(id(value))
        try:
            return walk()
        finally:
            self.above.discard(id(value))

    def _text(self, value: object, place: str, problem: str) -> JSON:
        self.report(place, problem)
        return describe(value)

    def mapping(self, value: Mapping[object, object], place: str, depth: int) -> dict[str, JSON]:
        """Return a mapping's members, each by itself: one that cannot be read is left out."""
        out: dict[str, JSON] = {}
        for key in list(value):
            try:
                name = key if type(key) is str else _key_text(key)
            except Exception as error:
                problem = f"has a key that cannot be written ({describe_error(error)}); left out"
                self.report(place, problem)
                continue
            where = f"{place}.{name}" if place else name
            if name in out:
                self.report(where, f"stands twice, once as the key {describe(key)}; the first one is recorded")
                continue
            try:
                item = value[key]
            except Exception as error:
                self.report(where, f"could not be read ({describe_error(error)}); left out")
                continue
            out[name] = self.safely(item, where, depth)
        return out

    def _items(self, values: Sequence[object], place: str, depth: int) -> list[JSON]:
        return [self.safely(item, f"{place}[{i}]", depth) for i, item in enumerate(values)]

    def _plain(self, value: object, place: str) -> JSON:
        """Return the builtin behind a subclass, such as numpy's ``float64``."""
        if isinstance(value, str):
            return self._cut(str.__str__(value), place)
        if isinstance(value, float):
            return float(value)
        whole = int(cast("int", value))
        if whole.bit_length() > MAX_BITS:
            self.report(place, f"has more than {MAX_DIGITS} digits; recorded as hexadecimal text")
            return hex(whole)
        return whole

    def _cut(self, text: str, place: str) -> str:
        if len(text) > self.room:
            self.report(place, f"has {len(text):,} characters; the first {_KEPT:,} are recorded, log it as an artifact")
            return text[:_KEPT]
        self.room -= len(text)
        return text

    def _leaf(self, value: object, place: str, depth: int) -> JSON:
        if isinstance(value, os.PathLike):
            return os.fsdecode(cast("os.PathLike[str]", value))
        if isinstance(value, (dt.date, dt.time)):
            return value.isoformat()
        if isinstance(value, (bytes, bytearray, memoryview)):
            return self._cut(bytes(value).decode("utf-8", "backslashreplace"), place)
        if type(value).__name__ == "Decimal":
            return str(value)
        if callable(listing := getattr(value, "tolist", None)):  # numpy and torch, scalars included
            size = math.prod(getattr(value, "shape", ()))
            return self._inside(value, place, depth, size, lambda: self._listed(value, listing(), place, depth))
        return self._text(value, place, f"has no JSON form; recorded as the text of {type(value).__name__}")

    def _listed(self, value: object, listed: object, place: str, depth: int) -> JSON:
        if type(listed) is type(value):  # numpy's longdouble gives itself back
            return number(value)
        return self.safely(listed, place, depth)


def _ordered(value: Sequence[object] | AbstractSet[object]) -> Sequence[object]:
    return sorted(value, key=repr) if isinstance(value, AbstractSet) else value


def _as_mapping(value: object) -> Mapping[object, object] | None:
    if isinstance(value, Mapping):
        return value
    if isinstance(value, type):
        return None
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if callable(dump := getattr(value, "model_dump", None)):
        return cast("Mapping[object, object]", dump())
    if type(value).__name__ in ("Namespace", "SimpleNamespace") and hasattr(value, "__dict__"):
        return cast("Mapping[object, object]", vars(value))
    return None


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
