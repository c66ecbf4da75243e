"""Rows: what a row of W&B's history holds of a run's points, and how it becomes the points again.

A row has the metrics' values under their own names, as numbers, W&B's ``_step``, which must rise, and two hidden keys:
``tracklib/step``, the caller's step, by which the charts are drawn where ``_step`` cannot be it; and ``_tracklib``, a text
that says which records the row is made of, at which nanosecond, and what of them a JSON number cannot say. A row is so
held whole or not at all, and one that is sent twice is known by its records.

On reading, the value is W&B's own; the exact form in the mark stands only where it has that very number for its nearest
one. So a value that somebody changed at W&B shows, and one that somebody removed is missing.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from tracklib.errors import BadValueError
from tracklib.model.codec import dumps, loads, metric_number, metric_token
from tracklib.model.records import Metrics, Record
from tracklib.typing import JSON, Number, Step
from tracklib_wandb import names
from tracklib_wandb.companions import read_chunk, write_chunk

__all__ = ["Mark", "Point", "is_float", "mark_of", "native_number", "points", "write_mark"]

_MAX_INT = 2**63 - 1
_LARGEST = math.nextafter(math.inf, 0)


class Point(NamedTuple):
    """One record's part of a row.

    Attributes:
        keys: The names that it gave values for; ``None``: all that the row has.
        exact: The values that are no plain floats.
    """

    writer: str
    seq: int
    time: int
    step: Step
    timestamp: int | None
    keys: tuple[str, ...] | None
    exact: Mapping[str, Number]

    @property
    def when(self) -> int:
        """The time that the values are of, in nanoseconds."""
        return self.time if self.timestamp is None else self.timestamp


@dataclass(frozen=True, slots=True)
class Mark:
    """What a row says of itself.

    Attributes:
        shown: The records of media that the row shows.
        beside: Whole records that travel with it.
    """

    points: tuple[Point, ...] = ()
    beside: tuple[Record, ...] = field(default=())


def native_number(value: Number) -> Number:
    """Return the nearest number that W&B holds; its program writes NaN and the infinities bare."""
    if isinstance(value, float):
        return value
    if abs(value) <= _MAX_INT:
        return value
    try:
        return float(value)
    except OverflowError:
        return _LARGEST if value > 0 else -_LARGEST


def is_float(value: Number) -> bool:
    """Tell whether a value needs no exact form beside W&B's number."""
    return isinstance(value, float) and not (value == 0 and math.copysign(1, value) < 0)


def write_mark(records: Sequence[Record], beside: Sequence[Record]) -> str:
    """Return the mark of a row that is made of records of metrics.

    Args:
        beside: Whole records that travel with it.
    """
    written = [_written(record, alone=len(records) == 1) for record in records]
    fields: dict[str, object] = {"points": written}
    if beside:
        fields["beside"] = base64.b64encode(write_chunk(beside)).decode("ascii")
    return dumps(fields).decode()


def _written(record: Record, *, alone: bool) -> list[JSON]:
    body = record.body
    assert isinstance(body, Metrics)
    exact = {key: metric_token(value) for key, value in body.values.items() if not is_float(value)}
    at = None if body.timestamp is None else metric_token(body.timestamp)
    keys = None if alone else list(body.values)
    return [record.writer, record.seq, record.time, metric_token(body.step), at, keys, exact]


def mark_of(row: Mapping[str, Any]) -> Mark | None:
    """Return the mark of a row; ``None`` where it has none.

    Raises:
        BadValueError: It is damaged.
    """
    text = row.get(names.MARK)
    if not isinstance(text, str):
        return None
    try:
        fields = loads(text.encode())
        read = tuple(map(_read, fields["points"]))
        beside = base64.b64decode(fields["beside"], validate=True) if "beside" in fields else None
    except (ValueError, TypeError, KeyError, AttributeError, binascii.Error) as error:
        raise BadValueError(f"expected the mark of a row, got what raised {type(error).__name__}: {error}") from error
    return Mark(read, tuple(read_chunk(beside)) if beside is not None else ())


def _read(item: list[Any]) -> Point:
    writer, seq, time, step, at, keys, exact = item
    timestamp = None if at is None else int(metric_number(at))
    values = {key: metric_number(value) for key, value in exact.items()}
    return Point(
        str(writer), int(seq), int(time), metric_number(step), timestamp, None if keys is None else tuple(keys), values
    )


def points(row: Mapping[str, Any], mark: Mark) -> Iterator[tuple[str, Number, Point]]:
    """Yield name, value and record of each point that a row still holds."""
    there = {names.decode(key): value for key, value in row.items() if key not in names.RESERVED and _is_number(value)}
    said = {key for point in mark.points for key in (point.keys or ())}
    for point in mark.points:
        keys = point.keys if point.keys is not None else tuple(there)
        for key in keys:
            if key in there:
                yield key, _value(point.exact.get(key), there[key]), point
    if mark.points and mark.points[-1].keys is not None:  # what somebody added stands with the last
        for key in there.keys() - said:
            yield key, float(there[key]), mark.points[-1]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _value(exact: Number | None, native: Number) -> Number:
    if exact is not None and _nearest(exact) == _nearest(native):
        return exact
    if isinstance(native, int) and exact is None and abs(native) <= _MAX_INT:
        return float(native)
    return native


def _nearest(value: Number) -> object:
    """Return a number as JavaScript has it; all NaN are one."""
    nearest = cast("float", native_number(value))
    return "NaN" if nearest != nearest else float(nearest)  # noqa: PLR0124  NaN
