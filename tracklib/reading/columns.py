"""The columns of each table; ``docs/reading.md`` describes them, and a test holds the two together."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

__all__ = ["LABELS", "TABLES", "Column", "Columns", "TableName"]

TableName: TypeAlias = Literal[
    "runs", "metrics", "params", "summary", "tags", "artifacts", "media", "system", "console"
]


class Column(NamedTuple):
    """One column.

    Attributes:
        kind: ``text``; ``int``, 64 bits; ``double``; ``time``, nanoseconds since 1970-01-01 UTC.
    """

    name: str
    kind: Literal["text", "int", "double", "time"] = "text"


Columns: TypeAlias = tuple[Column, ...]


def _text(*names: str) -> Columns:
    return tuple(Column(name) for name in names)


_RUN = _text("project", "run")
_STEP, _TIME, _VALUE, _EXACT = (
    Column("step", "double"),
    Column("time", "time"),
    Column("value", "double"),
    Column("exact"),
)
_LEAF = (*_text("type", "value"), Column("number", "double"), Column("text"))
_FILE = (Column("path"), Column("size", "int"), Column("sha256"))

LABELS = _text("tags", "notes")
"""What a table of runs has at its end where it was asked for: each run is read for it."""

TABLES: dict[TableName, Columns] = {
    "runs": (
        *_text("project", "id", "name", "status"),
        Column("started", "time"),
        Column("ended", "time"),
        *_text("group", "job_type", "parent"),
        Column("attempt", "int"),
        Column("url"),
    ),
    "metrics": (*_RUN, Column("metric"), _STEP, _TIME, _VALUE, _EXACT),
    "params": (*_RUN, *_text("param", "keys"), *_LEAF),
    "summary": (*_RUN, Column("key"), *_LEAF),
    "tags": (*_RUN, *_text("tag", "value")),
    "artifacts": (
        *_RUN,
        *_text("artifact", "type"),
        Column("version", "int"),
        *_text("aliases", "metadata"),
        *_FILE,
        *_text("url", "digest"),
    ),
    "media": (
        *_RUN,
        Column("key"),
        _STEP,
        Column("index", "int"),
        _TIME,
        Column("type"),
        *_FILE,
        Column("metadata"),
        _EXACT,
    ),
    "system": (*_RUN, Column("metric"), _TIME, _VALUE, _EXACT),
    "console": (*_RUN, _TIME, *_text("stream", "text")),
}
