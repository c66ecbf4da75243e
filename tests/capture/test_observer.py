"""The observer: one process, that costs the training nothing, outlives it by no more than it must, and ends no run."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from tests.capture.conftest import Bench, until
from tracklib.journal.glance import glance
from tracklib.journal.recovery import reap, role_of, writers
from tracklib.model.records import Artifact, Context, System

WAITING = """
import sys, tracklib
run = tracklib.init("p")
run.log({"a": 1.0})
from tracklib.tracking.observing import _helper
print(_helper._child.pid, flush=True)
sys.stdin.readline()
run.finish()
"""
ONE = "import tracklib\nwith tracklib.init('p') as run:\n    run.log({'a': 1.0})\n"


def observer_of(process) -> psutil.Process:
    """Return the observer of a training that is waiting."""
    return psutil.Process(int(process.stdout.readline()))


def has_begun(bench: Bench) -> bool:
    """Tell whether the first sample, which comes after all else, is written."""
    return bool(bench.root.runs()) and bool(bench.bodies(System))


def end(process) -> None:
    """Let a training that is waiting end."""
    process.communicate("\n", timeout=60)
    assert process.returncode == 0


def test_surroundings_are_written_down(bench: Bench):
    """Packages, hardware, launcher and script stand in the run, as they are."""
    bench.run(ONE, SLURM_JOB_ID="17", RANK="0", WORLD_SIZE="4", SOME_VARIABLE="never", SLURM_JWT="hush")
    context = bench.state().context
    assert context["packages"]["psutil"] == psutil.__version__
    assert context["hardware"]["memory"] == psutil.virtual_memory().total
    assert context["hardware"]["cpus"] == os.cpu_count()
    assert context["launcher"] == {"RANK": "0", "SLURM_JOB_ID": "17", "WORLD_SIZE": "4"}
    assert bench.blob("script") == ONE
    (script,) = bench.bodies(Artifact)
    assert (script.type, script.files[0].path) == ("code", "train.py")
    assert script.metadata == {"complete": True, "redacted": False}


def parts(bench: Bench) -> set[str]:
    """Return which parts of the surroundings stand in the run."""
    if not bench.root.runs():
        return set()
    state = bench.state()
    there = state.context.keys() & {"packages", "hardware", "launcher"}
    return there | ({"script"} if state.artifacts else set()) | ({"system"} if state.samples else set())


@pytest.mark.parametrize("word", ["git", "packages", "hardware", "launcher", "script", "system"])
def test_each_part_can_be_switched_off(bench: Bench, word):
    """What is left out is not there, and all the rest is."""
    expected = {"packages", "hardware", "launcher", "script", "system"} - {word}
    process = bench.start(WAITING, TRACKLIB_CAPTURE=f"-{word}", RANK="0")
    observer_of(process)
    until(lambda: parts(bench) >= expected)
    end(process)
    assert parts(bench) == expected


def test_none_starts_nothing(bench: Bench):
    """With nothing to capture there is no observer, and no segment of one."""
    bench.run(ONE + "import psutil; assert not psutil.Process().children()", TRACKLIB_CAPTURE="none")
    assert len(bench.folder.segments()) == 1


def test_system_metrics_come_with_the_time(bench: Bench):
    """Samples follow each other at the interval, with the machine's and the process tree's figures in them."""
    process = bench.start(WAITING, TRACKLIB_SYSTEM_INTERVAL="0.1", TRACKLIB_CAPTURE="system")
    observer_of(process)
    until(lambda: len(bench.bodies(System)) >= 3)
    end(process)
    sample = bench.bodies(System)[1].values
    assert {"cpu.percent", "memory.used", "disk.used", "process.cpu.percent", "process.count"} <= sample.keys()
    assert sample["process.count"] == 1, "the observer itself does not count"
    assert 1e6 < sample["process.memory.rss"] < 1e9


def test_the_observer_is_small_and_modest(bench: Bench):
    """It takes less than 60 MB, has the lowest claim on processor and memory, a session of its own, and no file more."""
    process = bench.start(WAITING)
    observer = observer_of(process)
    until(lambda: has_begun(bench))
    assert observer.memory_info().rss < 60e6
    assert observer.nice() == min(19, os.nice(0) + 10)
    assert Path(f"/proc/{observer.pid}/oom_score_adj").read_text().strip() == "1000"
    assert os.getsid(observer.pid) == observer.pid
    assert len(psutil.Process(process.pid).children(recursive=True)) == 1
    end(process)


def test_fifty_runs_have_one_observer(bench: Bench):
    """Runs of one process are served by one observer, each with all that there is to know."""
    script = """
