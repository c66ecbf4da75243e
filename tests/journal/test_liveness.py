"""Liveness: who is there is told from who is gone, by what no other process can feign."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.journal.conftest import STARTED, foreign, kill, writing
from tracklib import platform
from tracklib.journal import clock, liveness
from tracklib.journal.glance import glance
from tracklib.journal.layout import Root, RunFolder
from tracklib.journal.liveness import WriterLock, life_of, silence
from tracklib.journal.reader import SegmentReader
from tracklib.journal.recovery import reap, write_end
from tracklib.journal.segment import Header
from tracklib.journal.writer import SegmentWriter
from tracklib.model.records import Notes, RunEnd

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")


@linux
def test_a_writer_whose_lock_was_let_go_is_alive(root: Root) -> None:
    """Who opens and closes the lock in the writer's own process lets it go (POSIX); the process still speaks for it."""
    folder = root.run("digits", "run1")
    backup = "import shutil; shutil.copytree(sys.argv[1], sys.argv[1] + '-copy'); print('copied', flush=True)"
    with writing(root, backup) as process:
        assert process.stdout.readline() == "copied\n"
        assert reap(folder) == []
        assert glance(folder).info.status == "running"
        kill(process)
    assert len(reap(folder)) == 1


@linux
def test_a_zombie_is_gone(root: Root) -> None:
    """A killed process whose parent never looks is dead all the same."""
    folder = root.run("digits", "run1")
    with writing(root) as process:
        process.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert Path(f"/proc/{process.pid}").exists()
        assert len(reap(folder)) == 1


@linux
def test_another_process_of_the_same_number_is_not_the_writer(root: Root) -> None:
    """A process id that is used again does not keep a dead run alive: the start of the process tells them apart."""
    here = Header.here("run1", "digits", "w")
    folder = root.run("digits", "run1")
    facts = {name: getattr(here, name) for name in ("host", "boot", "namespace")}
    foreign(folder, "main", STARTED, **facts, pid=os.getpid(), start="1")
    assert len(reap(folder)) == 1


def silent(segment: Path, seconds: float) -> None:
    """Make a writer's last sign of life so many seconds old."""
    os.utime(segment, (time.time() - seconds,) * 2)


def test_a_foreign_run_is_stale_and_not_ended(root: Root) -> None:
    """A writer on another machine is running, after ten silent minutes stale, and ended only where it is adopted."""
    folder = root.run("digits", "run1")
    path = foreign(folder, "main", STARTED)
    assert (reap(folder), glance(folder).info.status) == ([], "running")
    silent(path, liveness.STALE - 60)
    assert glance(folder).info.status == "running"
    silent(path, liveness.STALE + 1)
    assert (reap(folder), glance(folder).info.status, glance(folder).open) == ([], "stale", True)
    assert reap(folder, adopt=True) == [path.stem]
    assert (glance(folder).info.status, glance(folder).open) == ("crashed", False)


def test_a_stale_second_attempt_is_stale(root: Root) -> None:
    """An earlier attempt that was ended by a reaper, and a forked child that is gone, hide no stale one."""
    folder = root.run("digits", "run1")
    first = foreign(folder, "main", STARTED)
    write_end(folder, first, 15, RunEnd("crashed"))
    foreign(folder, "child", b'{"kind":"notes","seq":1,"time":16,"text":"x"}')
    foreign(folder, "main", STARTED.replace(b"10", b"30")[:-1] + b',"attempt":2}')
    for path in folder.segments():
        silent(path, 2 * liveness.STALE)
    assert (glance(folder).info.status, glance(folder).info.attempt) == ("stale", 2)


def test_a_run_of_another_boot_is_not_local(root: Root) -> None:
    """After a reboot nobody holds the lock, and the same process id means nothing: the run is not judged by them."""
    here = Header.here("run1", "digits", "w")
    folder = root.run("digits", "run1")
    facts = {"host": here.host, "namespace": here.namespace, "pid": here.pid, "start": here.start}
    path = foreign(folder, "main", STARTED, **facts, boot="another")
    assert life_of(path, SegmentReader(path).header()) == "alive"
    silent(path, liveness.STALE + 1)
    assert life_of(path, SegmentReader(path).header()) == "stale"


