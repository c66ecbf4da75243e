"""Several hosts on one root: process tables that do not see each other, one host name, one disk."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.delivery.conftest import Desk
from tracklib.journal.glance import glance
from tracklib.journal.layout import RunFolder
from tracklib.journal.reader import read_run
from tracklib.journal.recovery import reap
from tracklib.model.records import RunEnd

APART = (
    ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"],
    ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"],
)


@cache
def apart() -> list[str]:
    """Return the words before a command that give it a process table of its own; skip where the system allows none."""
    for words in APART:
        with contextlib.suppress(FileNotFoundError):
            if subprocess.run([*words, "true"], capture_output=True, check=False, timeout=30).returncode == 0:
                return words
    pytest.skip("needs Linux's unshare(1), as root or with user namespaces")


TRAIN = """
import sys, tracklib
run = tracklib.init("digits", id=sys.argv[1])
run.log({"loss": 0.5}, step=0)
print("ready", flush=True)
for line in sys.stdin:
    run.log({"loss": float(line)})
    print("logged", flush=True)
"""


class Host:
    """A training process that is the first of a process table of its own, like a container's."""

    def __init__(self, desk: Desk, run_id: str, **environ: str) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [*apart(), sys.executable, "-c", TRAIN, run_id],
            cwd=desk.path,
            env={**desk.environ, "TRACKLIB_FINISH_TIMEOUT": "60", **environ},
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            text=True,
        )

    def await_ready(self) -> None:
        assert self.process.stdout.readline() == "ready\n", self.process.communicate(timeout=30)[1]

    def log(self, value: float) -> None:
        self.process.stdin.write(f"{value}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "logged\n"

    def end(self) -> str:
        _, said = self.process.communicate(timeout=120)
        assert self.process.returncode == 0, said
        return said

    def die(self) -> None:
        """End the whole host at once."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.stdout.read()  # until the host is gone, which must not see the end of its input
            self.process.communicate(timeout=30)


@contextlib.contextmanager
def hosts(desk: Desk, *run_ids: str, **environ: str) -> Iterator[list[Host]]:
    begun: list[Host] = []
    try:
        begun.extend(Host(desk, run_id, **environ) for run_id in run_ids)
        for host in begun:
            host.await_ready()
        yield begun
    finally:
        for host in begun:
            host.die()


def until(true: object, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def statuses(desk: Desk) -> dict[str, str]:
    return {glance(folder).info.id: glance(folder).info.status for folder in desk.root.runs()}


def received(desk: Desk) -> Counter[tuple[str, str, int]]:
    return Counter((run, writer, fields["seq"]) for run, writer, fields in desk.vendor.received())


def ends(folder: RunFolder) -> list[str]:
    return [record.body.status for record in read_run(folder) if isinstance(record.body, RunEnd)]


def silence(folder: RunFolder, seconds: float) -> None:
    for path in folder.journal.iterdir():
        os.utime(path, (time.time() - seconds,) * 2)


@pytest.mark.parametrize("way", ["relay", "inline"])
def test_hosts_leave_each_others_runs_alone(desk: Desk, way: str) -> None:
    """No live run is declared crashed, whoever looks, and each record is delivered a single time."""
    with hosts(desk, "one", "two", TRACKLIB_DELIVERY=way) as (one, two):
        until(lambda: {run for run, _, _ in received(desk)} == {"one", "two"})
        for _ in range(3):
            one.log(1.0)
            two.log(2.0)
            assert [reap(folder) for folder in desk.root.runs()] == [[], []]
            desk.tracklib("status")
            time.sleep(1.1)  # a look of every relay
        assert statuses(desk) == {"one": "running", "two": "running"}
        for said in (one.end(), two.end()):
            told = said.count("relays end with this container, which waits 60 s for them")
            assert told == (1 if way == "relay" else 0)
    assert [ends(folder) for folder in desk.root.runs()] == [["finished"]] * 2
    assert set(received(desk).values()) == {1}
    assert Counter(run for run, _, _ in received(desk)) == {"one": 6, "two": 6}
    assert not list(desk.root.active.iterdir())


@pytest.mark.parametrize("way", ["relay", "inline"])
def test_one_run_written_by_two_hosts_is_delivered_once(desk: Desk, way: str) -> None:
    """Of two hosts that write one run, one delivers it all; when that host ends first, the other's goes on."""
    with hosts(desk, "one", "one", TRACKLIB_DELIVERY=way, TRACKLIB_FINISH_TIMEOUT="2") as (first, second):
        until(lambda: len(received(desk)) >= 4)
        first.log(1.0)
        second.log(2.0)
        until(lambda: len(received(desk)) == 6)
        assert set(received(desk).values()) == {1}
        first.end()
        second.log(3.0)
        second.end()
    assert desk.tracklib("sync").returncode == 0
    assert ends(desk.folder()) == ["finished"] * 2
    assert len(received(desk)) == 9
    assert sum(received(desk).values()) - 9 <= desk.receipt().resent
    assert desk.line().done


def test_a_host_that_vanished_is_stale_until_somebody_adopts_its_run(desk: Desk) -> None:
    """Another host cannot know: it tells of the silence, refuses while that is short, and ends the run when told to."""
    with hosts(desk, "one", TRACKLIB_MODE="offline") as (host,):
        host.log(1.0)
        fresh = desk.tracklib("sync", "--adopt", "one")
        assert fresh.returncode == 2
        assert "gave a sign of life" in fresh.stderr and "running" in statuses(desk).values()
        host.die()
    assert statuses(desk) == {"one": "running"}
    silence(desk.folder(), 3600)
    assert statuses(desk) == {"one": "stale"}
    assert reap(desk.folder()) == []
    assert desk.tracklib("sync").returncode == 0
    assert statuses(desk) == {"one": "stale"}
    for words in (["runs"], ["show", "one"], ["status", "one"]):
        done = desk.tracklib(*words)
        assert "tracklib sync --adopt" in done.stdout + done.stderr, words
    adopted = desk.tracklib("sync", "--adopt", "--all-stale")
    assert adopted.returncode == 0, adopted.stderr
    assert "digits/one: silent for 1 h 00 min" in adopted.stderr
    assert ends(desk.folder()) == ["crashed"]
    assert len(received(desk)) == 4
    assert desk.line().done


def test_a_login_node_delivers_what_a_node_without_network_records(desk: Desk) -> None:
    """``sync --watch`` serves the runs of other hosts as they grow, and those that begin later, until it is ended."""
    watch = subprocess.Popen(
        [sys.executable, "-m", "tracklib.cli.main", "sync", "--watch", "--interval", "0.5", "--json"],
        cwd=desk.path,
        env=desk.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        with hosts(desk, "one", "two", TRACKLIB_MODE="offline") as (one, two):
            until(lambda: len(received(desk)) == 4)
            one.log(1.0)
            until(lambda: len(received(desk)) == 5)
            assert statuses(desk) == {"one": "running", "two": "running"}
            one.end()
            two.end()
        until(lambda: not list(desk.root.active.iterdir()))
        watch.send_signal(signal.SIGTERM)
        out, said = watch.communicate(timeout=30)
    finally:
        watch.kill()
    assert watch.returncode == 0, said
    assert set(received(desk).values()) == {1}
    assert len(received(desk)) == 7
    assert '"state": "complete"' in out.splitlines()[-1]
    assert Path(desk.root.path).is_dir()
