"""State: what a run has come to, folded from its records."""

from __future__ import annotations

import re

import pytest

from tracklib.model import records as r
from tracklib.model.query import RunQuery
from tracklib.model.run import RunInfo, new_run_id
from tracklib.model.state import fold


def run_of(*bodies: r.Body) -> object:
    """Return the state after bodies that were recorded one nanosecond apart."""
    return fold("id", (r.Record("w", seq, 100 + seq, body) for seq, body in enumerate(bodies, 1)))


def test_every_kind_of_record_counts_where_it_belongs() -> None:
    """Each kind changes its own part of the state, later values winning."""
    image = r.Media("img", 0, "image/png", r.FileRef("a.png", 1, "0" * 64))
    model = r.Artifact("m", "model", ())
    state = run_of(
        r.RunStart("p", "n", "g", "j", "q", 1, {"host": "h"}),
        r.Context({"git": {"commit": "c"}, "x": 1}),
        r.Context({"git": {"commit": "d"}}),
        r.Params({"a": {"x": 1, "y": 2}}),
        r.Params({"a": {"y": 3}, "b": 4}),
        r.Metrics({"loss": 1.0, "acc": 0.5}, 0),
        r.Metrics({"loss": 0.5}, 1),
        r.Tags({"dev": "", "team": "v"}),
        r.Tags({"dev": None, "never": None}),
        r.Notes("old"),
        r.Notes("new"),
        r.Summary({"best": 1}),
        r.Summary({"best": 2}),
        model,
        image,
        r.Console("stdout", "hi"),
        r.Notice("refused", "x"),
        r.Unknown("hologram", {"a": 1}),
        r.RunEnd("failed", 3, "boom"),
    )
    assert (state.params, state.last, state.points) == (
        {"a": {"x": 1, "y": 3}, "b": 4},
        {"loss": 0.5, "acc": 0.5},
        {"loss": 2, "acc": 1},
    )
    assert (state.tags, state.notes, state.summary) == ({"team": "v"}, "new", {"best": 2})
    assert state.context == {"host": "h", "git": {"commit": "d"}, "x": 1}
    assert (state.artifacts, state.media, state.console, state.notices) == (
        [model],
        [image],
        1,
        [r.Notice("refused", "x")],
    )
    assert (state.status, state.exit_code, state.error, state.records) == ("failed", 3, "boom", 19)
    assert state.info() == RunInfo("p", "id", "n", "failed", 101, 119, "g", "j", "q", 1)


def test_a_resumed_run_runs_again() -> None:
    """A later attempt takes over the identity and opens the run again; it began when its first attempt did."""
    state = run_of(r.RunStart("p", "first"), r.RunEnd("crashed"), r.RunStart("p", "second", attempt=2))
    assert state.info() == RunInfo("p", "id", "second", "running", 101, None, attempt=2)
    assert (state.exit_code, state.error) == (None, None)


def test_a_run_without_records_is_nobody() -> None:
    """Of a run whose every record is lost nothing is invented."""
    assert run_of().info() == RunInfo("", "id", "", "running", 0, None, attempt=1)


def test_run_ids_are_random_and_plain() -> None:
    """An id is 12 lower-case letters and digits, which every vendor takes, and does not come twice."""
    ids = {new_run_id() for _ in range(2000)}
    assert len(ids) == 2000
    assert all(re.fullmatch("[0-9a-z]{12}", found) for found in ids)
    assert len({found[-1] for found in ids}) > 20


@pytest.mark.parametrize(
    ("query", "selected"),
    [
        (RunQuery(), True),
        (RunQuery(project="p", id="i", name="n", status="failed", place="x"), True),
        (RunQuery(project="q"), False),
        (RunQuery(id="I"), False),
        (RunQuery(status="finished"), False),
        (RunQuery(place="y"), False),
        (RunQuery(since=10, until=11), True),
        (RunQuery(since=11), False),
        (RunQuery(until=10), False),
    ],
)
def test_a_query_selects_by_all_its_conditions(query: RunQuery, selected: object) -> None:
    """Every condition must hold; the end of a span of time is not in it."""
    assert query.matches(RunInfo("p", "i", "n", "failed", 10, place="x")) is selected
