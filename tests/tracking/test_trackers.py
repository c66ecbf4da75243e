"""The other trackers: one that does nothing, one that keeps lists, one over several, and the current run."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import tracklib
from tracklib import FanOutTracker, MemoryTracker, NullTracker, Run, Tracker
from tracklib.errors import BadValueError, RunStateError
from tracklib.model.records import Metrics, RunEnd

METHODS = ("log", "log_params", "set_tags", "log_artifact", "finish")


def train(tracker: Tracker) -> None:
    """Call every method of a tracker, some of them twice."""
    tracker.log_params({"lr": 0.1, "model": {"depths": [1, 2]}})
    tracker.set_tags(tag for tag in ("dev", "vision"))
    for step in range(3):
        tracker.log({"loss": 1 / (step + 1), "acc": step}, step=step)
    tracker.log({"loss": 0.25}, timestamp=1700000000.5)
    Path("model.bin").write_bytes(b"weights")
    tracker.log_artifact("model.bin", type="model", aliases=iter(["best"]), metadata={"folds": [1, 2]})
    tracker.set_tags({"dev": None, "fold": 3})
    tracker.finish(status="failed", exit_code=2)


def timeless(run: Run) -> list[str]:
    """Return a run's journal, line by line, without ids, times and checksums."""
    (segment,) = sorted(run.folder.journal.glob("*.jsonl"))
    lines = segment.read_text().splitlines()
    volatile = r'"(time|created|writer|run|crc)":("[^"]*"|-?\d+)'
    return [re.sub(volatile, r'"\1":0', line) for line in lines]


class Raises:
    """A tracker of which one method raises."""

    def __init__(self, method: str) -> None:
        self.method = method

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name not in METHODS:
            raise AttributeError(name)

        def call(*args: object, **kwargs: object) -> None:
            if name == self.method:
                raise OSError("no vendor")

        return call


class Mutates(MemoryTracker):
    """A tracker that changes all that it is given."""

    def log(self, values, /, *, step=None, timestamp=None) -> None:
        values.clear()
        values["stray"] = 1.0

    def log_params(self, params, /) -> None:
        params["lr"] = 9
        params["model"]["depths"].append(3)

    def set_tags(self, tags, /) -> None:
        tags.clear()

    def log_artifact(self, path, /, *, name=None, type="file", aliases=(), metadata=None) -> None:
        if isinstance(aliases, list):
            aliases.clear()
        metadata["folds"].clear()


@pytest.mark.parametrize("sibling", [*map(Raises, METHODS), Mutates()], ids=[*METHODS, "mutates"])
def test_a_sibling_changes_nothing(sibling, capfd) -> None:
    """Beside one that raises in a method, or alters its arguments, a run's journal is what it is alone."""
    alone = tracklib.init("p", name="n")
    train(alone)
    first, last = tracklib.init("p", name="n"), tracklib.init("p", name="n")
    memory = MemoryTracker()
    both = FanOutTracker(first, sibling, memory, last)
    train(both)
    lines = timeless(alone)
    assert len(lines) > 8
    assert timeless(first) == timeless(last) == lines
    assert (memory.params, memory.tags) == ({"lr": 0.1, "model": {"depths": [1, 2]}}, {"vision": "", "fold": "3"})
    assert memory.values("loss") == [1.0, 0.5, 1 / 3, 0.25]
    assert [(a.aliases, a.metadata) for a in memory.artifacts] == [(("best",), {"folds": [1, 2]})]
    assert (memory.status, memory.exit_code) == ("failed", 2)
    said = capfd.readouterr().err
    if isinstance(sibling, Raises):
        assert both.failures == {1: {"log": 4, "set_tags": 2}.get(sibling.method, 1)}
        assert said.count(f"Raises.{sibling.method} raised OSError: no vendor; its siblings go on") == 1
    else:
        assert (both.failures, said) == ({}, "")


def test_a_caller_keeps_what_it_gave() -> None:
    """What the caller passes to a fan-out is as it was, whatever the trackers do to theirs."""
    params = {"model": {"depths": [1]}, "lock": threading.Lock()}
    values = {"a": 1.0}
    both = FanOutTracker(Mutates(), MemoryTracker())
    both.log_params(params)
    both.log(values)
    assert (params["model"], values) == ({"depths": [1]}, {"a": 1.0})


def test_a_fan_out_ends_all_as_the_block_ended(bodies) -> None:
    """A ``with`` over a fan-out ends each tracker with the block's own end, and raises what the block raised."""
    run, memory = tracklib.init("p"), MemoryTracker()
    with pytest.raises(ValueError, match="x"), FanOutTracker(run, memory):
        raise ValueError("x")
    assert [body.status for body in bodies(RunEnd, run=run)] == [memory.status] == ["failed"]
    with pytest.raises(SystemExit), FanOutTracker(second := MemoryTracker()):
        sys.exit(4)
    assert (second.status, second.exit_code) == ("failed", 4)


def test_all_are_trackers() -> None:
    """Each of the four, and a fan-out of fan-outs, satisfies the protocol; a mere object does not."""
    run = tracklib.init("p")
    for tracker in (run, NullTracker(), MemoryTracker(), FanOutTracker(), FanOutTracker(FanOutTracker(run))):
        assert isinstance(tracker, Tracker)
    assert not isinstance(object(), Tracker)


# -- none and memory


