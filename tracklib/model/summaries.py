"""Summaries: the single values that stand for a metric's whole series."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias, cast, get_args

from tracklib.errors import BadValueError
from tracklib.typing import JSON, Number

__all__ = ["Aggregate", "Aggregates"]

Aggregate: TypeAlias = Literal["last", "min", "max", "mean", "best"]
"""``best`` is the smallest value, or with ``goal="maximize"`` the largest."""

_KNOWN: frozenset[str] = frozenset(get_args(Aggregate))


class _Series:
    __slots__ = ("count", "high", "last", "low", "maximize", "total", "wanted")

    def __init__(self) -> None:
        self.wanted: tuple[Aggregate, ...] = ()
        self.maximize = False
        self.last: Number | None = None
        self.low: Number = math.inf
        self.high: Number = -math.inf
        self.total = 0.0
        self.count = 0

    def add(self, value: Number) -> None:
        self.last = value
        if value != value:  # noqa: PLR0124  NaN: it is the last value, but no least, greatest or mean one
            return
        self.count += 1
        try:
            self.total += value
        except OverflowError:  # an integer beyond all floats
            self.total += math.inf if value > 0 else -math.inf
        if value < self.low or self.count == 1:
            self.low = value
        if value > self.high or self.count == 1:
            self.high = value

    def prepend(self, other: _Series) -> None:
        self.last = other.last if self.last is None else self.last
        self.total += other.total
        self.count += other.count
        self.low = min(other.low, self.low)
        self.high = max(other.high, self.high)

    def value(self, aggregate: Aggregate) -> Number | None:
        if aggregate == "last" or not self.count:
            return self.last if aggregate == "last" else None
        if aggregate == "mean":
            return self.total / self.count
        largest = aggregate == "max" or (aggregate == "best" and self.maximize)
        return self.high if largest else self.low


class Aggregates:
    """The aggregates that were asked for, kept up to date value by value.

    Every metric's series is followed, so that one may be asked for at any time.
    """

    def __init__(self) -> None:
        self._series: dict[str, _Series] = {}
        self._defined = False

    def __bool__(self) -> bool:
        """Tell whether any aggregate was asked for."""
        return self._defined

    def define(self, key: str, aggregates: Iterable[str], *, maximize: bool) -> None:
        """Ask for aggregates of a metric.

        Raises:
            BadValueError: An aggregate has another name than the five known.
        """
        wanted = tuple(aggregates)
        if unknown := sorted(set(wanted) - _KNOWN):
            raise BadValueError(f"expected aggregates among {', '.join(sorted(_KNOWN))}, got {unknown[0]!r}")
        series = self._series.setdefault(key, _Series())
        series.wanted, series.maximize = cast("tuple[Aggregate, ...]", wanted), maximize
        self._defined = True

    def update(self, values: Mapping[str, Number]) -> None:
        """Take in the values of one ``log()``."""
        for key, value in values.items():
            if (series := self._series.get(key)) is None:
                series = self._series[key] = _Series()
            series.add(value)

    def prepend(self, earlier: Aggregates) -> None:
        """Take in what was logged before all that was taken in so far."""
        for key, series in earlier._series.items():
            self._series.setdefault(key, _Series()).prepend(series)

    def values(self) -> dict[str, JSON]:
        """Return ``{"loss.min": 0.1, ...}`` for every metric that has a value."""
        return {
            f"{key}.{aggregate}": value
            for key, series in self._series.items()
            for aggregate in series.wanted
            if (value := series.value(aggregate)) is not None
        }
