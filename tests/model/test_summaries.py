"""Summaries: the values that stand for a metric's whole series."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracklib.errors import BadValueError
from tracklib.model.summaries import Aggregates
from tracklib.model.trees import same

ALL = ("last", "min", "max", "mean", "best")


def summed(values: list[float], *aggregates: str, maximize: bool = False) -> dict[str, object]:
    """Return the aggregates of a series, without the key in their names."""
    found = Aggregates()
    found.define("m", aggregates, maximize=maximize)
    for value in values:
        found.update({"m": value, "other": 1.0})
    return {key.removeprefix("m."): value for key, value in found.values().items()}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3, 1, 2], {"last": 2, "min": 1, "max": 3, "mean": 2.0, "best": 1}),
        ([0.5], {"last": 0.5, "min": 0.5, "max": 0.5, "mean": 0.5, "best": 0.5}),
        ([1.0, math.nan], {"last": math.nan, "min": 1.0, "max": 1.0, "mean": 1.0, "best": 1.0}),
        (
            [math.inf, -math.inf],
            {"last": -math.inf, "min": -math.inf, "max": math.inf, "mean": math.nan, "best": -math.inf},
        ),
        ([math.nan], {"last": math.nan}),
        ([], {}),
        ([2**60 + 1, 2**60], {"last": 2**60, "min": 2**60, "max": 2**60 + 1, "mean": 2.0**60, "best": 2**60}),
        ([10**400, 1], {"last": 1, "min": 1, "max": 10**400, "mean": math.inf, "best": 1}),
    ],
    ids=str,
)
def test_aggregates_of_a_series(values: list[float], expected: dict) -> None:
    """Each aggregate is exact; NaN is a last value only, and a metric without a value has no summary."""
    assert same(summed(values, *ALL), expected)


def test_best_follows_the_goal() -> None:
    """The best value is the smallest, or the largest where that is the goal."""
    assert summed([1, 3, 2], "best", maximize=True) == {"best": 3}
    assert summed([1, 3, 2], "best") == {"best": 1}


@given(st.lists(st.floats(allow_nan=False) | st.integers(-(2**70), 2**70), min_size=1))
def test_extremes_are_values_of_the_series(values: list[float]) -> None:
    """Least and greatest are what Python's own ``min`` and ``max`` find, whatever the order."""
    found = summed(values, "min", "max", "last")
    assert (found["min"], found["max"], found["last"]) == (min(values), max(values), values[-1])


@pytest.mark.parametrize("wrong", ["median", "Min", ""])
def test_an_unknown_aggregate_is_refused(wrong: str) -> None:
    """A name other than the five is refused with the five, and what was defined before still holds."""
    found = Aggregates()
    found.define("m", ["max"], maximize=False)
    with pytest.raises(BadValueError, match=f"expected aggregates among best, last, max, mean, min, got {wrong!r}"):
        found.define("m", ["min", wrong], maximize=True)
    found.update({"m": 1})
    assert found.values() == {"m.max": 1}


@given(st.lists(st.integers(-9, 9) | st.just(math.nan)), st.lists(st.integers(-9, 9)))
def test_what_came_before_can_be_added_later(before: list[float], after: list[float]) -> None:
    """Two parts of a series, put together, give the aggregates of the whole."""
    earlier, later = Aggregates(), Aggregates()
    later.define("m", ALL, maximize=True)
    for found, values in ((earlier, before), (later, after)):
        for value in values:
            found.update({"m": value})
    later.prepend(earlier)
    whole = {f"m.{key}": value for key, value in summed([*before, *after], *ALL, maximize=True).items()}
    assert same(later.values(), whole)


def test_a_metric_may_be_defined_late() -> None:
    """Once any metric is defined, every series is followed, so that a later definition sees all of its own."""
    found = Aggregates()
    found.define("a", ["max"], maximize=False)
    found.update({"a": 1, "b": 5})
    found.update({"b": 2})
    found.define("b", ["max", "last"], maximize=False)
    assert found.values() == {"a.max": 1, "b.max": 5, "b.last": 2}
