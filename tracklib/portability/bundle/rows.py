"""Rows: records that are no points become rows of the tables ``records`` and ``files``, and records again, exactly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow has no types

from tracklib.errors import BadValueError
from tracklib.model import members
from tracklib.model.codec import dumps, from_fields, loads, to_fields
from tracklib.model.records import Artifact, FileRef, Media, Record
from tracklib.portability.bundle.facts import Fact, facts_of
from tracklib.portability.bundle.numbers import fits, nearest
from tracklib.portability.bundle.schema import FILES, RECORDS
from tracklib.portability.bundle.words import is_plain, plain

__all__ = ["COLUMNS", "FileRows", "RecordRows", "record_records"]

COLUMNS = ["n", "writer", "item", "record", "exact"]
"""What a record is made of again."""


class _Rows:
    """Rows of one table on their way into a batch.

    Attributes:
        load: About how many bytes they take.
    """

    schema: pa.Schema

    def __init__(self, project: str, run: str) -> None:
        self._columns: dict[str, list[Any]] = {name: [] for name in self.schema.names}
        self._head = {"project": plain(project), "run": plain(run)}
        self.load = 0

    def __len__(self) -> int:
        return len(self._columns["n"])

    def _append(self, n: int, source: Record, /, **values: object) -> None:
        common = {"n": n, "writer": plain(source.writer), "seq": source.seq if fits(source.seq) else None}
        row = {**self._head, **common, "time": source.when if fits(source.when) else None, **values}
        for name, column in self._columns.items():
            value = row.get(name)
            column.append(value)
            if isinstance(value, str):
                self.load += len(value)

    def batch(self) -> pa.RecordBatch:
        """Return the rows so far, and begin anew."""
        arrays = [pa.array(self._columns[field.name], field.type) for field in self.schema]
        self._columns = {name: [] for name in self.schema.names}
        self.load = 0
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


class RecordRows(_Rows):
    """Rows of ``records``."""

    schema = RECORDS

    def add(self, n: int, record: Record) -> None:
        """Take in the record that is the run's ``n``-th.

        Raises:
            BadValueError: It would not read back.
        """
        fields = to_fields(record)
        text = _json(record, fields)
        kind = plain(str(fields["kind"]))
        facts = list(facts_of(record.body)) or [Fact()]
        for item, fact in enumerate(facts):
            first = {"record": text, "exact": _exact(record)} if item == 0 else {}
            self._append(
                n,
                record,
                item=item,
                kind=kind,
                key=None if fact.key is None else plain(fact.key),
                step=None if fact.step is None else nearest(fact.step),
                value=None if fact.value is None else nearest(fact.value),
                text=None if fact.text is None else plain(fact.text),
                **first,
            )


def _json(record: Record, fields: dict[str, Any]) -> str:
    """Return a record's JSON, having read it back."""
    envelope = {name: value if fits(value) else 0 for name, value in (("seq", record.seq), ("time", record.time))}
    line = dumps({**fields, **envelope})
    if dumps(to_fields(from_fields(loads(line), record.writer))) != line:
        raise BadValueError(f"expected a record that reads back equal, got another one for a {fields['kind']!r}")
    return line.decode()


def _exact(record: Record) -> str | None:
    held = {name: str(value) for name, value in (("time", record.time), ("seq", record.seq)) if not fits(value)}
    if not is_plain(record.writer):
        held["writer"] = record.writer
    return dumps(held).decode() if held else None


class FileRows(_Rows):
    """Rows of ``files``."""

    schema = FILES

    def add(self, n: int, record: Record) -> None:
        """Take in the files that a record names."""
        body = record.body
        if isinstance(body, Artifact):
            for file in body.files:
                self._file(n, record, "artifact", body.name, file)
            for ref in body.references:
                where = {"path": plain(ref.path), "url": plain(ref.url)}
                size = ref.size if ref.size is not None and fits(ref.size) else None
                self._append(n, record, kind="reference", name=plain(body.name), size=size, **where)
        elif isinstance(body, Media):
            self._file(n, record, "media", body.key, body.file)
            for file in body.attachments:
                self._file(n, record, "attachment", body.key, file)

    def _file(self, n: int, record: Record, kind: str, name: str, file: FileRef) -> None:
        size = file.size if fits(file.size) else None
        self._append(n, record, kind=kind, name=plain(name), path=plain(file.path), size=size, sha256=file.sha256)


def record_records(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, Record]]:
    """Yield the records that rows were made of, each with its number.

    Args:
        batches: Of the columns that `COLUMNS` names.

    Raises:
        BadValueError: Rows say what no record can.
    """
    for batch in batches:
        columns = [batch.column(name).to_pylist() for name in COLUMNS]
        for n, writer, item, text, exact in zip(*columns, strict=True):
            if item == 0:
                yield n, _record(writer, text, exact)


def _record(writer: str, text: str, exact: str | None) -> Record:
    try:
        record = from_fields(loads(text.encode()), writer)
        if exact is None:
            return record
        held = loads(exact.encode())
        time, seq = (members.integer(members.number(held.get(k, str(getattr(record, k))))) for k in ("time", "seq"))
        return Record(members.text(held.get("writer", writer)), seq, time, record.body)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise BadValueError(f"expected a record, got {text[:100] if text else text!r}: {error}") from error