def test_a_null_tracker_has_all_that_a_run_has() -> None:
    """Every public name of a run exists on the null tracker, and every method takes what a run's takes."""
    run, null = tracklib.init("p"), NullTracker()
    wanted = {name for name in dir(run) if not name.startswith("_")} - {"folder", "end"}
    assert wanted - set(dir(null)) == set()
    train(null)
    null.set_notes("x")
    null.define_metric("a", summary="min", goal="maximize")
    null.summary["a"] = 1
    null.finish(wait=True)
    with pytest.raises(ValueError, match="through"), null:
        raise ValueError("through")
    assert (null.url, null.config) == ({}, {"lr": 0.1, "model": {"depths": [1, 2]}})  # for code that reads them back


def test_a_null_tracker_leaves_no_trace(tmp_path: Path) -> None:
    """A run with ``mode="disabled"`` makes no file, starts no thread and no process, and changes no hook."""
    script = """
import os, signal, sys, threading
hooks = [sys.excepthook, sys.exit, signal.getsignal(signal.SIGTERM)]
import tracklib
run = tracklib.init("p", mode="disabled", config={"a": 1})
tracklib.log({"a": 1.0})
run.log_artifact("missing")
tracklib.finish()
print(type(run).__name__, threading.active_count(), hooks == [sys.excepthook, sys.exit, signal.getsignal(15)])
print("tracklib.delivery.launch" in sys.modules, os.listdir())
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("NullTracker 1 True\nFalse []\n", "")


def test_a_memory_tracker_keeps_lists() -> None:
    """Points, params, tags, artifacts and the end stand in plain attributes."""
    memory = MemoryTracker()
    train(memory)
    points = [(p.key, p.step, p.value, p.timestamp) for p in memory.points]
    assert points[:2] == [("loss", 0, 1.0, None), ("acc", 0, 0, None)]
    assert points[-1] == ("loss", 3, 0.25, 1700000000.5)
    assert memory.params == {"lr": 0.1, "model": {"depths": [1, 2]}}
    assert memory.tags == {"vision": "", "fold": "3"}
    memory.finish(status="finished")
    assert (memory.status, memory.exit_code) == ("failed", 2)


@pytest.mark.parametrize(
    "call",
    [
        lambda t: t.log({"good": 1.0, "a": object()}),
        lambda t: t.log({"": 1.0}),
        lambda t: t.log({"a": 1.0}, step="x"),
        lambda t: t.log_params([1]),
        lambda t: t.set_tags("dev"),
    ],
)
def test_a_memory_tracker_raises_at_once(call) -> None:
    """In a test of training code a bad value is a `BadValueError` on the spot, and leaves nothing behind."""
    memory = MemoryTracker()
    with pytest.raises(BadValueError, match="expected"):
        call(memory)
    assert memory == MemoryTracker()


# -- the current run


def test_without_init_the_message_says_so() -> None:
    """Each module-level function without a run says to call ``init`` first."""
    calls = [
        tracklib.current_run,
        lambda: tracklib.log({"a": 1.0}),
        lambda: tracklib.log_params({}),
        lambda: tracklib.set_tags([]),
        lambda: tracklib.log_artifact("x"),
        tracklib.finish,
    ]
    for call in calls:
        with pytest.raises(RunStateError, match=r"expected a current run, but there is none; call tracklib\.init"):
            call()


def test_module_functions_act_on_the_current_run(records) -> None:
    """The module's functions do what the run's methods do, and behind ``finish`` there is no current run."""
    run = tracklib.init("p")
    assert tracklib.current_run() is run
    tracklib.log_params({"a": 1})
    tracklib.set_tags(["t"])
    tracklib.log({"loss": 0.5}, step=3)
    Path("f").write_text("x")
    tracklib.log_artifact("f", aliases=["best"])
    tracklib.finish(status="killed")
    kinds = [type(r.body).__name__ for r in records(run)]
    assert kinds == ["RunStart", "Params", "Tags", "Metrics", "Artifact", "RunEnd"]
    with pytest.raises(RunStateError, match="there is none"):
        tracklib.current_run()


def test_each_task_has_its_own_run(bodies) -> None:
    """Two tasks that run in turns log to the run that each began, and leave their caller's as it was."""
    outer = tracklib.init("p", id="outer")

    async def work(name: str) -> Run:
        run = tracklib.init("p", id=name)
        for value in range(3):
            tracklib.log({name: value})
            await asyncio.sleep(0)
        return run

    async def main() -> list[Run]:
        return await asyncio.gather(work("a"), work("b"))

    for run in asyncio.run(main()):
        assert [body.values for body in bodies(Metrics, run=run)] == [{run.id: value} for value in range(3)]
    assert tracklib.current_run() is outer


def test_each_thread_has_its_own_run(bodies) -> None:
    """A thread that begins a run logs to it, one that begins none logs to the run begun last, others keep theirs."""
    mine = tracklib.init("p", id="mine")
    begun: list[Run] = []

    def begin() -> None:
        begun.append(tracklib.init("p", id="theirs"))
        tracklib.log({"theirs": 1})

    for target in (lambda: tracklib.log({"helper": 1}), begin):
        thread = threading.Thread(target=target)
        thread.start()
        thread.join()
    tracklib.log({"mine": 1})
    assert [body.values for body in bodies(Metrics, run=mine)] == [{"helper": 1}, {"mine": 1}]
    assert [body.values for body in bodies(Metrics, run=begun[0])] == [{"theirs": 1}]
