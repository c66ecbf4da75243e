"""A run: what each method records, what it refuses by name, and how a run goes on after a resume."""

from __future__ import annotations

import math
import signal
import time

import pytest

import tracklib
from tracklib.errors import BadValueError, RunStateError, UsageError
from tracklib.journal.glance import glance
from tracklib.model.records import Metrics, Notes, Notice, Params, RunEnd, RunStart, Summary, Tags
from tracklib.model.state import fold
from tracklib.tracking.endings import Ending, endings
from tracklib.tracking.observing import _helper

BIG = 2**70


def logged(bodies, run) -> list[tuple[object, dict]]:
    return [(body.step, dict(body.values)) for body in bodies(Metrics, run=run)]


# -- params, tags, notes, summary


def test_params_nest_and_merge(bodies) -> None:
    """A second call merges key by key into the first, both stay on record, and ``config`` shows the whole."""
    run = tracklib.init("p", config={"lr": 0.1, "model": {"depth": 4, "act": "relu"}, "sizes": [1, 2]})
    run.log_params({"model": {"depth": 5}, "sizes": [3], "seed": BIG})
    whole = {"lr": 0.1, "model": {"depth": 5, "act": "relu"}, "sizes": [3], "seed": BIG}
    assert run.config == whole
    assert [body.values for body in bodies(Params, run=run)] == [
        {"lr": 0.1, "model": {"depth": 4, "act": "relu"}, "sizes": [1, 2]},
        {"model": {"depth": 5}, "sizes": [3], "seed": BIG},
    ]


def test_config_is_a_copy() -> None:
    """Changing what ``config`` gave, or what was given, changes no param."""
    given = {"a": {"b": 1}}
    run = tracklib.init("p", config=given)
    given["a"]["b"] = 2
    run.config["c"] = 3
    assert run.config == {"a": {"b": 1}}


@pytest.mark.parametrize(
    ("tags", "recorded"),
    [
        (["dev", "dev"], {"dev": ""}),
        (("a", "b"), {"a": "", "b": ""}),
        ({"x"}, {"x": ""}),
        ((t for t in ("a", "b")), {"a": "", "b": ""}),
        ({"team": "vision", "fold": 3}, {"team": "vision", "fold": "3"}),
        ({"gone": None}, {"gone": None}),
    ],
    ids=["list", "tuple", "set", "iterator", "mapping", "removal"],
)
def test_tags_come_in_many_forms(bodies, tags, recorded) -> None:
    """Lists, sets, iterators and mappings are tags; values become text, and None stays the mark of a removal."""
    run = tracklib.init("p")
    run.set_tags(tags)
    assert [body.values for body in bodies(Tags, run=run)] == [recorded]


def test_what_is_no_tag_is_refused(bodies, capfd) -> None:
    """A text, a number and an empty name are no tags: the first is told how it is written, good neighbours stay."""
    run = tracklib.init("p")
    run.set_tags("dev")
    run.set_tags(5)
    run.set_tags({"": "x", "ok": "y"})
    assert [body.values for body in bodies(Tags, run=run)] == [{"ok": "y"}]
    assert "write ['dev']" in capfd.readouterr().err
    assert [body.code for body in bodies(Notice, run=run)] == ["refused"] * 3


def test_notes_and_summary(bodies) -> None:
    """Notes are text; a summary is set like a dict, keeps NaN, and cannot be deleted."""
    run = tracklib.init("p", notes="first")
    run.set_notes("second")
    run.set_notes(5)
    run.summary["best"] = 0.5
    run.summary.update(worst=math.inf, table=[1, {"a": None}])
    with pytest.raises(TypeError, match="cannot be deleted"):
        del run.summary["best"]
    assert (run.summary["best"], list(run.summary), len(run.summary)) == (0.5, ["best", "worst", "table"], 3)
    assert [body.text for body in bodies(Notes, run=run)] == ["first", "second"]
    assert [body.values for body in bodies(Summary, run=run)] == [
        {"best": 0.5},
        {"worst": math.inf},
        {"table": [1, {"a": None}]},
    ]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda run: run.log({"": 1.0, 5: 2.0, "a": 3.0}), "a text that is not empty, got str ''"),
        (lambda run: run.log([1.0]), "expected a mapping of names to numbers or media, got list"),
        (lambda run: run.log({"a": 1.0}, step=math.nan), "expected a step that is an int or a finite float"),
        (lambda run: run.log({"a": 1.0}, step="3"), "expected a step that is an int or a finite float, got str '3'"),
        (lambda run: run.log({"a": 1.0}, timestamp="now"), "expected a timestamp in seconds since 1970, got str 'now'"),
        (lambda run: run.log_params([1]), "expected a mapping of params, got list [1]"),
        (lambda run: run.define_metric("a", summary="median"), "got 'median'"),
        (lambda run: run.define_metric("a", goal="up"), "expected goal 'minimize' or 'maximize', got 'up'"),
        (lambda run: run.set_notes(3), "expected text, got int 3"),
        (lambda run: run.finish(status="done"), "got status=str 'done'"),
        (lambda run: run.finish(status=[1]), "got status=list [1]"),
        (lambda run: run.finish(exit_code=2**70), "exit_code=int 11805916"),
        (lambda run: run.finish(exit_code=10**5000), "exit_code=int"),
    ],
)
def test_strict_raises_what_is_warned_of_otherwise(capfd, call, told) -> None:
    """The same mistake is a warning, and under ``strict`` a `BadValueError` with the same words."""
    run = tracklib.init("p")
    call(run)
    assert told in capfd.readouterr().err
    run = tracklib.init("p", strict=True)
    with pytest.raises(BadValueError, match="expected") as raised:
        call(run)
    assert told in str(raised.value)


