"""A run's standing: starts and ends count by when they were written, however often and in whatever order they come."""

from __future__ import annotations

import itertools

import pytest

from tracklib.model.records import Metrics, Record, RunEnd, RunStart
from tracklib.model.run import RunInfo
from tracklib.model.standing import Standing

NEW = Standing.of(RunInfo("p", "r", "first", started=100, group="g"))
STORY = [
    Record("w1", 1, 100, RunStart("p", "first", "g")),
    Record("w1", 2, 200, RunEnd("failed", 1, "ValueError: x")),
    Record("w2", 1, 300, RunStart("p", "second", attempt=2)),
    Record("w2", 2, 400, RunEnd("finished", 0)),
]


def after(records):
    standing = NEW
    for record in records:
        standing = standing.after(record)
    return standing


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_the_latest_end_holds_in_every_order(order):
    """Whatever comes first, the run ends as its last process ended, once that has come."""
    standing = after([STORY[number] for number in order])
    assert (standing.status, standing.exit_code, standing.error, standing.ended) == ("finished", 0, None, 400)
    assert (standing.attempt, standing.name, standing.group, standing.started) == (2, "second", None, 100)
    assert standing.is_over


@pytest.mark.parametrize("count", range(5))
def test_what_comes_again_changes_nothing(count):
    """A resend of everything so far leaves the run as it stood."""
    told = STORY[:count]
    assert after([*told, *told]) == after(told)


def test_a_resumed_run_goes_on():
    """A start behind an end opens the run again, and forgets how the attempt before it ended."""
    standing = after(STORY[:3])
    assert (standing.status, standing.exit_code, standing.error, standing.ended) == ("running", None, None, None)
    assert not standing.is_over
    assert standing.after(Record("w2", 2, 350, Metrics({"x": 1.0}, 0))) == standing


def test_it_is_read_from_its_text() -> None:
    """What was written is read as it was; what a later version added is passed over; anything else is none."""
    held = Standing("p", "r", "n\u0000", 5, group="g", status="failed", exit_code=3, error="E", ended=7, resumed=6)
    assert Standing.read(held.text()) == held
    assert Standing.read(held.text()[:-1] + ',"later":1}') == held
    for text in ("", "{", "[]", "{}", '{"project": "p"}', "\ud800"):
        assert Standing.read(text) is None
