"""Facts: what a record that is no point says, as plain keys and values for a query."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tracklib.model.codec import dumps, encode_tree
from tracklib.model.records import (
    Artifact,
    Body,
    Console,
    Context,
    Input,
    Media,
    Notes,
    Notice,
    Params,
    RunEnd,
    RunStart,
    Summary,
    System,
    Tags,
)
from tracklib.model.trees import flatten
from tracklib.typing import JSON, Number

__all__ = ["Fact", "facts_of"]


class Fact(NamedTuple):
    """One thing that a record says."""

    key: str | None = None
    value: Number | None = None
    text: str | None = None
    step: Number | None = None


def facts_of(body: Body) -> Iterator[Fact]:
    """Yield what a record says."""
    match body:
        case RunStart():
            yield from _start(body)
        case Params(values=values) | Summary(values=values) | Context(values=values):
            yield from _leaves(values)
        case Tags(values=tags):
            yield from (Fact(key, None, text) for key, text in tags.items())
        case System(values=samples):
            yield from (Fact(key, value) for key, value in samples.items())
        case Artifact():
            yield Fact(body.name, None, body.type)
        case Media():
            yield Fact(body.key, None, body.media_type, body.step)
        case _:
            yield from _single(body)


def _single(body: Body) -> Iterator[Fact]:
    match body:
        case Notes(text=text):
            yield Fact(None, None, text)
        case Input():
            yield Fact(body.name, None, body.version)
        case Console():
            yield Fact(body.stream, None, body.text)
        case Notice():
            yield Fact(body.code, body.count, body.message)
        case RunEnd():
            yield Fact(body.status, body.exit_code, body.error)
        case _:  # of a newer tracklib, or metrics without a value: `record` has it
            return


def _start(body: RunStart) -> Iterator[Fact]:
    for key in ("name", "group", "job_type", "parent"):
        if (text := getattr(body, key)) is not None:
            yield Fact(key, None, text)
    yield Fact("attempt", body.attempt, str(body.attempt))
    yield from _leaves({"context": body.context})


def _leaves(tree: Mapping[str, JSON]) -> Iterator[Fact]:
    """Yield the leaves of a tree by their paths; a dot inside a key is told apart by a backslash before it."""
    for path, leaf in flatten(tree):
        key = ".".join(part.replace("\\", "\\\\").replace(".", "\\.") for part in path)
        number = leaf if isinstance(leaf, (int, float)) and not isinstance(leaf, bool) else None
        yield Fact(key, number, leaf if isinstance(leaf, str) else _json(leaf))


def _json(leaf: JSON) -> str:
    """Return a value as JSON; what JSON lacks is a tagged text in it."""
    return dumps({"": encode_tree(leaf)})[4:-1].decode()