def test_strict_keeps_the_good_rest(bodies) -> None:
    """Under ``strict`` too, the good values of a call stand, and the run goes on."""
    run = tracklib.init("p", strict=True)
    with pytest.raises(BadValueError, match="metric 'bad'"):
        run.log({"good": 1.0, "bad": None, "fine": 2.0}, step=1)
    run.log({"good": 3.0}, step=2)
    assert logged(bodies, run) == [(1, {"good": 1.0, "fine": 2.0}), (2, {"good": 3.0})]


# -- ends, resumes and neighbours


@pytest.mark.parametrize(
    ("code", "end"),
    [
        (True, RunEnd("failed", 1, None)),
        (-(2**62), RunEnd("failed", -(2**62), None)),
        (2**70, RunEnd("failed", None, None)),
        ("1", RunEnd("failed", None, None)),
        (signal.SIGTERM, RunEnd("failed", 15, None)),
    ],
)
def test_an_end_is_read_as_one_whatever_the_exit_code(bodies, code: object, end: RunEnd) -> None:
    """A truth value, an enum's member and what is no exit code leave no run open, and the status as it was given."""
    run = tracklib.init("p")
    run.finish(status="failed", exit_code=code)
    assert bodies(RunEnd, run=run) == [end]
    assert type(bodies(RunEnd, run=run)[0].exit_code) in (int, type(None))


def test_what_fails_behind_the_end_costs_no_training_and_no_other_run(bodies, capfd, monkeypatch) -> None:
    """Where what is done after a run's end raises, that is a warning; the run has ended, and so do the others."""
    first, second = tracklib.init("p", id="first"), tracklib.init("p", id="second")

    def failing(*_: object) -> None:
        raise ValueError("a descriptor out of range")

    first._options.on_finish = failing
    monkeypatch.setattr(endings, "_runs", {id(run): run.end for run in (first, second)})
    endings._finish(Ending("killed"))
    assert [bodies(RunEnd, run=run) for run in (first, second)] == [[RunEnd("killed")]] * 2
    assert "the end of run first could not be seen to: ValueError: a descriptor out of range" in capfd.readouterr().err


def test_capturing_that_cannot_be_ended_costs_no_delivery(capfd, monkeypatch: pytest.MonkeyPatch) -> None:
    """What else is to be done at a run's end, such as waiting for its delivery, is done all the same."""
    monkeypatch.setenv("TRACKLIB_CAPTURE", "git")
    monkeypatch.setattr(_helper, "begin", lambda *_: None)
    run = tracklib.init("p", id="r")
    monkeypatch.setattr(_helper, "end", lambda _: {}["the child"])
    run.finish()
    err = capfd.readouterr().err
    assert "the capturing of run r could not be ended: KeyError: 'the child'. Training goes on" in err
    assert "could not be seen to" not in err


def test_late_calls_warn_once_and_record_nothing(records, capfd) -> None:
    """Behind ``finish()`` each method warns a single time and adds nothing; ``finish()`` itself is silent."""
    run = tracklib.init("p")
    run.finish(status="killed", exit_code=3)
    before = records(run)
    for _ in range(3):
        run.log({"a": 1.0})
        run.log({"a": object()}, step="x")
        run.log_params({"a": 1})
        run.set_tags(["a"])
        run.set_notes("a")
        run.log_artifact("missing")
        run.define_metric("a")
        run.summary["a"] = 1
        run.finish(status="failed")
    assert records(run) == before
    assert before[-1].body == RunEnd("killed", 3, None)
    assert capfd.readouterr().err.count("was called after the run was finished; nothing is recorded") == 7


