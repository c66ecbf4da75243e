"""Quantities: what people may write, and what is written for them."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracklib.cli import quantities as q
from tracklib.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1.5m", 90), ("12h", 43200), ("7d", 604800), (" 2 W ", 1209600), ("0s", 0)]
)
def test_durations(text: str, seconds: float) -> None:
    """A duration is a number and a unit."""
    assert q.duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "count"), [("10GB", 10**10), ("1.5kb", 1500), ("2GiB", 2**31), ("7B", 7), ("1 TiB", 2**40)]
)
def test_sizes(text: str, count: int) -> None:
    """Units of 1000 and of 1024 are told apart."""
    assert q.size(text) == count


@pytest.mark.parametrize("text", ["", "d", "7", "-7d", "7 years", "1e3s", "nan", "7d7d"])
def test_no_duration(text: str) -> None:
    """Anything else is refused by what was expected and what came."""
    with pytest.raises(UsageError, match="expected a time such as"):
        q.duration(text)


def test_timeouts() -> None:
    """A timeout may go without a unit, and may be endless."""
    assert (q.timeout("30"), q.timeout("5m"), q.timeout("inf"), q.timeout("0")) == (30, 300, math.inf, 0)


def test_moments() -> None:
    """A moment is so long ago, or a date in local time."""
    assert abs(q.moment("1h") - (time.time_ns() - 3600 * 10**9)) < 10**9
    assert q.moment("2026-11-23") == int(time.mktime((2026, 11, 23, 0, 0, 0, 0, 0, -1))) * 10**9
    with pytest.raises(UsageError, match="got 'yesterday'"):
        q.moment("yesterday")


@given(st.integers(0, 4102444800 * 10**9))
def test_times_for_programs_are_exact(nanoseconds: int) -> None:
    """A time in ISO 8601 gives its nanoseconds back."""
    text = q.iso_time(nanoseconds)
    assert text is not None
    whole, _, rest = text.removesuffix("Z").partition(".")
    import calendar

    assert calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) * 10**9 + int(rest) == nanoseconds


@pytest.mark.parametrize("nanoseconds", [-(10**30), 10**30, 0])
def test_any_time_can_be_written(nanoseconds: int) -> None:
    """A clock that was far off breaks nothing."""
    assert q.local_time(nanoseconds)
    assert q.iso_time(nanoseconds)
    assert q.iso_time(None) is None


@given(st.one_of(st.floats(), st.integers(), st.integers(10**400, 10**401)))
def test_any_number_can_be_written(value: float) -> None:
    """A metric's value takes 13 characters at most, whatever it is."""
    assert 1 <= len(q.number_text(value)) <= 13


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (59.94, "59.9 s"), (61, "1 min 01 s"), (3660, "1 h 01 min"), (90000, "1 d 01 h"), (-5, "0.0 s")],
)
def test_durations_for_people(seconds: float, text: str) -> None:
    """Two units, the larger one first."""
    assert q.duration_text(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2.5e9, "2.5 GB"), (7e15, "7000.0 TB")]
)
def test_sizes_for_people(count: float, text: str) -> None:
    """Decimal units, one digit."""
    assert q.bytes_text(count) == text


def test_plurals() -> None:
    """One thing is singular; thousands are grouped."""
    assert [q.plural(1, "run"), q.plural(2345, "run"), q.plural(0, "entry", "entries")] == [
        "1 run",
        "2,345 runs",
        "0 entries",
    ]
