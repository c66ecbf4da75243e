"""The codec: records to JSON and back, exact to the last bit.

JSON has no NaN, no infinity and no numbers beyond what its reader makes of them, so:

- in ``metrics``, where only numbers stand, a string stands for a number that JSON lacks: ``"NaN"``, ``"Infinity"``,
  ``"-Infinity"``, and the digits of an integer beyond 64 bits;
- in trees (params, summary, metadata), where text may stand, such a string carries a tag: ``"!float NaN"``,
  ``"!int 123..."``; a text that begins with ``!`` is written ``"!str !..."``.

``docs/format.md`` is the specification.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

import orjson

from tracklib.errors import BadValueError
from tracklib.model import members
from tracklib.model.records import (
    Artifact,
    Body,
    Console,
    Context,
    FileRef,
    Input,
    Media,
    Metrics,
    Notes,
    Notice,
    Params,
    Record,
    Reference,
    RunEnd,
    RunStart,
    Summary,
    System,
    Tags,
    Unknown,
)
from tracklib.typing import JSON, Number, Status

__all__ = [
    "LONGEST",
    "decode_tree",
    "dumps",
    "encode_tree",
    "from_fields",
    "loads",
    "metric_number",
    "metric_token",
    "to_fields",
]

LONGEST = 64 << 20
"""Bytes of the longest line that tracklib writes, and believes of others."""

_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1

Fields = dict[str, Any]
"""A record as a JSON object, its values still untyped: this module is the border where types begin."""


def dumps(fields: Mapping[str, object]) -> bytes:
    r"""Write a JSON object in one line, lone surrogates included (as ``\udXXX`` escapes, which orjson refuses)."""
    try:
        return orjson.dumps(fields)
    except TypeError:
        return json.dumps(fields, allow_nan=False, separators=(",", ":")).encode("ascii")


def loads(line: bytes) -> Any:
    """Read JSON; the inverse of `dumps`.

    Raises:
        ValueError: It is no JSON.
    """
    try:
        return orjson.loads(line)
    except ValueError:
        try:
            return json.loads(line)
        except RecursionError as error:
            raise ValueError("expected JSON that is nested a few hundred levels at most, got more") from error


def metric_token(value: Number) -> Number | str:
    """Write a metric's value as JSON can hold it."""
    if isinstance(value, int):
        return value if _INT_MIN <= value <= _INT_MAX else str(value)
    if value - value == 0.0:
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124  NaN


metric_number = members.number
"""Read what `metric_token` wrote."""


def encode_tree(value: JSON) -> JSON:
    """Write a tree with tags for what JSON lacks."""
    if isinstance(value, str):
        return f"!str {value}" if value.startswith("!") else value
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        token = metric_token(value)
        return token if not isinstance(token, str) else f"!{'int' if isinstance(value, int) else 'float'} {token}"
    if isinstance(value, Mapping):
        return {key: encode_tree(item) for key, item in value.items()}
    return [encode_tree(item) for item in value]


def decode_tree(value: JSON) -> JSON:
    """Read what `encode_tree` wrote."""
    if isinstance(value, str):
        return _untagged(value) if value.startswith("!") else value
    if isinstance(value, dict):
        return {key: decode_tree(item) for key, item in value.items()}
    if isinstance(value, list):
        return [decode_tree(item) for item in value]
    return value


def _untagged(text: str) -> JSON:
    tag, _, rest = text.partition(" ")
    if tag == "!str":
        return rest
    if tag in ("!int", "!float"):
        return members.number(rest)
    raise BadValueError(f"expected a tag of !str, !int or !float, got {text[:40]!r}")


def _files(files: tuple[FileRef, ...]) -> list[Fields]:
    return [{"path": f.path, "size": f.size, "sha256": f.sha256} for f in files]


def _references(references: tuple[Reference, ...]) -> list[Fields]:
    return [_drop_none({"path": r.path, "url": r.url, "size": r.size, "digest": r.digest}) for r in references]


def _tree_of(fields: Fields, key: str) -> dict[str, JSON]:
    tree = fields.get(key, {})
    if not isinstance(tree, dict):
        raise BadValueError(f"expected an object as {key}, got {type(tree).__name__}")
    return cast("dict[str, JSON]", decode_tree(tree))


def _drop_none(fields: Fields) -> Fields:
    return {key: value for key, value in fields.items() if value is not None}


