"""`Case`: one thing that a backend should hold, as data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from tracklib.backends.capabilities import Feature
from tracklib.model.records import (
    Artifact,
    Body,
    Console,
    Context,
    Input,
    Media,
    Metrics,
    Notes,
    Params,
    Summary,
    System,
    Tags,
)

__all__ = ["Case", "Key", "keys_of"]

Key = tuple[str, str]
"""What a difference is about: its kind (``point``, ``param``, ...) and the name of the metric, param, ..."""


@dataclass(frozen=True, slots=True)
class Case:
    """Records that exercise one feature; cases of one run share no name.

    Attributes:
        id: Stable words for reports, ``values/nan``.
        feature: What it is about.
        bodies: What is recorded, in order.
        files: The contents of the files that the bodies name, by SHA-256.
    """

    id: str
    feature: Feature
    bodies: tuple[Body, ...]
    files: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def keys(self) -> frozenset[Key]:
        """What differences between two copies would be about, were they this case's."""
        return frozenset(key for body in self.bodies for key in keys_of(body))


def keys_of(body: Body) -> Iterable[Key]:
    """Return what a record is about."""
    match body:
        case Metrics(values=values):
            return [("point", key) for key in values]
        case Params(values=values):
            return [("param", key) for key in values]
        case Tags(values=values):
            return [("tag", key) for key in values]
        case Summary(values=values):
            return [("summary", key) for key in values]
        case Artifact(name=name):
            return [("artifact", name)]
        case Media(key=key):
            return [("media", key)]
        case Input(name=name):
            return [("input", name)]
        case Console(stream=stream):
            return [("console", stream)]
        case System(values=values):
            return [("system", key) for key in values]
        case Context(values=values):
            return [("context", key) for key in values]
        case Notes():
            return [("notes", "")]
        case _:
            return []
