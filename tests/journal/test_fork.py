"""Forks: a child writes a segment of its own, disturbs nobody, and never waits for a lock that a thread held."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter

import pytest

import tracklib
from tests.journal.conftest import forked
from tracklib.journal.glance import glance
from tracklib.journal.reader import Damage, SegmentReader, read_run
from tracklib.model.records import Metrics, RunEnd
from tracklib.model.state import fold

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork"),
    # Since Python 3.12: forking beside threads may deadlock. That tracklib does not is what is tested here.
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),
]


def joined(child: int, seconds: float = 60.0) -> int:
    """Return a child's exit status, or kill it where it does not end."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return status
        time.sleep(0.002)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return -1


def points(run: tracklib.Run) -> tuple[Counter[tuple[str, object]], Damage]:
    """Return how often each metric has a value at each step, and what could not be read."""
    damage = Damage()
    bodies = [record.body for record in read_run(run.folder, damage) if isinstance(record.body, Metrics)]
    return Counter((key, body.step) for body in bodies for key in body.values), damage


def test_a_child_has_a_segment_of_its_own() -> None:
    """Parent and child log after a fork: each stands in its own segment, numbered from 1, and nothing is doubled."""
    run = tracklib.init("p", id="r")
    run.log({"before": 1.0})
    assert joined(forked(lambda: [run.log({"child": float(i)}, step=i) for i in range(5)])) == 0
    run.log({"after": 2.0})
    run.finish()
    assert points(run) == (
        Counter({("before", 0): 1, ("after", 1): 1, **{("child", i): 1 for i in range(5)}}),
        Damage(),
    )
    roles = {SegmentReader(path).header().role: path for path in run.folder.segments()}
    assert set(roles) == {"main", "child"}
    assert [record.seq for record, _ in SegmentReader(roles["child"]).records()] == [1, 2, 3, 4, 5]


def test_a_child_that_does_not_log_leaves_no_trace() -> None:
    """A worker that only computes makes no segment, and its end is not the run's."""
    run = tracklib.init("p")
    assert joined(forked(lambda: None)) == 0
    assert joined(forked(run.finish)) == 0
    assert len(run.folder.segments()) == 1
    run.log({"a": 1.0})
    assert glance(run.folder).info.status == "running"
    run.finish()
    assert fold(run.id, read_run(run.folder)).status == "finished"


def test_every_method_works_in_a_child(tmp_path) -> None:
    """Params, tags, notes, summary and artifacts of a child are the run's."""
    (tmp_path / "f").write_text("x")
    run = tracklib.init("p")

    def work() -> None:
        run.log_params({"a": 1})
        run.set_tags(["t"])
        run.set_notes("n")
        run.summary["s"] = 2
        run.log_artifact(tmp_path / "f")
        tracklib.log({"m": 3.0}, step=9)

    assert joined(forked(work)) == 0
    run.finish()
    state = fold(run.id, read_run(run.folder))
    assert (state.params, state.tags, state.notes, state.summary) == ({"a": 1}, {"t": ""}, "n", {"s": 2})
    assert ([artifact.name for artifact in state.artifacts], state.last) == (["f"], {"m": 3.0})


def test_grandchildren_have_segments_too() -> None:
    """A fork of a fork writes a third segment."""
    run = tracklib.init("p")

    def work(depth: int) -> None:
        run.log({f"depth{depth}": 1.0}, step=0)
        if depth < 3:
            assert joined(forked(work, depth + 1)) == 0
        run.log({f"depth{depth}": 1.0}, step=1)

    assert joined(forked(work, 1)) == 0
    run.finish()
    assert points(run)[0] == Counter({(f"depth{depth}", step): 1 for depth in (1, 2, 3) for step in (0, 1)})
    assert len(run.folder.segments()) == 4


def test_two_hundred_workers_that_log_once(tmp_path) -> None:
    """Two hundred forked workers log one point each: none is lost, none doubled, and the parent's are intact."""
    run = tracklib.init("p")
    children = []
    for number in range(200):
        run.log({"parent": float(number)}, step=number)
        children.append(forked(lambda number=number: run.log({"worker": float(number)}, step=number)))
    assert [joined(child) for child in children] == [0] * 200
    run.finish()
    found, damage = points(run)
    assert found == Counter({(key, step): 1 for key in ("parent", "worker") for step in range(200)})
    assert damage == Damage()
    assert len(run.folder.segments()) == 201
    assert glance(run.folder).info.status == "finished"


def test_forks_while_threads_log() -> None:
    """Twenty forks while four threads log: no child waits for a lock that a thread held, and nothing is lost."""
    run = tracklib.init("p")
    over = threading.Event()
    logged = [0] * 4

    def work(number: int) -> None:
        while not over.is_set():
            run.log({f"thread{number}": 1.0}, step=logged[number])
            logged[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for number in range(20):
            assert joined(forked(lambda number=number: run.log({"child": 1.0}, step=number))) == 0
    finally:
        over.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(before)
    run.finish()
    found, damage = points(run)
    expected = Counter({(f"thread{number}", step): 1 for number in range(4) for step in range(logged[number])})
    assert found == expected + Counter({("child", number): 1 for number in range(20)})
    assert damage == Damage()


def test_a_child_may_begin_runs_of_its_own(root) -> None:
    """A run that a forked child begins is the child's: it ends there, and the parent's goes on."""
    run = tracklib.init("p", id="parent")

    def work() -> None:
        with tracklib.init("p", id="child") as own:
            own.log({"a": 1.0})
            tracklib.log({"b": 1.0})
        run.log({"c": 1.0})

    assert joined(forked(work)) == 0
    run.finish()
    states = {name: fold(name, read_run(root.run("p", name))) for name in ("parent", "child")}
    assert {name: (state.status, state.last) for name, state in states.items()} == {
        "parent": ("finished", {"c": 1.0}),
        "child": ("finished", {"a": 1.0, "b": 1.0}),
    }
    ends = [record for record in read_run(root.run("p", "parent")) if isinstance(record.body, RunEnd)]
    assert len(ends) == 1


def test_drops_are_told_by_whom_they_befell(monkeypatch: pytest.MonkeyPatch, capfd) -> None:
    """What the parent could not write before the fork is told by the parent, once, and not by the child too."""
    run = tracklib.init("p")
    write = os.write

    def full(fd: int, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    run.log({"lost": 1.0})
    monkeypatch.setattr(os, "write", write)
    assert joined(forked(lambda: run.log({"child": 1.0}))) == 0
    run.log({"after": 1.0})
    run.finish()
    notices = fold(run.id, read_run(run.folder)).notices
    assert [(notice.code, notice.count) for notice in notices] == [("dropped", 1)]
    assert capfd.readouterr().err.count("cannot write the journal") == 1
