"""Points as columns: records of metrics become the rows of the table ``points``, and records again, exactly."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow has no types

from tracklib.errors import BadValueError
from tracklib.model import members
from tracklib.model.codec import dumps, loads
from tracklib.model.records import Metrics, Record
from tracklib.portability.bundle.numbers import HIGH, SAFE, digits, fits, nearest
from tracklib.portability.bundle.schema import POINTS
from tracklib.portability.bundle.words import Words, constant, is_plain
from tracklib.typing import Number

__all__ = ["COLUMNS", "PointRows", "point_records"]

COLUMNS = [name for name in POINTS.names if name not in ("project", "run")]
"""What a record is made of again."""

_ORDER = ("metric", "step", "value", "time", "recorded", "seq", "writer")


def _is_large(value: int) -> bool:
    return not -SAFE <= value <= SAFE


def _common(record: Record, body: Metrics) -> dict[str, str]:
    """Return what the columns do not hold of what the rows of a record have in common."""
    step, time = body.step, record.time
    if body.timestamp is None and -SAFE <= step <= SAFE and 0 <= time < HIGH and 0 <= record.seq < HIGH:
        return {} if is_plain(record.writer) else {"writer": record.writer}
    odd = {"step": digits(body.step), "writer": None if is_plain(record.writer) else record.writer}
    whole = {"time": record.when, "seq": record.seq}
    if body.timestamp is not None:
        whole["recorded"] = record.time
    odd |= {name: None if fits(number) else str(number) for name, number in whole.items()}
    return {name: text for name, text in odd.items() if text is not None}


class PointRows:
    """Rows of the table on their way into a batch."""

    def __init__(self, project: str, run: str) -> None:
        self._project = project
        self._run = run
        self._clear()

    def _clear(self) -> None:
        self._n = array("q")
        self._writers, self._metrics = Words(), Words()
        self._seqs: list[int | None] = []
        self._steps, self._values = array("d"), array("d")
        self._times: list[int | None] = []
        self._recorded: list[int | None] = []
        self._given, self._step_ints, self._value_ints = bytearray(), bytearray(), bytearray()
        self._exact: dict[int, dict[str, str]] = {}

    def __len__(self) -> int:
        return len(self._n)

    def add(self, n: int, record: Record) -> None:
        """Take in the record that is the run's ``n``-th.

        Raises:
            BadValueError: It holds a number of more digits than Python writes.
        """
        body = record.body
        assert isinstance(body, Metrics)
        try:
            common = _common(record, body)
            odd = {
                metric: digits(value)
                for metric, value in body.values.items()
                if type(value) is int and _is_large(value)
            }
        except ValueError as error:
            raise BadValueError(str(error)) from error
        step, row = nearest(body.step), len(self._n)
        for metric, value in body.values.items():
            self._n.append(n)
            self._writers.add(record.writer)
            self._metrics.add(metric)
            self._steps.append(step)
            self._values.append(nearest(value))
            self._value_ints.append(isinstance(value, int))
            if odd and (text := odd.get(metric)) is not None:
                self._note(row, value=text)
            if metric in self._metrics.odd:
                self._note(row, metric=metric)
            if common:
                self._note(row, **common)
            row += 1
        self._add_common(record, body)

    def _add_common(self, record: Record, body: Metrics) -> None:
        """Take in what the rows of a record have in common."""
        count, given = len(body.values), body.timestamp is not None
        when, recorded = record.when, record.time if given else None
        self._seqs += [record.seq if fits(record.seq) else None] * count
        self._times += [when if fits(when) else None] * count
        self._recorded += [recorded if recorded is None or fits(recorded) else None] * count
        self._given += bytes([given]) * count
        self._step_ints += bytes([isinstance(body.step, int)]) * count

    def _note(self, row: int, **texts: str) -> None:
        self._exact.setdefault(row, {}).update(texts)

    def batch(self) -> pa.RecordBatch:
        """Return the rows so far, and begin anew."""
        length = len(self._n)
        columns = {
            "project": constant(self._project, length),
            "run": constant(self._run, length),
            "n": _numbers(pa.int64(), self._n),
            "writer": self._writers.column(),
            "seq": pa.array(self._seqs, pa.int64()),
            "metric": self._metrics.column(),
            "step": _numbers(pa.float64(), self._steps),
            "time": pa.array(self._times, POINTS.field("time").type),
            "value": _numbers(pa.float64(), self._values),
            "given": _flags(self._given),
            "recorded": pa.array(self._recorded, POINTS.field("recorded").type),
            "step_int": _flags(self._step_ints),
            "value_int": _flags(self._value_ints),
            "exact": self._exact_column(length),
        }
        self._clear()
        return pa.RecordBatch.from_arrays(list(columns.values()), schema=POINTS)

    def _exact_column(self, length: int) -> pa.Array:
        if not self._exact:
            return pa.nulls(length, pa.string())
        held = {row: dumps({k: texts[k] for k in _ORDER if k in texts}).decode() for row, texts in self._exact.items()}
        return pa.array([held.get(row) for row in range(length)], pa.string())


def _numbers(kind: pa.DataType, values: array[Any]) -> pa.Array:
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def _flags(values: bytearray) -> pa.Array:
    return pa.Array.from_buffers(pa.int8(), len(values), [None, pa.py_buffer(bytes(values))]).cast(pa.bool_())


def point_records(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[int, Record]]:
    """Yield the records that rows were made of, each with its number.

    Args:
        batches: Of the columns that `COLUMNS` names.

    Raises:
        BadValueError: Rows say what no record can.
    """
    last = -1
    values: dict[str, Number] = {}
    head: tuple[Any, ...] | None = None
    for row in _rows(batches):
        n, metric, value = row[0], row[3], row[5]
        if n != last:
            if head is not None:
                yield last, _record(head, values)
            last, values, head = n, {}, row
        values[metric] = value
    if head is not None:
        yield last, _record(head, values)


def _rows(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[Any, ...]]:
    """Yield each row as (n, writer, seq, metric, step, value, time, given, recorded)."""
    for batch in batches:
        held = {name: batch.column(name) for name in COLUMNS}
        words = {name: Words.of(held.pop(name)) for name in ("writer", "metric")}
        times = {name: held.pop(name).view(pa.int64()).to_pylist() for name in ("time", "recorded")}
        plain = {name: column.to_pylist() for name, column in held.items() if name != "exact"}
        steps = _as_written(plain["step"], plain["step_int"])
        values = _as_written(plain["value"], plain["value_int"])
        columns = [plain["n"], words["writer"], plain["seq"], words["metric"], steps, values]
        rows = zip(*columns, times["time"], plain["given"], times["recorded"], strict=True)
        if held["exact"].null_count == len(held["exact"]):
            yield from rows
        else:
            texts = held["exact"].to_pylist()
            yield from (row if text is None else _exact(row, text) for row, text in zip(rows, texts, strict=True))


def _as_written(numbers: list[float], are_ints: list[bool]) -> list[Number]:
    """Return numbers as integers where they were; an infinity is beyond all doubles, and stands in ``exact``."""
    if not any(are_ints):
        return list(numbers)
    return [
        int(number) if is_int and number - number == 0 else number
        for number, is_int in zip(numbers, are_ints, strict=True)
    ]


_FIELDS = ("n", "writer", "seq", "metric", "step", "value", "time", "given", "recorded")


def _exact(row: tuple[Any, ...], text: str) -> tuple[Any, ...]:
    """Return a row with what ``exact`` says in the place of what the columns say."""
    try:
        held = loads(text.encode("ascii"))
        words = {key: members.text(held[key]) for key in ("metric", "writer") if key in held}
        numbers = {
            key: members.number(held[key]) for key in ("step", "value", "time", "recorded", "seq") if key in held
        }
    except (ValueError, TypeError, AttributeError) as error:
        raise BadValueError(f"expected an object of texts as exact, got {text[:100]!r}") from error
    more = {**words, **numbers}
    return tuple(more.get(field, value) for field, value in zip(_FIELDS, row, strict=True))


def _record(head: tuple[Any, ...], values: dict[str, Number]) -> Record:
    _, writer, seq, _, step, _, time, given, recorded = head
    step = members.step(step)
    if not given:
        return Record(writer, members.integer(seq), members.integer(time), Metrics(values, step))
    when = members.integer(time)
    return Record(writer, members.integer(seq), members.integer(recorded), Metrics(values, step, when))
