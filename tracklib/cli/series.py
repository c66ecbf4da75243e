"""Series: what `tracklib show` tells of each metric, gathered in one pass over a journal."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tracklib.cli.envelope import Envelope, drawable
from tracklib.cli.quantities import iso_time
from tracklib.model.codec import metric_token
from tracklib.model.records import Metrics, Record, RunStart
from tracklib.model.state import RunState
from tracklib.typing import Number

__all__ = ["Points", "Series", "gather", "points_of", "series_document"]


@dataclass(slots=True)
class Series:
    """One metric.

    Attributes:
        low, high: Of all values that are no NaN; ``None`` where there is none.
        nans: How many are NaN.
        first, until: The least and the greatest step.
        points: Steps, times, values and attempts of all points, where they were asked for.
        again: How many points of a later attempt lie at or before a step that an earlier one had reached.
    """

    name: str
    count: int = 0
    last: Number = 0
    low: Number | None = None
    high: Number | None = None
    nans: int = 0
    first: Number = 0
    until: Number = 0
    shape: Envelope = field(default_factory=Envelope)
    points: Points | None = None
    again: int = 0
    _attempt: int = 0
    _reached: Number | None = None
    _highest: Number | None = None

    def add(self, step: Number, value: Number, attempt: int = 1) -> None:
        """Take in a point."""
        if attempt > self._attempt:
            self._attempt, self._reached = attempt, self._highest
        self.again += self._reached is not None and step <= self._reached
        self._highest = step if self._highest is None else max(self._highest, step)
        self.first = min(self.first, step) if self.count else step
        self.until = max(self.until, step) if self.count else step
        self.count += 1
        self.last = value
        self.shape.add(drawable(value))
        if value != value:  # noqa: PLR0124  NaN
            self.nans += 1
            return
        self.low = value if self.low is None else min(self.low, value)
        self.high = value if self.high is None else max(self.high, value)


@dataclass(slots=True)
class Points:
    """All points of one metric, exact."""

    steps: list[Number] = field(default_factory=list)
    times: array[int] = field(default_factory=lambda: array("q"))
    values: list[Number] = field(default_factory=list)
    attempts: list[int] = field(default_factory=list)


def gather(
    records: Iterable[Record], state: RunState, *, points: bool = False, only: str | None = None
) -> dict[str, Series]:
    """Fold records into a state and the series of each metric.

    Args:
        points: Keep every point.
        only: Look at this metric alone.
    """
    found: dict[str, Series] = {}
    attempts: dict[str, int] = {}
    for record in records:
        state.apply(record)
        body = record.body
        if isinstance(body, RunStart):
            attempts[record.writer] = body.attempt
        if not isinstance(body, Metrics):
            continue
        for name, value in body.values.items():
            if only is not None and name != only:
                continue
            series = found.get(name)
            if series is None:
                series = found[name] = Series(name, points=Points() if points else None)
            # A writer without a start goes on for one: a fork's, or one behind a torn line.
            attempt = attempts.get(record.writer) or max(state.attempt, 1)
            series.add(body.step, value, attempt)
            if series.points is not None:
                series.points.steps.append(body.step)
                series.points.times.append(record.when)
                series.points.values.append(value)
                series.points.attempts.append(attempt)
    return found


def points_of(records: Iterable[Record], name: str) -> Iterator[tuple[Number, Number]]:
    """Yield the steps and values of one metric."""
    for record in records:
        if isinstance(record.body, Metrics) and name in record.body.values:
            yield record.body.step, record.body.values[name]


def series_document(series: Series) -> dict[str, Any]:
    """Return ``name, points, nans, again, last, min, max, steps``; where kept, ``series``: ``step, time, value, attempt``."""
    document: dict[str, Any] = {
        "name": series.name,
        "points": series.count,
        "nans": series.nans,
        "again": series.again,
        "last": metric_token(series.last),
        "min": None if series.low is None else metric_token(series.low),
        "max": None if series.high is None else metric_token(series.high),
        "steps": [metric_token(series.first), metric_token(series.until)],
    }
    if series.points is not None:
        document["series"] = {
            "step": [metric_token(step) for step in series.points.steps],
            "time": [iso_time(time) for time in series.points.times],
            "value": [metric_token(value) for value in series.points.values],
            "attempt": series.points.attempts,
        }
    return document
