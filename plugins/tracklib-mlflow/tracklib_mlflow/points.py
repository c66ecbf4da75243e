"""Points: what MLflow holds of a metric's value, what stands beside it, and how the two become the value again.

MLflow holds a float64, an int64 step and a time in milliseconds, and holds two points that agree in all of these once.
Every point has its nearest such *native* point, so that it is plotted. One that is more than that has an *entry* in a
companion as well: the exact value, step and time under its writer and sequence number. Reading puts the entries in the
place of their native point, and only where that point still stands: a companion never hides a loss in the database.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from tracklib.model.codec import metric_number, metric_token
from tracklib.model.records import Metrics, Record
from tracklib.typing import Number, Step
from tracklib_mlflow.names import encode, shorten

__all__ = [
    "METRIC_RESERVED",
    "NS",
    "Entry",
    "Identity",
    "Native",
    "Point",
    "Repeats",
    "entries_of",
    "is_exact",
    "native",
    "points_of",
    "restore",
]

NS = 1_000_000
"""Nanoseconds in MLflow's unit of time."""

METRIC_RESERVED = ("tracklib.summary/", "system/")

_EXACT_INT = 2**53
_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1
# MLflow's SQL stores hold an infinity as the largest float; sent so, every store holds the same.
_LARGEST = math.nextafter(math.inf, 0)

Identity: TypeAlias = tuple[str, Step, int, "float | None"]
"""What MLflow tells points apart by; ``None`` stands for NaN, which would differ from itself."""


@dataclass(frozen=True, slots=True)
class Native:
    """A point as MLflow holds it; the time is in milliseconds, and the step an integer but for some in folders."""

    key: str
    value: float
    step: Step
    time: int

    @property
    def identity(self) -> Identity:
        """Return what MLflow tells points apart by."""
        return self.key, self.step, self.time, None if math.isnan(self.value) else self.value


@dataclass(frozen=True, slots=True)
class Point:
    """A point as tracklib has it, under its encoded name; the time is in nanoseconds."""

    key: str
    value: Number
    step: Step
    time: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A point that MLflow cannot hold as it is.

    Attributes:
        is_callers: The time was given by the caller, and is held exactly; otherwise it is the record's, and read in
            milliseconds like that of every other point.
        is_further: Another point, with no entry, owns the native point; this one is there besides.
    """

    writer: str
    seq: int
    point: Point
    is_callers: bool = False
    is_further: bool = False

    def to_fields(self) -> dict[str, Any]:
        """Return the entry as a JSON object."""
        point = self.point
        fields: dict[str, Any] = {
            "writer": self.writer,
            "seq": self.seq,
            "key": point.key,
            "step": metric_token(point.step),
            "time": metric_token(point.time),
            "value": metric_token(point.value),
        }
        if self.is_callers:
            fields["caller"] = True
        if self.is_further:
            fields["further"] = True
        return fields

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Entry:
        """Read what `to_fields` wrote."""
        value, step, time = (metric_number(fields[name]) for name in ("value", "step", "time"))
        point = Point(fields["key"], value, step, int(time))
        return cls(fields["writer"], fields["seq"], point, fields.get("caller", False), fields.get("further", False))

    @property
    def native(self) -> Native:
        """Return the point that MLflow holds for it."""
        return native(self.point.key, self.point.value, self.point.step, self.point.time)

    @property
    def read(self) -> Point:
        """Return the point as it is read."""
        point = self.point
        return point if self.is_callers else replace(point, time=point.time // NS * NS)


def native(key: str, value: Number, step: Step, time: int) -> Native:
    """Return the nearest point that MLflow holds; ``time`` is in nanoseconds."""
    held_step = max(_INT_MIN, min(_INT_MAX, math.floor(step)))
    return Native(shorten(key), _nearest(value), held_step, max(0, min(_INT_MAX, time // NS)))


def is_exact(point: Point, held: Native) -> bool:
    """Tell whether a native point says all that a point says, but for the nanoseconds of its time."""
    is_place = held.step == point.step and not _is_minus_zero(point.step) and held.time == point.time // NS
    return is_place and _is_same(point.value, held.value)


def _is_minus_zero(step: Step) -> bool:
    """Tell a step that an integer equals and does not say all of."""
    return step == 0 and math.copysign(1, step) < 0


def _is_same(value: Number, held: float) -> bool:
    """Tell whether a float says all of a number; a large integer is to come back as one, even where a float holds it."""
    if isinstance(value, int):
        return value == held and abs(value) <= _EXACT_INT
    return (math.isnan(value) and math.isnan(held)) or (
        value == held and math.copysign(1, value) == math.copysign(1, held)
    )


def points_of(record: Record) -> Iterator[Point]:
    """Yield the points of a record of metrics, under the names that MLflow takes (not yet shortened)."""
    assert isinstance(record.body, Metrics)
    for name, value in record.body.values.items():
        yield Point(encode(name, reserved=METRIC_RESERVED), value, record.body.step, record.when)


class Repeats:
    """Remembers which record owns a native point, so that a second one equal to it is told from a resend of the first.

    Bounded: equal points come close together, as their times agree to the millisecond; a caller's own times, which
    may be equal at any distance, have entries anyway.
    """

    def __init__(self, size: int = 20_000) -> None:
        self._size = size
        self._owners: dict[Identity, tuple[str, int, bool]] = {}

    def entry(self, record: Record, point: Point, held: Native) -> Entry | None:
        """Return the entry that a point needs; ``None`` where the native point says it all."""
        is_callers = isinstance(record.body, Metrics) and record.body.timestamp is not None
        needed = is_callers or not is_exact(point, held)
        writer, seq, owner_has_entry = self._owners.setdefault(held.identity, (record.writer, record.seq, needed))
        self._forget()
        is_repeat = (writer, seq) != (record.writer, record.seq)
        if not needed and not is_repeat:
            return None
        return Entry(record.writer, record.seq, point, is_callers, is_repeat and not owner_has_entry)

    def _forget(self) -> None:
        if len(self._owners) > self._size:
            del self._owners[next(iter(self._owners))]


def entries_of(fields: Iterable[Mapping[str, Any]]) -> dict[Identity, list[Entry]]:
    """Return the entries of all companions by their native point, those that were sent twice once."""
    found: dict[tuple[str, int, str], Entry] = {}
    for item in fields:
        entry = Entry.from_fields(item)
        found[entry.writer, entry.seq, entry.point.key] = entry
    grouped: dict[Identity, list[Entry]] = {}
    for entry in found.values():
        grouped.setdefault(entry.native.identity, []).append(entry)
    return grouped


def restore(history: Iterable[Native], entries: Mapping[Identity, Sequence[Entry]]) -> Iterator[Point]:
    """Yield the points of one metric: its native ones, each with its entries put in."""
    for held in history:
        beside = entries.get(held.identity, ())
        if all(entry.is_further for entry in beside):
            yield Point(held.key, held.value, held.step, held.time * NS)
        yield from (entry.read for entry in beside)


def _nearest(value: Number) -> float:
    """Return the float nearest to a value, finite and without the sign of zero, or NaN."""
    try:
        number = float(value)
    except OverflowError:
        number = math.inf if value > 0 else -math.inf
    return number if math.isnan(number) else max(-_LARGEST, min(_LARGEST, number)) + 0.0
