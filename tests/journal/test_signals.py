"""Signals in the middle of ``log()``: whatever a handler does, the journal stays whole."""

from __future__ import annotations

import itertools
import mmap
import os
import random
import signal
import struct
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable

import pytest

import tracklib
from tracklib.journal.glance import glance
from tracklib.journal.layout import Root, RunFolder
from tracklib.journal.reader import Damage, SegmentReader, read_run
from tracklib.journal.recovery import reap
from tracklib.model.records import Metrics, Notes, Notice, RunEnd

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs POSIX signals and memfd")


def steps(folder: RunFolder, key: str, damage: Damage | None = None) -> Counter[object]:
    """Return how often a metric has a value at each step."""
    bodies = (record.body for record in read_run(folder, damage))
    return Counter(body.step for body in bodies if isinstance(body, Metrics) and key in body.values)


class InterruptionError(Exception):
    """What a signal's handler raises."""


@pytest.fixture
def alarms():
    """Return a function that lets a handler be called again and again, 0.3 ms after it is over, until the test ends."""
    before = signal.getsignal(signal.SIGALRM)
    on = [True]

    def start(handler: Callable[[], None]) -> Callable[[], None]:
        def handle(_: int, __: object) -> None:
            try:
                handler()
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0.0003 * on[0])

        def stop() -> None:
            on[0] = False
            signal.setitimer(signal.ITIMER_REAL, 0)

        signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.0003)
        return stop

    yield start
    on[0] = False
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_a_handler_may_log_in_the_middle_of_log(root: Root, alarms: Callable) -> None:
    """A signal's handler that logs while ``log()`` runs: no record is lost, doubled, or out of its segment's order."""
    run = tracklib.init("p", id="r")
    handled: list[int] = []

    def handler() -> None:
        run.log({"inner": 1.0}, step=len(handled))
        handled.append(len(handled))

    stop = alarms(handler)
    logged = 0
    while len(handled) < 300:
        run.log({"outer": 1.0}, step=logged)
        run.log_params({"p": logged}) if logged % 10 == 0 else None
        logged += 1
    stop()
    run.finish()
    damage = Damage()
    assert steps(run.folder, "outer", damage) == Counter(range(logged))
    assert steps(run.folder, "inner") == Counter(handled)
    assert damage == Damage()
    assert len(run.folder.segments()) <= 2
    for segment in run.folder.segments():
        records = [record for record, _ in SegmentReader(segment).records()]
        assert [record.seq for record in records] == list(range(1, len(records) + 1))
        assert all(a.time < b.time for a, b in itertools.pairwise(records))
    assert glance(run.folder).info.status == "finished"


def test_an_exception_in_the_middle_of_log_tears_nothing(root: Root, alarms: Callable) -> None:
    """A handler that raises, as Ctrl-C does, while ``log()`` runs: what returned is there, and no number is skipped."""
    run = tracklib.init("p", id="r")
    state = {"armed": False}

    def handler() -> None:
        if state["armed"]:
            state["armed"] = False
            raise InterruptionError

    stop = alarms(handler)
    returned: list[int] = []
    interrupted: list[int] = []
    step = 0
    while len(interrupted) < 200:
        try:
            state["armed"] = True
            run.log({"loss": 1.0}, step=step)
            state["armed"] = False
            returned.append(step)
        except InterruptionError:
            interrupted.append(step)
        step += 1
    stop()
    run.finish()
    damage = Damage()
    found = steps(run.folder, "loss", damage)
    assert set(found.values()) == {1}
    assert set(returned) <= set(found) <= set(returned) | set(interrupted)
    assert damage == Damage()
    assert glance(run.folder).info.status == "finished"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_of_log_ends_the_run_truly(root: Root, number: int) -> None:
    """SIGTERM and Ctrl-C that strike anywhere in a loop of ``log()``: the run is killed, whole, and ended once."""
    chance = random.Random(7)
    script = (
        "import mmap, os, struct, sys, tracklib\n"
        "memory = mmap.mmap(int(sys.argv[2]), 8)\n"
        "run = tracklib.init('p', id=sys.argv[1])\n"
        "step = 0\n"
        "while True:\n"
        "    run.log({'loss': 1.0}, step=step)\n"
        "    step += 1\n"
        "    struct.pack_into('<q', memory, 0, step)\n"
    )
    for kill in range(4):
        fd = os.memfd_create("oracle")
        os.truncate(fd, 8)
        memory = mmap.mmap(fd, 8)
        child = subprocess.Popen(
            [sys.executable, "-c", script, f"r{kill}", str(fd)], pass_fds=[fd], stderr=subprocess.PIPE, text=True
        )
        target = chance.randrange(1, 3000)
        while struct.unpack_from("<q", memory, 0)[0] < target:
            os.sched_yield()
        child.send_signal(number)
        _, err = child.communicate(timeout=60)
        assert child.returncode == -number
        assert ("KeyboardInterrupt" in err) is (number == signal.SIGINT)
        folder = root.run("p", f"r{kill}")
        damage = Damage()
        found = steps(folder, "loss", damage)
        returned = struct.unpack_from("<q", memory, 0)[0]
        assert sorted(found)[:returned] == list(range(returned))
        assert len(found) - returned in (0, 1)
        assert damage == Damage()
        ends = [record.body for record in read_run(folder) if isinstance(record.body, RunEnd)]
        assert [(end.status, end.exit_code) for end in ends] == [("killed", -number)]
        assert reap(folder) == []
        os.close(fd)


def test_finish_while_threads_log(root: Root) -> None:
    """Threads that log while the run is finished: the end is the last word, and what came before it is whole."""
    run = tracklib.init("p", id="r")
    logged = [0] * 4
    over = threading.Event()

    def work(number: int) -> None:
        while not over.is_set():
            run.log({str(number): 1.0}, step=logged[number])
            logged[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    while min(logged) < 50:
        os.sched_yield()
    run.finish()
    over.set()
    for thread in threads:
        thread.join()
    damage = Damage()
    records = list(read_run(run.folder, damage))
    assert isinstance(records[-1].body, RunEnd)
    assert damage == Damage()
    assert not [record for record in records if isinstance(record.body, (Notice, Notes))]
    for number in range(4):
        found = sorted(steps(run.folder, str(number)))
        assert found == list(range(len(found)))
    assert reap(run.folder) == []
