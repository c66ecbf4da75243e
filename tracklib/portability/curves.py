"""Curves: the metrics in which two copies of a run differ, thinned out for a drawing."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from tracklib.portability.compare import Difference
from tracklib.portability.snapshot import Point, Snapshot

__all__ = ["Curve", "curves"]

_CURVES = 6
_POINTS = 300


@dataclass(frozen=True, slots=True)
class Curve:
    """One metric on both sides.

    Attributes:
        a, b: Steps and values, finite ones, at most some hundreds.
        first: The first differing point.
        others: How many points more differ.
    """

    key: str
    a: list[tuple[float, float]]
    b: list[tuple[float, float]]
    first: Difference
    others: int


def curves(left: Snapshot, right: Snapshot, differences: Iterable[Difference]) -> list[Curve]:
    """Return the first few metrics that differ."""
    found: dict[str, list[Difference]] = {}
    for difference in differences:
        if difference.kind == "point":
            found.setdefault(difference.key, []).append(difference)
    return [
        Curve(
            key,
            _thinned(left.points.get(key, [])),
            _thinned(right.points.get(key, [])),
            min(differing, key=lambda item: float(item.step or 0)),
            len(differing) - 1,
        )
        for key, differing in list(found.items())[:_CURVES]
    ]


def _thinned(points: list[Point]) -> list[tuple[float, float]]:
    every = max(1, math.ceil(len(points) / _POINTS))
    chosen = sorted((point.step, point.value) for point in points[::every] if math.isfinite(point.value))
    return [(float(step), float(value)) for step, value in chosen if abs(value) < 1e300 and abs(step) < 1e300]
