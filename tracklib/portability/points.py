"""Comparing what grows with a run's length: points, system samples and printed lines, each as a multiset.

Both sides are read once, and only what differs is read again and named.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from tracklib.portability.comparison import DETAILED, Comparison, Difference
from tracklib.portability.curves import curves
from tracklib.portability.side import Side, Wanted
from tracklib.portability.surplus import Item, Surplus

__all__ = ["compare_points"]

_CURVES = 6


def compare_points(left: Side, right: Side, result: Comparison) -> None:
    """Compare two sides that were scanned."""
    result.counts["metrics"] = len(left.counts)
    result.counts["points"] = left.counts.total()
    result.counts["system"] = left.samples
    result.counts["console"] = left.lines
    points = left.differing(right)
    names = [key for key in {**left.counts, **right.counts} if key in points]
    wanted = Wanted(points, left.system.differing(right.system), left.console.differing(right.console), names[:_CURVES])
    if not (points or wanted.system or wanted.console):
        return
    with Surplus(names) as surplus:
        drawn = left.spill(wanted, surplus, 1), right.spill(wanted, surplus, -1)
        before = result.found.total()
        _tell_points(surplus.points(), result)
        _tell_lines(surplus, result)
        _tell_samples(surplus, result)
        result.curves = curves(*drawn, result.differences)
    if result.found.total() == before:
        _tell_change(wanted, result)


def _tell_points(items: Iterator[Item], result: Comparison) -> None:
    """Name each difference; points of one step are put side by side, in the order of their times."""
    for key, of_key in itertools.groupby(items, lambda item: item.key):
        added: list[Difference] = []
        more = 0
        for _, of_step in itertools.groupby(of_key, lambda item: item.same_step):
            for ours, theirs in _side_by_side(of_step):
                if ours is not None:
                    result.add(Difference("point", key, *_texts(ours, theirs), ours.step, ours.time))
                elif theirs is not None and len(added) < DETAILED:
                    added.append(Difference("point", key, None, theirs.shown, theirs.step, theirs.time))
                else:
                    more += 1
        for difference in added:
            result.add(difference)
        result.found["point"] += more


def _side_by_side(items: Iterator[Item]) -> Iterator[tuple[Item | None, Item | None]]:
    ours: list[Item] = []
    theirs: list[Item] = []
    for item in items:
        (ours if item.many > 0 else theirs).extend([item] * abs(item.many))
    return itertools.zip_longest(ours, theirs)


def _texts(ours: Item, theirs: Item | None) -> tuple[str, str | None]:
    """Write the values, and the times where only these differ."""
    if theirs is None:
        return ours.shown, None
    if ours.same_value == theirs.same_value:
        return f"{ours.shown} at {ours.time} ns", f"{theirs.shown} at {theirs.time} ns"
    return ours.shown, theirs.shown


def _tell_lines(surplus: Surplus, result: Comparison) -> None:
    for item in surplus.lines(1):
        result.add(Difference("console", item.key, f"{item.many} times {item.shown!r}", None))
    for item in surplus.lines(-1):
        result.add(Difference("console", item.key, None, f"{-item.many} times {item.shown!r}"))


def _tell_samples(surplus: Surplus, result: Comparison) -> None:
    for item in surplus.samples(1):
        for _ in range(item.many):
            result.add(Difference("system", item.key, item.shown, None, time=item.time))
    for item in surplus.samples(-1):
        for _ in range(-item.many):
            result.add(Difference("system", item.key, None, item.shown, time=item.time))


def _tell_change(wanted: Wanted, result: Comparison) -> None:
    """Say so where the second reading found nothing of what the first one had found: the run is changing."""
    for key in (*wanted.points, *wanted.system, *wanted.console):
        result.add(Difference("reading", key, "changed while it was compared", None))
