"""Projections: what a place is to give back for the points of a run, as its capabilities declare."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from tracklib.backends.capabilities import Capabilities, Feature
from tracklib.portability.fingerprint import bits
from tracklib.typing import Number, Step

__all__ = ["Points", "Projector"]

Points: TypeAlias = "tuple[Mapping[str, Number], Step, int]"
"""Values of one step and time."""

_OF_VALUES = (
    Feature.METRIC_FINITE,
    Feature.METRIC_NAN,
    Feature.METRIC_INFINITE,
    Feature.METRIC_NEGATIVE_ZERO,
    Feature.METRIC_LARGE_INT,
)
_OF_STEPS = (Feature.STEP_NEGATIVE, Feature.STEP_FRACTIONAL, Feature.STEP_LARGE)
_OF_TIMES = (Feature.TIME_OF_POINT, Feature.TIME_OF_CALLER)


class Projector:
    """Says what a place gives back for points and lines, and counts under the declared reasons what that changes."""

    __slots__ = ("_exact_values", "_of", "capabilities", "declared", "is_exact")

    def __init__(self, capabilities: Capabilities, declared: Counter[str]) -> None:
        self.capabilities = capabilities
        self.declared = declared
        self._of = capabilities.of
        self._exact_values = self._holds(*_OF_VALUES)
        self.is_exact = self._exact_values and self._holds(*_OF_STEPS, *_OF_TIMES)

    def __call__(self, points: Points, *, given: bool) -> Points | None:
        """Return what comes back for points; ``None`` where none does.

        Args:
            given: Whether the caller gave their time.
        """
        values, step, time = points
        when = self._back(Feature.TIME_OF_CALLER if given else Feature.TIME_OF_POINT, time, len(values))
        if when is None:
            return None
        if not self._exact_values:
            values = {key: back for key, value in values.items() if (back := self._value(value)) is not None}
        at: Any = step
        for feature in _features_of_step(step):
            at = self._back(feature, at, len(values))
            if at is None:
                return None
        return (values, at, when) if values else None

    def text(self, text: str) -> str | None:
        """Return what comes back for a printed line; ``None`` where none is held."""
        back: str | None = self._back(Feature.CONSOLE, text, 1)
        return back

    def _holds(self, *features: Feature) -> bool:
        return all(self._of(feature).kind == "exact" for feature in features)

    def _value(self, value: Number) -> Number | None:
        back: Number | None = self._back(_feature_of_value(value), value, 1)
        return back

    def _back(self, feature: Feature, value: Any, count: int) -> Any:
        """Return what comes back for a number or text; ``None`` where it is not held."""
        fidelity = self._of(feature)
        if fidelity.kind == "exact":
            return value
        back = fidelity.projection(value) if fidelity.projection is not None else None
        if back is None or not _is_same(back, value):
            self.declared[fidelity.reason] += count
        return back


def _is_same(a: Any, b: Any) -> bool:
    is_float = isinstance(a, float) or isinstance(b, float)
    return bits(a) == bits(b) if is_float else bool(a == b)


def _features_of_step(step: Step) -> Iterator[Feature]:
    if step < 0:
        yield Feature.STEP_NEGATIVE
    if isinstance(step, float) and not step.is_integer():
        yield Feature.STEP_FRACTIONAL
    if not -(2**63) <= step < 2**63:
        yield Feature.STEP_LARGE


def _feature_of_value(value: Number) -> Feature:
    if value != value:  # noqa: PLR0124  NaN
        return Feature.METRIC_NAN
    if isinstance(value, int):
        return Feature.METRIC_LARGE_INT if abs(value) > 2**53 else Feature.METRIC_FINITE
    if math.isinf(value):
        return Feature.METRIC_INFINITE
    negative_zero = value == 0 and math.copysign(1, value) < 0
    return Feature.METRIC_NEGATIVE_ZERO if negative_zero else Feature.METRIC_FINITE
