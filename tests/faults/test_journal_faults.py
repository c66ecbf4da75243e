"""The journal under fire: processes killed at any moment, disks that are full, signals in the middle of ``log()``.

``TRACKLIB_KILLS`` asks for more kills than the suite's few; each failure names the seed with which it can be repeated.
"""

from __future__ import annotations

import json
import mmap
import os
import random
import resource
import signal
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Callable

import pytest

import tracklib
from tracklib.journal.glance import glance
from tracklib.journal.layout import Root, RunFolder
from tracklib.journal.reader import Damage, read_run
from tracklib.journal.recovery import reap
from tracklib.model.records import Metrics
from tracklib.model.state import fold

KILLS = int(os.environ.get("TRACKLIB_KILLS", "15"))
SEED = int(os.environ.get("TRACKLIB_SEED", "20261123"))

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(sys.platform == "win32", reason="needs fork and POSIX signals"),
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),  # forking beside the flusher's thread
]


class Oracle:
    """A number that a process leaves in shared memory, where no kill can reach it."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 8)

    def tell(self, number: int) -> None:
        struct.pack_into("<q", self._memory, 0, number)

    def ask(self) -> int:
        return struct.unpack_from("<q", self._memory, 0)[0]


def forked(work: Callable[[], None]) -> int:
    """Run a function in a forked child; return the child's number."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return child


def status_of(child: int) -> int:
    """Wait for a child; return its exit code, or the signal that it died of as a negative number."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def steps(folder: RunFolder, key: str, damage: Damage | None = None) -> Counter[object]:
    """Return how often a metric has a value at each step."""
    bodies = (record.body for record in read_run(folder, damage))
    return Counter(body.step for body in bodies if isinstance(body, Metrics) and key in body.values)


def test_no_record_is_lost_to_sigkill(root: Root) -> None:
    """Killed at random moments, a run has every record whose ``log()`` returned, and is crashed, attempt by attempt."""
    chance = random.Random(SEED)
    oracle = Oracle()
    behind = -1
    for kill in range(KILLS):
        name, attempt = f"run{kill // 5}", kill % 5 + 1
        folder = root.run("p", name)
        behind = -1 if attempt == 1 else behind
        oracle.tell(behind)

        def work(name: str = name, step: int = behind + 1) -> None:
            run = tracklib.init("p", id=name, config={"lr": 0.1})
            while True:
                run.log({"loss": step / 3, "acc": 1.0}, step=step)
                oracle.tell(step)
                step += 1

        child = forked(work)
        target = behind + chance.choice([0, 1, 2, 10, 100, 1000, 2000])
        while oracle.ask() < target:
            os.sched_yield()
        os.kill(child, signal.SIGKILL)
        assert status_of(child) == -signal.SIGKILL
        damage = Damage()
        found = steps(folder, "loss", damage)
        returned = oracle.ask() + 1
        assert set(found.values()) <= {1}, (SEED, kill)
        assert sorted(found)[:returned] == list(range(returned)), (SEED, kill)
        assert len(found) - returned in (0, 1), (SEED, kill)  # the one in flight
        assert (damage.lines, damage.missing) == (0, 0), (SEED, kill)
        assert len(reap(folder)) <= 1
        assert not glance(folder).open
        behind = max(found, default=-1)
    with tracklib.init("p", id=name, resume="must") as run:
        run.log({"loss": 0.0}, step=behind + 1)
    state = fold(name, read_run(folder))
    assert (state.status, state.points["loss"]) == ("finished", behind + 2)
    assert state.attempt <= attempt + 1  # who was killed before its start was written has none


SYSCALLS = (
    "open",
    "write",
    "close",
    "mkdir",
    "chmod",
    "link",
    "unlink",
    "replace",
    "fsync",
    "fdatasync",
    "fchmod",
    "utime",
)


def killed_at(call: int, oracle: Oracle) -> Callable[[], None]:
    """Return a short life of a run that ends by SIGKILL just before or behind its n-th system call."""

    def work() -> None:
        left = [call]

        def dying(name: str) -> Callable:
            real = getattr(os, name)

            def replacement(*args: object, **options: object) -> object:
                left[0] -= 1
                if left[0] == 0 and call % 2:
                    os.kill(os.getpid(), signal.SIGKILL)
                result = real(*args, **options)
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return result

            return replacement

        for name in SYSCALLS:
            setattr(os, name, dying(name))
        run = tracklib.init("p", id="r", config={"a": 1}, tags=["t"])
        for step in range(3):
            run.log({"loss": 1.0}, step=step)
            oracle.tell(step)
        run.log_artifact(__file__, name="model")
        run.summary["s"] = 1
        oracle.tell(3)
        run.finish()
        oracle.tell(4)
        os._exit(7)

    return work


def test_killed_at_every_system_call(tmp_path) -> None:
    """At whichever system call a run is killed, from ``init`` to ``finish``: readable, complete, ended, and resumable."""
    call, code = 0, -signal.SIGKILL
    while code == -signal.SIGKILL:
        call += 1
        root = Root(tmp_path / str(call))
        os.environ["TRACKLIB_DIR"] = str(root.path)
        oracle = Oracle()
        oracle.tell(-1)
        code = status_of(forked(killed_at(call, oracle)))
        done = oracle.ask()
        folder = root.run("p", "r")
        damage = Damage()
        assert sorted(steps(folder, "loss", damage))[: min(done, 2) + 1] == list(range(min(done, 2) + 1)), call
        assert (damage.lines, damage.missing) == (0, 0)
        reap(folder)
        assert not glance(folder).open
        state = fold("r", read_run(folder))
        assert state.artifacts == [] or state.artifacts[0].files[0].size == os.path.getsize(__file__)
        assert state.status == ("finished" if done == 4 else state.status)
        assert done < 3 or (state.summary == {"s": 1} and len(state.artifacts) == 1)
        with tracklib.init("p", id="r") as run:
            run.log({"loss": 2.0}, step=99)
        assert fold("r", read_run(folder)).last == {"loss": 2.0}
        assert not glance(folder).open
    assert (code, call > 30) == (7, True)


FULL = """
import json, os, sys, tracklib
from tracklib.journal.reader import Damage, read_run
from tracklib.model.records import Metrics, Notice, RunEnd
ballast = os.path.join(sys.argv[1], "ballast")
run = tracklib.init("p", id="r", dir=os.path.join(sys.argv[1], "root"))
size = os.statvfs(sys.argv[1])
with open(ballast, "wb") as file:
    file.write(b"x" * (size.f_bavail - 8) * size.f_frsize)
