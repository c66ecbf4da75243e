"""Comparing points: each metric as a multiset of (step, time, value)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeAlias

from tracklib.backends.capabilities import Capabilities, Feature
from tracklib.portability.snapshot import Point, Snapshot, exact
from tracklib.typing import Number

if TYPE_CHECKING:
    from tracklib.portability.compare import Comparison

__all__ = ["compare_points", "projected"]

_Key: TypeAlias = "tuple[object, int, object]"


def compare_points(left: Snapshot, right: Snapshot, capabilities: Capabilities, result: Comparison) -> None:
    """Compare all points of two snapshots."""
    result.counts["metrics"] = len(left.points)
    result.counts["points"] = left.point_count
    for key in [*left.points, *(key for key in right.points if key not in left.points)]:
        expected = [projected(point, capabilities, result.declared) for point in left.points.get(key, [])]
        ours = _by_key([point for point in expected if point is not None])
        theirs = _by_key(right.points.get(key, []))
        if ours.keys() != theirs.keys() or any(len(ours[k]) != len(theirs[k]) for k in ours):
            _report(key, _surplus(ours, theirs), _surplus(theirs, ours), result)


def _by_key(points: list[Point]) -> dict[_Key, list[Point]]:
    groups: dict[_Key, list[Point]] = {}
    for point in points:
        groups.setdefault((exact(point.step), point.time, exact(point.value)), []).append(point)
    return groups


def _surplus(a: dict[_Key, list[Point]], b: dict[_Key, list[Point]]) -> list[Point]:
    """Return the points that one side has and the other has not, or has fewer of."""
    return [point for key, points in a.items() for point in points[len(b.get(key, ())) :]]


def _report(key: str, ours: list[Point], theirs: list[Point], result: Comparison) -> None:
    """Name each difference; points of one step are put side by side, in the order of their times."""
    from tracklib.portability.compare import Difference

    ours.sort(key=lambda point: (point.step, point.time))
    others: dict[object, list[Point]] = {}
    for point in sorted(theirs, key=lambda point: (point.step, point.time)):
        others.setdefault(exact(point.step), []).append(point)
    for point in ours:
        rivals = others.get(exact(point.step))
        rival = rivals.pop(0) if rivals else None
        left, right = _texts(point, rival)
        result.add(Difference("point", key, left, right, str(point.step), point.time))
    for point in (point for rivals in others.values() for point in rivals):
        result.add(Difference("point", key, None, repr(point.value), str(point.step), point.time))


def _texts(point: Point, rival: Point | None) -> tuple[str, str | None]:
    """Write the values, and the times where only these differ."""
    if rival is None:
        return repr(point.value), None
    if exact(point.value) == exact(rival.value):
        return f"{point.value!r} at {point.time} ns", f"{rival.value!r} at {rival.time} ns"
    return repr(point.value), repr(rival.value)


def projected(point: Point, capabilities: Capabilities, declared: Counter[str]) -> Point | None:
    """Return what the backend is to give back for a point, counting what changes; ``None`` where it is not held."""
    value, step, time = point.value, point.step, point.time
    for feature in _features(point):
        fidelity = capabilities.of(feature)
        if fidelity.kind == "exact":
            continue
        if fidelity.projection is None:
            declared[fidelity.reason] += 1
            return None
        name = feature.name
        before = (value, step, time)
        if name.startswith("TIME"):
            time = fidelity.projection(time)
        elif name.startswith("STEP"):
            step = fidelity.projection(step)
        else:
            value = fidelity.projection(value)
        if (exact(value), exact(step), time) != (exact(before[0]), exact(before[1]), before[2]):
            declared[fidelity.reason] += 1
    return Point(step, time, value, point.given)


def _features(point: Point) -> Iterator[Feature]:
    yield Feature.TIME_OF_CALLER if point.given else Feature.TIME_OF_POINT
    yield _value_feature(point.value)
    step = point.step
    if step < 0:
        yield Feature.STEP_NEGATIVE
    if isinstance(step, float) and not step.is_integer():
        yield Feature.STEP_FRACTIONAL
    if not -(2**63) <= step < 2**63:
        yield Feature.STEP_LARGE


def _value_feature(value: Number) -> Feature:
    if value != value:  # noqa: PLR0124  NaN
        return Feature.METRIC_NAN
    if isinstance(value, int):
        return Feature.METRIC_LARGE_INT if abs(value) > 2**53 else Feature.METRIC_FINITE
    if math.isinf(value):
        return Feature.METRIC_INFINITE
    negative_zero = value == 0 and math.copysign(1, value) < 0
    return Feature.METRIC_NEGATIVE_ZERO if negative_zero else Feature.METRIC_FINITE