def test_late_calls_raise_under_strict() -> None:
    """Under ``strict`` a late call is a `RunStateError`."""
    run = tracklib.init("p", strict=True)
    run.finish()
    with pytest.raises(RunStateError, match="log was called after the run was finished"):
        run.log({"a": 1.0})


def test_resume(bodies, root) -> None:
    """``never`` and ``must`` raise where they forbid, and begin nothing; attempts are numbered from 1."""
    with pytest.raises(RunStateError, match=r"expected the run 'r' to exist .*resume='must'"):
        tracklib.init("p", id="r", resume="must")
    assert root.runs() == []
    for attempt, resume in enumerate(("never", "must", "allow"), 1):
        with tracklib.init("p", id="r", resume=resume) as run:
            assert run.attempt == attempt
    with pytest.raises(RunStateError, match=r"expected 'r' to be a new run, but it exists .*resume='never'"):
        tracklib.init("p", id="r", resume="never")
    assert [body.attempt for body in bodies(RunStart, run=run)] == [1, 2, 3]
    assert tracklib.init("other", id="r").attempt == 1
    with pytest.raises(UsageError, match="expected resume 'allow', 'must', 'never' or 'auto', got 'maybe'"):
        tracklib.init("p", resume="maybe")


def test_a_resume_on_a_machine_whose_clock_is_behind(root, records, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last attempt's end is the run's end, though its clock says that it was before the first began."""
    run = tracklib.init("p", id="r")
    run.log({"a": 1.0})
    run.finish(status="killed", exit_code=-15)
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now - 3600 * 10**9)
    with tracklib.init("p", id="r") as run:
        run.log({"a": 2.0})
    state = fold("r", records(run))
    assert (state.status, state.attempt, state.exit_code, state.last) == ("finished", 2, None, {"a": 2.0})
    assert glance(run.folder).info == state.info()


@pytest.mark.parametrize("id", ["", "..", "a/b", "-a", "_a", "a b", "ä", "x" * 65, 5, "a\n", b"a"])
def test_a_bad_id_is_refused(root, id) -> None:
    """An id that is no 1 to 64 letters, digits, ``_`` and ``-`` raises, and nothing is begun."""
    with pytest.raises(UsageError, match="expected a run id of 1 to 64 letters, digits, '_' and '-', got"):
        tracklib.init("p", id=id)
    assert not root.path.exists()


def test_two_runs_are_open_at_once(bodies) -> None:
    """Runs that are open together keep their records, steps and ends apart."""
    a, b = tracklib.init("p", id="a"), tracklib.init("q", id="b", parent="a")
    for value in range(3):
        a.log({"x": value})
        b.log({"x": -value}, step=value * 2)
    a.finish()
    b.log({"x": 9})
    b.finish(status="failed")
    assert logged(bodies, a) == [(0, {"x": 0}), (1, {"x": 1}), (2, {"x": 2})]
    assert logged(bodies, b) == [(0, {"x": 0}), (2, {"x": -1}), (4, {"x": -2}), (5, {"x": 9})]
    assert [body.status for run in (a, b) for body in bodies(RunEnd, run=run)] == ["finished", "failed"]
    assert [body.parent for run in (a, b) for body in bodies(RunStart, run=run)] == [None, "a"]


def test_what_a_run_says_of_itself(root) -> None:
    """A run knows its names, its folder and that no backend has an address for it."""
    run = tracklib.init("p", id="r", name="baseline")
    assert (run.project, run.id, run.name, run.attempt, run.url) == ("p", "r", "baseline", 1, {})
    assert run.path == root.path / "p" / "r"
    assert repr(run) == "<tracklib.Run p/r 'baseline'>"
    assert tracklib.init("p", id="s").name == "s"


def test_the_state_after_all(records) -> None:
    """The records add up to the state that the calls describe."""
    run = tracklib.init("p", tags={"a": "1", "b": "2"}, config={"x": 1})
    run.set_tags({"a": None, "b": "3"})
    run.finish(exit_code=0)
    found = fold(run.id, records(run))
    assert (found.tags, found.params, found.status, found.exit_code) == ({"b": "3"}, {"x": 1}, "finished", 0)
