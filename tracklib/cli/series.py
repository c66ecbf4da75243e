"""Series: what `tracklib show` tells of each metric, gathered in one pass over a journal."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tracklib.cli.envelope import Envelope, drawable
from tracklib.cli.quantities import iso_time
from tracklib.model.codec import metric_token
from tracklib.model.records import Metrics, Record
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
        points: Steps, times and values of all points, where they were asked for.
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

    def add(self, step: Number, value: Number) -> None:
        """Take in a point."""
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


def gather(
    records: Iterable[Record], state: RunState, *, points: bool = False, only: str | None = None
) -> dict[str, Series]:
    """Fold records into a state and the series of each metric.

    Args:
        points: Keep every point.
        only: Look at this metric alone.
    """
    found: dict[str, Series] = {}
    for record in records:
        state.apply(record)
        body = record.body
        if not isinstance(body, Metrics):
            continue
        for name, value in body.values.items():
            if only is not None and name != only:
                continue
            series = found.get(name)
            if series is None:
                series = found[name] = Series(name, points=Points() if points else None)
            series.add(body.step, value)
            if series.points is not None:
                series.points.steps.append(body.step)
                series.points.times.append(record.when)
                series.points.values.append(value)
    return found


def points_of(records: Iterable[Record], name: str) -> Iterator[tuple[Number, Number]]:
    """Yield the steps and values of one metric."""
    for record in records:
        if isinstance(record.body, Metrics) and name in record.body.values:
            yield record.body.step, record.body.values[name]


def series_document(series: Series) -> dict[str, Any]:
    """Return ``name, points, nans, last, min, max, steps`` and, where kept, ``series`` with ``step, time, value``."""
    document: dict[str, Any] = {
        "name": series.name,
        "points": series.count,
        "nans": series.nans,
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
        }
    return document
