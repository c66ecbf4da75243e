"""The snapshot: everything that two copies of a run are compared by."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from tracklib.model.records import Console, Metrics, Record, System
from tracklib.model.state import RunState
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
    """A run, whole.

    Attributes:
        points: The points of each metric, in the order of the records.
        console: How often each line was printed, by stream.
        system: How often each system metric was sampled with a value, by name, time and value, as `exact` has it.
    """

    state: RunState
    points: dict[str, list[Point]] = field(default_factory=dict)
    console: Counter[tuple[str, str]] = field(default_factory=Counter)
    system: Counter[tuple[str, int, object]] = field(default_factory=Counter)

    @property
    def point_count(self) -> int:
        """How many points there are."""
        return sum(map(len, self.points.values()))


def snapshot(run_id: str, records: Iterable[Record]) -> Snapshot:
    """Read a run into a snapshot."""
    taken = Snapshot(RunState(run_id))
    for record in records:
        taken.state.apply(record)
        body = record.body
        if isinstance(body, Metrics):
            time, given = record.when, body.timestamp is not None
            for key, value in body.values.items():
                taken.points.setdefault(key, []).append(Point(body.step, time, value, given))
        elif isinstance(body, Console):
            taken.console[body.stream, body.text] += 1
        elif isinstance(body, System):
            taken.system.update((key, record.time, exact(value)) for key, value in body.values.items())
    return taken


def exact(value: Number) -> object:
    """Return a key that is equal for equal numbers alone: 1 is 1.0, NaN is NaN, -0.0 is not 0.0."""
    if value != value:  # noqa: PLR0124  NaN
        return "NaN"
    if value == 0:
        return "-0.0" if math.copysign(1, value) < 0 else 0
    return value