import os, tracklib
from tracklib.tracking.observing import _helper
pids = set()
for i in range(50):
    with tracklib.init("p", id=f"r{i}") as run:
        pids.add(_helper._child.pid)
assert len(pids) == 1, pids
"""
    bench.run(script)
    for folder in bench.root.runs():
        assert sorted(role_of(path, header) for path, (header, _) in writers(folder).items()) == ["main", "observer"]
        assert glance(folder).info.status == "finished"
    assert len(bench.root.runs()) == 50


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_observer_leaves_with_the_training(bench: Bench, how):
    """Where the training is killed the observer leaves by itself, and the run's end is the training's own."""
    process = bench.start(WAITING)
    observer = observer_of(process)
    until(lambda: has_begun(bench))
    process.send_signal(how)
    process.communicate(timeout=60)
    until(lambda: not observer.is_running())
    reap(bench.folder)
    assert glance(bench.folder).info.status == ("crashed" if how == signal.SIGKILL else "killed")
    assert not glance(bench.folder).open


def test_a_forked_child_that_lives_on_keeps_no_observer(bench: Bench):
    """A child that outlives the killed training holds its files open, and the observer leaves all the same."""
    script = WAITING.replace(
        "print(_h", "import os, time\npid = os.fork()\nif not pid: time.sleep(60); os._exit(0)\nprint(pid); print(_h"
    )
    process = bench.start(script)
    child = psutil.Process(int(process.stdout.readline()))
    observer = observer_of(process)
    process.kill()
    until(lambda: not observer.is_running() or observer.status() == "zombie")
    assert child.is_running()
    child.kill()
    process.communicate(timeout=60)


def test_the_death_of_the_observer_is_nothing(bench: Bench):
    """A killed observer ends no run, and training goes on to its true end."""
    process = bench.start(WAITING)
    observer = observer_of(process)
    until(lambda: has_begun(bench))
    observer.kill()
    until(lambda: observer.status() == "zombie")
    assert glance(bench.folder).info.status == "running"
    assert reap(bench.folder) == []
    end(process)
    assert glance(bench.folder).info.status == "finished"
    assert not glance(bench.folder).open


def test_an_observer_that_died_is_started_again_a_few_times(bench: Bench):
    """Each look after it starts a dead one again, three times and no more."""
    script = WAITING.replace(
        "sys.stdin",
        """
import os, signal, time
pids = []
for _ in range(6):
    pids.append(_helper._child and _helper._child.pid)
    if pids[-1]:
        os.kill(pids[-1], signal.SIGKILL)
        while _helper._child.is_running():
            time.sleep(0.01)
    _helper._look_after()
assert len(set(pids)) == 5 and pids[-1] is None, pids
sys.stdin""",
    )
    process = bench.start(script)
    process.stdout.readline()
    end(process)
    assert glance(bench.folder).info.status == "finished"


def test_without_an_interpreter_training_goes_on(bench: Bench):
    """Where no process can be started, one warning says that nothing is captured."""
    _, err = bench.run("import sys; sys.executable = '/nonexistent/python'\n" + ONE)
    assert err.count("nothing is captured of this run: FileNotFoundError") == 1
    assert all(glance(folder).info.status == "finished" for folder in bench.root.runs())


def test_a_file_beside_the_script_is_not_imported(bench: Bench):
    """A script's neighbours that are named like libraries are not run by the observer."""
    (bench.path / "psutil.py").write_text(f"open({str(bench.path / 'sprung')!r}, 'w')")
    (bench.path / "orjson_.py").touch()
    bench.run(ONE)
    assert not (bench.path / "sprung").exists()
    assert bench.bodies(Context)


def test_other_ranks_of_a_machine_capture_nothing(bench: Bench):
    """Of the processes that a launcher starts on one machine, the first one alone looks at it."""
    bench.run(ONE, LOCAL_RANK="3", RANK="3")
    assert len(bench.folder.segments()) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="counts the waiting of this system")
def test_a_run_that_ends_at_once_is_captured(bench: Bench):
    """A run that is over before the observer has started is open until that is done, with a true status meanwhile."""
    process = bench.start(ONE)
    process.communicate(timeout=60)
    assert glance(bench.folder).info.status == "finished"
    bench.wait()
    assert "packages" in bench.state().context
