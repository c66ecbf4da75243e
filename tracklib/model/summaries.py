"""Summaries: the single values that stand for a metric's whole series."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from tracklib.errors import BadValueError
from tracklib.typing import JSON, Number

__all__ = ["Aggregate", "Aggregates"]

Aggregate: TypeAlias = Literal["last", "min", "max", "mean", "best"]
"""``best`` is the smallest value, or with ``goal="maximize"`` the largest."""

_KNOWN: frozenset[str] = frozenset(get_args(Aggregate))


@dataclass(slots=True)
class _Series:
    wanted: tuple[Aggregate, ...]
    maximize: bool
    last: Number = 0
    low: Number = math.inf
    high: Number = -math.inf
    total: float = 0.0
    count: int = 0

    def add(self, value: Number) -> None:
        self.last = value
        if value != value:  # noqa: PLR0124  NaN: it is the last value, but no least, greatest or mean one
            return
        self.count += 1
        self.total += value
        self.low = min(self.low, value)
        self.high = max(self.high, value)

    def value(self, aggregate: Aggregate) -> Number:
        if aggregate == "last":
            return self.last
        if not self.count:
            return math.nan
        if aggregate == "mean":
            return self.total / self.count
        largest = aggregate == "max" or (aggregate == "best" and self.maximize)
        return self.high if largest else self.low


class Aggregates:
    """The aggregates that were asked for, kept up to date value by value."""

    def __init__(self) -> None:
        self._series: dict[str, _Series] = {}

    def __bool__(self) -> bool:
        return bool(self._series)

    def define(self, key: str, aggregates: Iterable[str], *, maximize: bool) -> None:
        """Ask for aggregates of a metric from now on.

        Raises:
            BadValueError: An aggregate has another name than the five known.
        """
        wanted = tuple(aggregates)
        if unknown := sorted(set(wanted) - _KNOWN):
            raise BadValueError(f"expected aggregates among {', '.join(sorted(_KNOWN))}, got {unknown[0]!r}")
        self._series.setdefault(key, _Series((), maximize)).wanted = wanted  # type: ignore[assignment]  # just checked
        self._series[key].maximize = maximize

    def update(self, values: Mapping[str, Number]) -> None:
        """Take in the values of one ``log()``."""
        for key, series in self._series.items():
            if key in values:
                series.add(values[key])

    def values(self) -> dict[str, JSON]:
        """Return ``{"loss.min": 0.1, ...}`` for every metric that has a value."""
        return {
            f"{key}.{aggregate}": series.value(aggregate)
            for key, series in self._series.items()
            for aggregate in series.wanted
            if series.count or aggregate == "last"
        }