_WRITE: dict[type, tuple[str, Callable[[Any], Fields]]] = {
    RunStart: (
        "start",
        lambda b: _drop_none(
            {
                "project": b.project,
                "name": b.name,
                "group": b.group,
                "job_type": b.job_type,
                "parent": b.parent,
                "attempt": b.attempt,
                "context": encode_tree(b.context) if b.context else None,
                "rank": b.rank,
            }
        ),
    ),
    Context: ("context", lambda b: {"values": encode_tree(b.values)}),
    Params: ("params", lambda b: {"values": encode_tree(b.values)}),
    Metrics: (
        "metrics",
        lambda b: _drop_none(
            {
                "step": metric_token(b.step),
                "timestamp": b.timestamp,
                "values": {key: metric_token(value) for key, value in b.values.items()},
            }
        ),
    ),
    Tags: ("tags", lambda b: {"values": dict(b.values)}),
    Notes: ("notes", lambda b: {"text": b.text}),
    Summary: ("summary", lambda b: {"values": encode_tree(b.values)}),
    Artifact: (
        "artifact",
        lambda b: _drop_none(
            {
                "name": b.name,
                "type": b.type,
                "aliases": list(b.aliases) or None,
                "metadata": encode_tree(b.metadata) if b.metadata else None,
                "folders": list(b.folders) or None,
                "references": _references(b.references) or None,
                "files": _files(b.files),
            }
        ),
    ),
    Input: (
        "input",
        lambda b: _drop_none({"name": b.name, "type": b.type, "version": b.version, "run": b.run}),
    ),
    Media: (
        "media",
        lambda b: _drop_none(
            {
                "key": b.key,
                "step": metric_token(b.step),
                "index": b.index,
                "timestamp": b.timestamp,
                "media_type": b.media_type,
                "metadata": encode_tree(b.metadata) if b.metadata else None,
                "attachments": _files(b.attachments) or None,
                "file": _files((b.file,))[0],
            }
        ),
    ),
    System: ("system", lambda b: {"values": {key: metric_token(value) for key, value in b.values.items()}}),
    Console: ("console", lambda b: {"stream": b.stream, "text": b.text}),
    Notice: ("notice", lambda b: {"code": b.code, "message": b.message, "count": b.count}),
    RunEnd: ("end", lambda b: _drop_none({"status": b.status, "exit_code": b.exit_code, "error": b.error})),
    Unknown: ("", lambda b: dict(b.fields)),
}

_READ: dict[str, Callable[[Fields], Body]] = {
    "start": lambda f: RunStart(
        members.text(f["project"]),
        members.text(f["name"]),
        members.maybe(str, f.get("group")),
        members.maybe(str, f.get("job_type")),
        members.maybe(str, f.get("parent")),
        members.integer(f.get("attempt", 1)),
        _tree_of(f, "context"),
        members.maybe(int, f.get("rank")),
    ),
    "context": lambda f: Context(_tree_of({"values": f["values"]}, "values")),
    "params": lambda f: Params(_tree_of(f, "values")),
    "metrics": lambda f: Metrics(
        members.numbers(f["values"]), members.step(f["step"]), members.maybe(int, f.get("timestamp"))
    ),
    "tags": lambda f: Tags(members.tag_values(f["values"])),
    "notes": lambda f: Notes(members.text(f["text"])),
    "summary": lambda f: Summary(_tree_of(f, "values")),
    "artifact": lambda f: Artifact(
        members.text(f["name"]),
        members.text(f["type"]),
        members.files(f["files"]),
        members.texts(f.get("aliases")),
        _tree_of(f, "metadata"),
        members.paths(f.get("folders")),
        members.references(f.get("references", [])),
    ),
    "input": lambda f: Input(
        members.text(f["name"]),
        members.maybe(str, f.get("type")),
        members.maybe(str, f.get("version")),
        members.maybe(str, f.get("run")),
    ),
    "media": lambda f: Media(
        members.text(f["key"]),
        members.step(f["step"]),
        members.text(f["media_type"]),
        members.file(f["file"]),
        _tree_of(f, "metadata"),
        members.maybe(int, f.get("index")),
        members.files(f.get("attachments", [])),
        members.maybe(int, f.get("timestamp")),
    ),
    "system": lambda f: System(members.numbers(f["values"])),
    "console": lambda f: Console(members.text(f["stream"]), members.text(f["text"])),
    "notice": lambda f: Notice(members.text(f["code"]), members.text(f["message"]), members.integer(f.get("count", 1))),
    "end": lambda f: RunEnd(
        cast("Status", members.text(f["status"])),
        members.maybe(int, f.get("exit_code")),
        members.maybe(str, f.get("error")),
    ),
}

_ENVELOPE = ("kind", "seq", "time")


def to_fields(record: Record) -> Fields:
    """Return a record as a JSON object: its envelope, then its body."""
    kind, write = _WRITE[type(record.body)]
    if isinstance(record.body, Unknown):
        kind = record.body.kind
    return {"kind": kind, "seq": record.seq, "time": record.time, **write(record.body)}


def from_fields(fields: Fields, writer: str) -> Record:
    """Read what `to_fields` wrote.

    Raises:
        BadValueError: A field is missing or of a wrong type.
    """
    try:
        kind = fields["kind"]
        if (read := _READ.get(kind)) is None:
            body: Body = Unknown(kind, {key: value for key, value in fields.items() if key not in _ENVELOPE})
        else:
            body = read(fields)
        return Record(writer, members.integer(fields["seq"]), members.integer(fields["time"]), body)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise BadValueError(
            f"expected a record of kind {fields.get('kind')!r}, got {describe_fields(fields)}"
        ) from error


def describe_fields(fields: Fields) -> str:
    """Name an object's keys for a message."""
    return f"an object with the keys {', '.join(map(repr, fields))}"
