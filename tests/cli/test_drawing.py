"""Envelopes, sparklines and plots: what a picture of a series must show."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracklib.cli.envelope import Bucket, Envelope, drawable, fraction
from tracklib.cli.plot import Canvas, plot
from tracklib.cli.sparkline import sparkline

FLOATS = st.floats(allow_nan=True, allow_infinity=True)


def envelope(values: list[float], capacity: int = 16) -> Envelope:
    made = Envelope(capacity)
    for value in values:
        made.add(value)
    return made


@given(st.lists(FLOATS, max_size=300), st.integers(1, 40))
def test_no_extreme_is_lost(values: list[float], width: int) -> None:
    """However a series is condensed, its least and greatest finite value and all counts are kept, in order."""
    buckets = envelope(values).resample(width)
    finite = [value for value in values if math.isfinite(value)]
    assert len(buckets) <= width
    assert min((b.low for b in buckets), default=math.inf) == min(finite, default=math.inf)
    assert max((b.high for b in buckets), default=-math.inf) == max(finite, default=-math.inf)
    assert sum(b.finite for b in buckets) == len(finite)
    assert sum(b.others for b in buckets) == len(values) - len(finite)
    assert all(b.low <= b.mean <= b.high for b in buckets if b.finite)


def test_memory_is_bounded() -> None:
    """A long series takes no more buckets than a short one."""
    made = envelope([float(i) for i in range(10_000)], capacity=16)
    assert 8 <= len(made.buckets) <= 16
    assert [b.low for b in made.buckets] == sorted(b.low for b in made.buckets)


@given(st.lists(FLOATS, max_size=300), st.integers(1, 40))
def test_a_sparkline_fits_and_takes_any_value(values: list[float], width: int) -> None:
    """A line is never longer than asked, and is empty for an empty series alone."""
    line = sparkline(envelope(values), width)
    assert len(line) <= width
    assert bool(line) is bool(values)
    assert set(line) <= set("▁▂▃▄▅▆▇█x")


@given(count=st.integers(2, 400), data=st.data(), up=st.booleans())
def test_a_single_spike_is_seen(count: int, data: st.DataObject, *, up: bool) -> None:
    """One value that stands out among many, up or down, anywhere, is drawn at full height, and alone."""
    at = data.draw(st.integers(0, count - 1))
    values = [5.0] * count
    values[at] = 9.0 if up else 1.0
    line = sparkline(envelope(values), 12)
    usual, spike = ("▁", "█") if up else ("█", "▁")
    assert line.count(spike) == 1
    assert set(line) - {spike} <= {usual}
    place = at * len(line) // count
    assert abs(line.index(spike) - place) <= 1


def test_sparklines_of_known_series() -> None:
    """A rise is a staircase, a constant a level line, and NaN a gap that is marked."""
    assert sparkline(envelope([0, 1, 2, 3, 4, 5, 6, 7]), 8) == "▁▂▃▄▅▆▇█"
    assert sparkline(envelope([3, 3, 3]), 8) == "▄▄▄"
    assert sparkline(envelope([0, math.nan, 1, math.inf]), 8) == "▁x█x"
    assert sparkline(envelope([]), 8) == ""
    assert sparkline(envelope([0, 7]), 8, ascii_only=True) == "_#"
    assert sparkline(envelope([-1.7e308, 1.7e308]), 8) == "▁█"


def test_numbers_beyond_floats_can_be_drawn() -> None:
    """An integer beyond all floats is drawn as the largest one, on its side of zero."""
    assert drawable(10**400) == -drawable(-(10**400)) == 1.7976931348623157e308
    assert fraction(0.0, -1.7e308, 1.7e308) == 0.5
    assert Bucket().mean != 0


def test_a_plot_shows_shape_and_labels() -> None:
    """A falling line begins at the upper left and ends at the lower right; axes name the ends of both ranges."""
    lines = plot(((i, 100 - i) for i in range(101)), (0, 100), width=40, height=12)
    assert len(lines) == 12
    assert all(len(line) <= 40 for line in lines)
    assert lines[0].split("│")[0].strip() == "100"
    assert lines[9].split("│")[0].strip() == "0"
    assert lines[0].split("│")[1].startswith(("⠑", "⠙", "⢄", "⠢", "⠉", "⠈"))
    assert lines[9].rstrip()[-1] != "│"
    assert len(lines[9].rstrip()) == 40
    assert lines[10].strip() == "└" + "─" * 27
    assert lines[11].split() == ["0", "step", "100"]


def dots(lines: list[str]) -> set[tuple[int, int]]:
    """Return column and row, from the top, of each mark of an ASCII plot."""
    rows = [line.partition("|")[2] for line in lines if "|" in line]
    return {(x, y) for y, row in enumerate(rows) for x, char in enumerate(row) if char == "*"}


@given(st.lists(st.tuples(st.integers(-50, 50), FLOATS), min_size=1, max_size=80))
def test_a_plot_reaches_both_extremes(points: list[tuple[int, float]]) -> None:
    """The greatest value touches the top row, the least the bottom row, and nothing is drawn of NaN and infinities."""
    steps = [step for step, _ in points]
    lines = plot(points, (min(steps), max(steps)), width=40, height=12, ascii_only=True)
    finite = [value for _, value in points if math.isfinite(value)]
    rows = {y for _, y in dots(lines)}
    if not finite:
        assert rows == set()
    elif max(finite) > min(finite):
        assert {0, 9} <= rows
    else:
        assert len(rows) == 1


def test_points_out_of_order_stand_at_their_step() -> None:
    """A late point is drawn over its own step."""
    ordered = plot([(0, 0.0), (5, 9.0), (10, 1.0)], (0, 10), width=40, height=12, ascii_only=True)
    late = plot([(10, 1.0), (0, 0.0), (5, 9.0)], (0, 10), width=40, height=12, ascii_only=True)
    assert ordered == late


def test_nan_interrupts_the_line() -> None:
    """Between two values, a NaN leaves a gap."""
    joined = dots(plot([(0, 0.0), (10, 9.0)], (0, 10), width=40, height=12, ascii_only=True))
    parted = dots(plot([(0, 0.0), (5, math.nan), (10, 9.0)], (0, 10), width=40, height=12, ascii_only=True))
    assert len(joined) > len(parted) == 2


def test_a_single_point_is_a_dot() -> None:
    """One point is one mark, in the middle of its height."""
    lines = plot([(7, 3.5)], (7, 7), width=40, height=12, ascii_only=True)
    assert len(dots(lines)) == 1
    assert "step 7" in lines[-1]
    assert [line.split("|")[0].strip() for line in lines if "|" in line and line.split("|")[0].strip()] == ["3.5"]


@pytest.mark.parametrize(
    ("x", "y", "char"), [(0, 0, "⡀"), (1, 0, "⢀"), (0, 3, "⠁"), (1, 3, "⠈"), (1, 1, "⠠"), (0, 2, "⠂")]
)
def test_each_dot_of_a_braille_character(x: int, y: int, char: str) -> None:
    """The dots of one character are where Unicode says."""
    canvas = Canvas(1, 1)
    canvas.dot(x, y)
    assert canvas.lines() == [char]
