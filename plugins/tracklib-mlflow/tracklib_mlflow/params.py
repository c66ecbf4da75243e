"""Params: a tree as MLflow's flat, immutable texts, and back.

MLflow never changes a param. The first value stays there; a later one stands in a tag ``tracklib.param.<name>`` as
JSON, and reading takes it. A name that stands no more, because a mapping took a value's place or a value a mapping's,
has the tag ``-``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tracklib.model.trees import flatten, unflatten
from tracklib.typing import JSON
from tracklib_mlflow import texts
from tracklib_mlflow.names import Lookup, decode_path, encode_path
from tracklib_mlflow.tags import PARAM
from tracklib_mlflow.wire import Wire

__all__ = ["Change", "ParamBook", "read_params"]

_GONE = "-"


@dataclass(slots=True)
class Change:
    """What a record of params asks of MLflow.

    Attributes:
        params: New ones.
        tags: Values of params that are there already, with other values.
    """

    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    wire: Wire = field(default_factory=Wire)


class ParamBook:
    """Knows which params a run has at MLflow, and so which of new ones MLflow would refuse.

    Names are encoded paths in full, whose dots part a path's segments.
    """

    def __init__(self, held: Mapping[str, str] | None = None, tags: Mapping[str, str] | None = None) -> None:
        self._held = dict(held or {})
        self._tags = dict(tags or {})
        self._parents: dict[str, set[str]] = {}
        for name in self._held:
            self._enter(name)

    @classmethod
    def of_run(cls, params: Mapping[str, str], tags: Mapping[str, str], lookup: Lookup) -> ParamBook:
        """Return the book of a run from what MLflow holds."""
        names = {key: encode_path(decode_path(key, lookup)) for key in params}
        held = {names[key]: value for key, value in params.items()}
        later = {key[len(PARAM) :]: value for key, value in tags.items() if key.startswith(PARAM)}
        return cls(held, {encode_path(decode_path(key, lookup)): value for key, value in later.items()})

    def enter(self, tree: Mapping[str, JSON], change: Change) -> bool:
        """Enter a tree, and add what it asks of MLflow; tell whether a param changed."""
        changed = False
        for path, value in flatten(tree):
            name = encode_path(path)
            for other in self._displaced(name):
                self._set_tag(other, _GONE, change)
                changed = True
            changed |= self._enter_value(name, value, change)
        return changed

    def _enter_value(self, name: str, value: JSON, change: Change) -> bool:
        held = change.wire.value(texts.to_text(value), texts.MAX_PARAM)
        if name not in self._held:
            self._held[name] = change.params[change.wire.key(name)] = held
            self._enter(name)
            return False
        if name not in self._tags and self._held[name] == held:
            return False
        self._set_tag(name, texts.to_json(value), change)
        return True

    def _set_tag(self, name: str, text: str, change: Change) -> None:
        held = change.wire.value(text, texts.MAX_TAG)
        if self._tags.get(name) != held:
            self._tags[name] = change.tags[change.wire.key(name, PARAM)] = held

    def _enter(self, name: str) -> None:
        """Note a name below each of its parents."""
        for parent in _parents(name):
            self._parents.setdefault(parent, set()).add(name)

    def _displaced(self, name: str) -> Iterator[str]:
        """Yield the params that can no longer stand beside one of this name: those above it and those below."""
        for other in (*_parents(name), *self._parents.get(name, ())):
            if other in self._held and self._tags.get(other) != _GONE:
                yield other


def read_params(params: Mapping[str, str], tags: Mapping[str, str], lookup: Lookup) -> dict[str, JSON]:
    """Return the tree of params that a run of tracklib's holds at MLflow."""
    found = {decode_path(key, lookup): texts.whole(value, lookup) for key, value in params.items()}
    for key, value in tags.items():
        if key.startswith(PARAM):
            path = decode_path(key[len(PARAM) :], lookup)
            if value == _GONE:
                found.pop(path, None)
            else:
                found[path] = texts.whole(value, lookup)
    return unflatten((path, texts.from_text(text)) for path, text in found.items())


def _parents(name: str) -> Iterator[str]:
    """Yield the names above a name: ``a`` and ``a.b`` for ``a.b.c``."""
    end = name.find(".")
    while end >= 0:
        yield name[:end]
        end = name.find(".", end + 1)
