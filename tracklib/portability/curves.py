"""Curves: the metrics in which two copies of a run differ, thinned out for a drawing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tracklib.portability.comparison import Curve, Difference
from tracklib.typing import Number

if TYPE_CHECKING:
    from tracklib.portability.side import Drawn

__all__ = ["curves"]


def curves(left: Drawn, right: Drawn, differences: Iterable[Difference]) -> list[Curve]:
    """Return the metrics that are drawn, each with the first difference."""
    found: dict[str, list[Difference]] = {}
    for difference in differences:
        if difference.kind == "point" and difference.key in left:
            found.setdefault(difference.key, []).append(difference)
    return [
        Curve(
            key,
            _drawable(left[key]),
            _drawable(right[key]),
            min(differing, key=lambda item: float(item.step or 0)),
            len(differing) - 1,
        )
        for key, differing in found.items()
    ]


def _drawable(points: Iterable[tuple[Number, Number]]) -> list[tuple[float, float]]:
    chosen = sorted((step, value) for step, value in points if _is_drawable(step) and _is_drawable(value))
    return [(float(step), float(value)) for step, value in chosen]


def _is_drawable(number: Number) -> bool:
    return -1e300 < number < 1e300
