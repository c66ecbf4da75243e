"""`Side`: one side of a comparison, which is read once, and again where the other side differs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tracklib.model.records import Console, Metrics, Record, System
from tracklib.model.state import RunState
from tracklib.portability.fingerprint import Buckets, Fingerprint, bucket_of, bucket_of_text
from tracklib.portability.projection import Points, Projector
from tracklib.portability.surplus import Surplus
from tracklib.typing import Number

__all__ = ["Drawing", "Drawn", "Side", "Wanted"]

Drawn: TypeAlias = "dict[str, list[tuple[Number, Number]]]"
"""Some steps and values of metrics."""

_DRAWN = 300

Read: TypeAlias = Callable[[], Iterable[Record]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be read again.

    Attributes:
        drawn: Metrics of which some points are shown.
    """

    points: Buckets
    system: Buckets
    console: Buckets
    drawn: Sequence[str]


class Side:
    """One copy of a run, as it is expected at the other side.

    Attributes:
        state: What its records come to; its points, samples and lines are left aside.
        counts: How many points each metric has.
        samples: How many values of system metrics there are.
        lines: How many lines were printed.
    """

    def __init__(
        self,
        read: Read,
        projectors: Sequence[Projector] = (),
        *,
        state: RunState,
        is_folded: bool = False,
        alone: bool = False,
    ) -> None:
        """Prepare to read a run.

        Args:
            projectors: What its points and lines meet on their way to the other side.
            state: Takes in its records, unless it has done so.
            alone: Leave out what the run was surrounded by, system samples and printed lines.
        """
        self._read = read
        self._is_folded = is_folded
        self._projectors = projectors
        self._of_points = [projector for projector in projectors if not projector.is_exact]
        self._alone = alone
        self.state = state
        self.counts: Counter[str] = Counter()
        self.samples = self.lines = 0
        self.points, self.system, self.console = Fingerprint(), Fingerprint(), Fingerprint()

    def scan(self) -> None:
        """Read the run, and keep its state and its fingerprints."""
        apply = self.state.apply
        for record in self._read():
            body = record.body
            if isinstance(body, Metrics):
                self._count(body.values)
                if (points := self._expected(body, record.time)) is not None:
                    self.points.add(*points, bucket_of(points[1]))
            elif isinstance(body, System):
                self._sample(body, record.time)
            elif isinstance(body, Console):
                self._line(body)
            elif not self._is_folded:
                apply(record)
        # What is declared was counted: when it is read again, nobody counts.
        self._projectors = [Projector(projector.capabilities, Counter()) for projector in self._projectors]
        self._of_points = [projector for projector in self._projectors if not projector.is_exact]

    def _expected(self, body: Metrics, time: int) -> Points | None:
        given = body.timestamp is not None
        points: Points | None = (body.values, body.step, time if body.timestamp is None else body.timestamp)
        for projector in self._of_points:
            if points is not None:
                points = projector(points, given=given)
        return points

    def _count(self, values: Mapping[str, Number]) -> None:
        if len(values) == 1:
            (key,) = values
            self.counts[key] += 1
        else:
            self.counts.update(values.keys())

    def _sample(self, body: System, time: int) -> None:
        if not self._alone:
            self.samples += len(body.values)
            self.system.add(body.values, 0, time, bucket_of(time))

    def _line(self, body: Console) -> None:
        if not self._alone and (text := self._text(body.text)) is not None:
            self.lines += 1
            self.console.add_text(body.stream, text)

    def _text(self, text: str | None) -> str | None:
        for projector in self._projectors:
            if text:
                text = projector.text(text)
        return text

    def differing(self, other: Side) -> Buckets:
        """Return where the points of two sides differ."""
        return self.points.differing(other.points)

    def spill(self, wanted: Wanted, surplus: Surplus, sign: int) -> Drawn:
        """Read the run again, hand over what is wanted of it, and return the steps and values that a drawing shows.

        Args:
            sign: 1 on the left, -1 on the right.
        """
        drawing = Drawing(wanted.drawn, self.counts)
        self._spill(wanted, surplus, sign, drawing)
        return drawing.points

    def _spill(self, wanted: Wanted, surplus: Surplus, sign: int, drawing: Drawing) -> None:
        buckets = _by_bucket(wanted.points)
        for record in self._read():
            body = record.body
            if isinstance(body, Metrics):
                drawing.add(body)
                if (points := self._expected(body, record.time)) is not None:
                    values, step, time = points
                    for key in buckets.get(bucket_of(step), _NOTHING) & values.keys():
                        surplus.add_point(key, step, time, values[key], sign)
            elif isinstance(body, System):
                for key in body.values:
                    if bucket_of(record.time) in wanted.system.get(key, ()):
                        surplus.add_sample(key, record.time, body.values[key], sign)
            elif isinstance(body, Console) and body.stream in wanted.console:
                text = self._text(body.text)
                if text is not None and bucket_of_text(text) in wanted.console[body.stream]:
                    surplus.add_line(body.stream, text, sign)


_NOTHING: frozenset[str] = frozenset()


def _by_bucket(buckets: Buckets) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for key, numbers in buckets.items():
        for number in numbers:
            found.setdefault(number, set()).add(key)
    return found


class Drawing:
    """Takes every so-many-th point of some metrics.

    Attributes:
        points: Those that were taken.
    """

    def __init__(self, keys: Sequence[str], counts: Counter[str]) -> None:
        self._every = {key: max(1, math.ceil(counts[key] / _DRAWN)) for key in keys}
        self._seen: Counter[str] = Counter()
        self.points: Drawn = {key: [] for key in keys}

    def add(self, body: Metrics) -> None:
        """Take in the next points."""
        for key in self._every.keys() & body.values.keys():
            if self.chosen(key, 1):
                self.points[key].append((body.step, body.values[key]))

    def chosen(self, key: str, count: int) -> range:
        """Return which of the next so many points of a metric are taken."""
        seen, every = self._seen[key], self._every[key]
        self._seen[key] += count
        return range(-seen % every, count, every)