@pytest.mark.parametrize("skew", [-86400, 86400])
def test_clocks_that_differ_make_nobody_stale(root: Root, monkeypatch: pytest.MonkeyPatch, skew: int) -> None:
    """Silence is measured by the clock that stamped the files: that this host's is a day off changes nothing."""
    path = foreign(root.run("digits", "run1"), "main", STARTED)
    header = SegmentReader(path).header()
    own = time.time
    monkeypatch.setattr(clock, "_ahead", {})
    monkeypatch.setattr(time, "time", lambda: own() + skew)
    assert life_of(path, header) == "alive"
    os.utime(path, (own() - liveness.STALE - 1,) * 2)
    assert life_of(path, header) == "stale"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_root_that_cannot_be_written_is_judged_by_the_own_clock(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no file can be made to ask for the time, a reader still sees what there is."""

    def refuse(*_: object) -> int:
        raise OSError(30, "Read-only file system")

    path = foreign(root.run("digits", "run1"), "main", STARTED)
    monkeypatch.setattr(clock, "_ahead", {})
    monkeypatch.setattr(platform, "open_private", refuse)
    assert life_of(path, SegmentReader(path).header()) == "alive"
    silent(path, liveness.STALE + 1)
    assert life_of(path, SegmentReader(path).header()) == "stale"


def test_without_locks_and_process_table_the_beat_decides(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a system has neither, as Windows, a living writer is not declared crashed, nor is a silent one."""
    monkeypatch.setattr(platform, "try_lock", lambda _: None)
    monkeypatch.setattr(platform, "process_start", lambda _: "")
    folder = root.run("digits", "run1")
    root.create()
    writer = SegmentWriter(folder, "run1", "digits", warn=pytest.fail)
    monkeypatch.setattr(liveness, "_own", set())  # as another process sees it
    header = SegmentReader(writer.path).header()
    assert life_of(writer.path, header) == "alive"
    for path in (writer.path, writer.alive.path):
        silent(path, liveness.STALE + 1)
    assert life_of(writer.path, header) == "stale"
    assert reap(folder) == []
    writer.close()
    assert life_of(writer.path, header) == "gone"


def is_held(path: Path) -> bool:
    """Tell whether another process finds a lock taken."""
    script = "import os, sys; from tracklib import platform\nprint(platform.try_lock(os.open(sys.argv[1], os.O_RDWR)))"
    return subprocess.check_output([sys.executable, "-c", script, str(path)], text=True, timeout=60) == "False\n"


@linux
def test_a_living_writer_beats(tmp_path: Path) -> None:
    """A beat makes the lock's file young again, and takes the lock back where somebody let it go."""
    lock = WriterLock(tmp_path / "w.jsonl")
    assert is_held(lock.path)
    os.utime(lock.path, (1, 1))
    os.close(os.open(lock.path, os.O_RDWR))
    assert not is_held(lock.path)
    lock.beat()
    assert is_held(lock.path)
    assert liveness.last_beat(tmp_path / "w.jsonl") > time.time() - 60
    lock.release()
    assert not is_held(lock.path)


def test_a_run_whose_folder_was_deleted_beats_where_it_goes_on(writer: SegmentWriter, folder: RunFolder) -> None:
    """Another machine, which sees no lock, would take it for stale otherwise."""
    shutil.rmtree(folder.path)
    writer.flush()
    writer.append(Notes("here"))
    writer.flush()
    assert writer.append(Notes("in a new segment"))
    silent(writer.alive.path, liveness.STALE + 1)
    silent(writer.path, liveness.STALE + 1)
    writer.beat()
    assert silence(writer.path) < liveness.STALE


def test_a_writer_that_closed_is_gone_though_its_process_lives(
    new_writer: Callable[..., SegmentWriter], folder: RunFolder
) -> None:
    """A child's segment, or one that was followed by another, is over when it is closed, whatever its process does."""
    main, child = new_writer(), new_writer(role="child")
    child.append(Notes("x"))
    main.append(RunEnd("finished"))
    assert glance(folder).open
    child.close()
    assert [life_of(path, SegmentReader(path).header()) for path in (child.path, main.path)] == ["gone", "alive"]
    main.close()
    assert not glance(folder).open
    assert glance(folder).info.status == "finished"
