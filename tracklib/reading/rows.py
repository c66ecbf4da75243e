"""Rows: what the tables hold, taken from the records of runs in one pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, TypeAlias, cast

from tracklib.model.codec import dumps, encode_tree
from tracklib.model.records import Artifact, Console, Media, Metrics, Notes, Params, Record, Summary, System, Tags
from tracklib.model.run import RunInfo
from tracklib.model.state import RunState
from tracklib.model.trees import flatten
from tracklib.reading.arrow import is_utf8
from tracklib.reading.columns import TableName
from tracklib.typing import JSON, Number

__all__ = ["Row", "rows_of", "run_row"]

Row: TypeAlias = "tuple[Any, ...]"
"""The values of a row, in the order of the table's columns; times in nanoseconds."""

Place: TypeAlias = "tuple[str, str]"
"""The project and the id of the run that a row belongs to."""


def run_row(run: RunInfo) -> Row:
    """Return a run's own row."""
    place = (run.project, run.id, run.name, run.status, run.started, run.ended)
    return (*place, run.group, run.job_type, run.parent, run.attempt, run.url)


def rows_of(run: RunInfo, records: Iterable[Record], tables: Collection[TableName]) -> Iterator[tuple[TableName, Row]]:
    """Yield the rows that a run has in some tables; those of one table in the order of the records.

    The run's own row comes last, with its tags and notes.
    """
    reading = _Reading(run)
    taken = {kind: take for name in tables for kind, take in reading.takers(name).items()}
    for record in records:
        take = taken.get(type(record.body))
        if take is not None:
            yield from take(record)
    for name in tables:
        yield from ((name, row) for row in reading.folded(name))


Take: TypeAlias = "Callable[[Record], Iterable[tuple[TableName, Row]]]"


class _Reading:
    """One run's rows on their way."""

    def __init__(self, run: RunInfo) -> None:
        self._run = run
        self._place = (run.project, run.id)
        self._state = RunState(run.id)
        self._versions: Counter[str] = Counter()

    def takers(self, table: TableName) -> dict[type, Take]:
        """Return what is done with each kind of record for a table."""
        known: dict[TableName, dict[type, Take]] = {
            "runs": {Tags: self._fold, Notes: self._fold},
            "tags": {Tags: self._fold},
            "params": {Params: self._fold},
            "summary": {Summary: self._fold},
            "metrics": {Metrics: self._metrics},
            "system": {System: self._system},
            "console": {Console: self._console},
            "artifacts": {Artifact: self._artifact},
            "media": {Media: self._media},
        }
        return known[table]

    def folded(self, table: TableName) -> Iterator[Row]:
        """Yield the rows that are known at the end alone."""
        state, place = self._state, self._place
        if table == "runs":
            yield (*run_row(self._run), _json(state.tags), state.notes)
        elif table == "tags":
            yield from ((*place, *item) for item in state.tags.items())
        elif table == "params":
            for path, leaf in flatten(state.params):
                yield (*place, ".".join(path), _json(list(path)), *_leaf(leaf))
        elif table == "summary":
            yield from ((*place, key, *_leaf(value)) for key, value in state.summary.items())

    def _fold(self, record: Record) -> Iterable[tuple[TableName, Row]]:
        self._state.apply(record)
        return ()

    def _metrics(self, record: Record) -> Iterator[tuple[TableName, Row]]:
        body = cast("Metrics", record.body)
        step, time = body.step, record.when
        for key, value in body.values.items():
            yield "metrics", (*self._place, key, step, time, value, _exact(key, step, value, time))

    def _system(self, record: Record) -> Iterator[tuple[TableName, Row]]:
        time = record.time
        for key, value in cast("System", record.body).values.items():
            yield "system", (*self._place, key, time, value, _exact(key, 0, value, time))

    def _console(self, record: Record) -> Iterable[tuple[TableName, Row]]:
        body = cast("Console", record.body)
        return (("console", (*self._place, record.time, body.stream, body.text)),)

    def _artifact(self, record: Record) -> Iterator[tuple[TableName, Row]]:
        body = cast("Artifact", record.body)
        self._versions[body.name] += 1
        named = (*self._place, body.name, body.type, self._versions[body.name])
        head = (*named, _json(list(body.aliases)), _json(encode_tree(body.metadata)))
        for file in body.files:
            yield "artifacts", (*head, file.path, file.size, file.sha256, None, None)
        for item in body.references:
            yield "artifacts", (*head, item.path, item.size, None, item.url, item.digest)
        if not body.files and not body.references:
            yield "artifacts", (*head, None, None, None, None, None)

    def _media(self, record: Record) -> Iterator[tuple[TableName, Row]]:
        body = cast("Media", record.body)
        head = (*self._place, body.key, body.step, body.index, record.when)
        exact = _exact("", body.step, 0, record.when)
        files = [(body.media_type, body.file), *(("attachment", file) for file in body.attachments)]
        for kind, file in files:
            metadata = _json(encode_tree(body.metadata)) if file is body.file else "{}"
            yield "media", (*head, kind, file.path, file.size, file.sha256, metadata, exact)


def _exact(metric: str, step: Number, value: Number, time: int) -> str | None:
    """Return what of a point the columns of an Arrow table do not hold exactly, as a JSON object of texts."""
    if metric.isascii() and type(value) is float and -_DOUBLE <= step <= _DOUBLE and -_INT64 < time < _INT64:
        return None
    texts = {} if is_utf8(metric) else {"metric": metric}
    texts |= {name: str(number) for name, number in (("step", step), ("value", value)) if not _is_double(number)}
    texts |= {} if -_INT64 < time < _INT64 else {"time": str(time)}
    return _json(texts) if texts else None


_DOUBLE, _INT64 = 2**53, 2**63


def _is_double(value: Number) -> bool:
    try:
        return isinstance(value, float) or int(float(value)) == value
    except OverflowError:
        return False


def _leaf(value: JSON) -> tuple[str, str, Number | None, str | None]:
    """Return a value's type, its JSON, and itself where it is a number or a text."""
    number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
    return _type_of(value), _json(encode_tree(value)), number, value if isinstance(value, str) else None


def _type_of(value: JSON) -> str:
    if value is None:
        return "null"
    if isinstance(value, Mapping):
        return "object"
    return {bool: "bool", int: "int", float: "float", str: "str"}.get(type(value), "list")


def _json(value: object) -> str:
    return dumps(cast("Mapping[str, object]", value)).decode()
