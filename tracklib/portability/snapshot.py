"""The snapshot: a run that is held in memory whole, as tests and small runs allow."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from tracklib.model.records import Console, Metrics, Record, System
from tracklib.model.state import RunState, fold
from tracklib.typing import Number, Step

__all__ = ["Point", "Snapshot", "exact", "snapshot"]


class Point(NamedTuple):
    """One value of one metric.

    Attributes:
        time: Nanoseconds since the epoch.
        given: Whether the caller gave the time.
    """

    step: Step
    time: int
    value: Number
    given: bool


@dataclass(slots=True)
class Snapshot:
    """A run, whole."""

    state: RunState
    records: list[Record] = field(default_factory=list)

    @property
    def points(self) -> dict[str, list[Point]]:
        """The points of each metric, in the order of the records."""
        found: dict[str, list[Point]] = {}
        for record in self.records:
            if isinstance(body := record.body, Metrics):
                for key, value in body.values.items():
                    found.setdefault(key, []).append(Point(body.step, record.when, value, body.timestamp is not None))
        return found

    @property
    def point_count(self) -> int:
        """How many points there are."""
        return sum(len(record.body.values) for record in self.records if isinstance(record.body, Metrics))

    @property
    def console(self) -> Counter[tuple[str, str]]:
        """How often each line was printed, by stream."""
        return Counter((r.body.stream, r.body.text) for r in self.records if isinstance(r.body, Console))

    @property
    def system(self) -> Counter[tuple[str, int, object]]:
        """How often each system metric was sampled with a value, by name, time and value, as `exact` has it."""
        return Counter(
            (key, record.time, exact(value))
            for record in self.records
            if isinstance(record.body, System)
            for key, value in record.body.values.items()
        )


def snapshot(run_id: str, records: Iterable[Record]) -> Snapshot:
    """Read a run into a snapshot."""
    held = list(records)
    return Snapshot(fold(run_id, held), held)


def exact(value: Number) -> object:
    """Return a key that is equal for equal numbers alone: 1 is 1.0, NaN is NaN, -0.0 is not 0.0."""
    if value != value:  # noqa: PLR0124  NaN
        return "NaN"
    if value == 0:
        return "-0.0" if math.copysign(1, value) < 0 else 0
    return value