logged = 0
for cycle in range(3):
    for _ in range(1500):
        run.log({"loss": logged / 3}, step=logged)
        run.log_params({"p": logged}) if logged % 100 == 0 else None
        logged += 1
    os.truncate(ballast, os.path.getsize(ballast) - 4 * size.f_frsize)
os.unlink(ballast)
for _ in range(10):
    run.log({"loss": logged / 3}, step=logged)
    logged += 1
run.finish()
damage = Damage()
bodies = [record.body for record in read_run(run.folder, damage)]
print(json.dumps({
    "logged": logged,
    "kept": sorted(b.step for b in bodies if isinstance(b, Metrics)),
    "params": sum("p" in getattr(b, "values", {}) for b in bodies),
    "told": sum(b.count for b in bodies if isinstance(b, Notice) and b.code == "dropped"),
    "ends": [b.status for b in bodies if isinstance(b, RunEnd)],
    "lines": damage.lines,
}))
"""


def test_a_full_disk_costs_what_it_says(tmp_path) -> None:
    """On a real file system that fills up and is freed again, every record is kept or counted, and recording resumes."""
    mount = ["unshare", "-Urm", "sh", "-c", 'mount -t tmpfs -o size=400k none "$0" && exec "$@"', str(tmp_path)]
    if subprocess.run([*mount, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("no mount namespaces for users here: the full disk was not tested")
    done = subprocess.run(
        [*mount, sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["logged"] == 4510
    assert found["kept"] == sorted(set(found["kept"]))
    assert found["kept"][-10:] == list(range(4500, 4510))
    assert found["logged"] + 45 - len(found["kept"]) - found["params"] == found["told"] > 0
    assert (found["ends"], found["lines"]) == (["finished"], 0)
    warnings = done.stderr.splitlines()
    assert "No space left on device. Training goes on" in warnings[0]
    assert len(warnings) <= 8


def test_a_limit_on_the_size_of_files_costs_nothing(tmp_path, capfd: pytest.CaptureFixture[str]) -> None:
    """Where no file may grow beyond 40 KB, the run goes on in further segments and no record is lost."""

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
        with tracklib.init("p", id="r") as run:
            for step in range(2000):
                run.log({"loss": 1.0}, step=step)

    assert status_of(forked(work)) == 0
    folder = Root(tmp_path / ".tracklib").run("p", "r")
    damage = Damage()
    assert steps(folder, "loss", damage) == Counter(range(2000))
    assert (damage.lines, damage.missing) == (0, 0)
    assert len(folder.segments()) > 4
    assert not glance(folder).open
    assert glance(folder).info.status == "finished"
    assert capfd.readouterr().err == ""
