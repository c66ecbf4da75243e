"""Many runs in one process: each whole, none in another's way, and nothing left over."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import threading

import pytest

import tracklib
from tests.tracking.left import open_files, own_threads, settles_to
from tracklib.journal.glance import glance
from tracklib.journal.reader import Damage, read_run
from tracklib.model.state import fold


@pytest.mark.skipif(sys.platform != "linux", reason="counts in /proc")
def test_fifty_runs_one_after_another_leave_nothing_open(root) -> None:
    """Fifty short runs: each is finished with its own points, no descriptor and one thread at most is left."""
    tracklib.init("p", id="first").finish()
    gc.collect()
    files, threads = open_files(), own_threads()
    for number in range(50):
        with tracklib.init("p", id=f"r{number}", config={"n": number}) as run:
            for step in range(10):
                run.log({"loss": number + step / 10})
    gc.collect()
    assert settles_to(files)
    assert own_threads() <= threads
    for number in range(50):
        folder = root.run("p", f"r{number}")
        damage = Damage()
        state = fold(f"r{number}", read_run(folder, damage))
        assert (state.status, state.params, state.last) == ("finished", {"n": number}, {"loss": number + 0.9})
        assert (state.points, damage) == ({"loss": 10}, Damage())


def test_runs_that_are_open_together_do_not_mix(root) -> None:
    """Twenty runs that are logged to in turns, from their own threads and from this one, keep to themselves."""
    runs = [tracklib.init("p", id=f"r{number}") for number in range(20)]

    def work(number: int) -> None:
        for step in range(100):
            runs[number].log({"own": number}, step=step)
            runs[(number + step) % 20].log({f"from{number}": step}, step=step)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for run in runs:
        run.finish()
    for number, run in enumerate(runs):
        state = fold(run.id, read_run(run.folder))
        assert (state.points["own"], state.last["own"], state.status) == (100, number, "finished")
        assert sum(count for key, count in state.points.items() if key != "own") == 100
    assert [glance(run.folder).open for run in runs] == [False] * 20


def test_a_run_that_nobody_holds_is_still_open(root) -> None:
    """A run whose variable goes away stays open and current, and is ended when the current run is."""
    tracklib.init("p", id="lost").log({"a": 1.0})
    gc.collect()
    assert glance(root.run("p", "lost")).info.status == "running"
    tracklib.finish()
    assert glance(root.run("p", "lost")).info.status == "finished"


def test_one_run_in_two_writers(root) -> None:
    """The same id begun twice at once is one run with two attempts; it is over when both are."""
    first, second = tracklib.init("p", id="r"), tracklib.init("p", id="r")
    assert (first.attempt, second.attempt) == (1, 2)
    first.log({"a": 1.0})
    second.log({"b": 2.0})
    first.finish()
    assert glance(root.run("p", "r")).info.status == "running"
    second.finish()
    assert glance(root.run("p", "r")).info.status == "finished"
    assert fold("r", read_run(root.run("p", "r"))).last == {"a": 1.0, "b": 2.0}


def test_a_copied_run_is_the_run() -> None:
    """A trainer that is deeply copied keeps its run; one that is pickled is told how to continue it elsewhere."""
    run = tracklib.init("p", id="r")
    assert copy.deepcopy({"tracker": [run]})["tracker"][0] is copy.copy(run) is run
    with pytest.raises(TypeError, match=r"a run cannot be pickled; continue it .*: tracklib.init\('p', id='r'\)"):
        pickle.dumps(run)
