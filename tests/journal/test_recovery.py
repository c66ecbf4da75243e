"""Recovery: a run whose writer is gone is ended once and truly; one whose writer lives is left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

import tracklib
from tests.journal.conftest import ENDED, STARTED, foreign, forked, kill, writing
from tracklib.journal.glance import glance
from tracklib.journal.layout import Root, RunFolder
from tracklib.journal.liveness import WriterLock
from tracklib.journal.reader import Damage, SegmentReader, read_run
from tracklib.journal.recovery import REAPER, reap
from tracklib.journal.segment import new_writer_id
from tracklib.journal.writer import SegmentWriter
from tracklib.model.records import Notes, RunEnd, RunStart
from tracklib.model.state import fold


def ends(folder: RunFolder) -> list[RunEnd]:
    """Return the ends that stand in a run's journal."""
    return [record.body for record in read_run(folder) if isinstance(record.body, RunEnd)]


def test_a_killed_run_is_crashed_after_one_reaping(root: Root) -> None:
    """While its process lives a run is running; when that is gone it is crashed, once, however often one looks."""
    folder = root.run("digits", "run1")
    with writing(root) as process:
        assert reap(folder) == []
        assert (glance(folder).open, glance(folder).info.status) == (True, "running")
        kill(process)
    (segment,) = folder.segments()
    assert glance(folder).open
    assert reap(folder) == [segment.stem]
    assert reap(folder) == []
    assert ends(folder) == [RunEnd("crashed", None, "the process vanished without a word")]
    assert fold("run1", read_run(folder)).status == glance(folder).info.status == "crashed"
    assert not glance(folder).open
    *_, last, end = read_run(folder)
    assert last.body == Notes("here")
    assert last.time < end.time <= time.time_ns()
    assert sorted(path.suffix for path in folder.journal.iterdir()) == [".jsonl", ".jsonl", ".lock"]


def test_two_reapers_write_one_end(root: Root) -> None:
    """Of several processes that find the run crashed in the same moment, one ends it and none fails."""
    folder = root.run("digits", "run1")
    with writing(root) as process:
        kill(process)
    script = (
        "import sys; from tracklib.journal.layout import Root; from tracklib.journal.recovery import reap\n"
        "folder = Root(sys.argv[1]).run('digits', 'run1'); print('ready', flush=True); sys.stdin.readline()\n"
        "print(len(reap(folder)))"
    )
    command = [sys.executable, "-c", script, str(root.path)]
    pipe = subprocess.PIPE
    reapers = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(4)]
    assert [reaper.stdout.readline() for reaper in reapers] == ["ready\n"] * 4
    for reaper in reapers:
        reaper.stdin.write("\n")
        reaper.stdin.flush()
    told = [reaper.communicate(timeout=60) for reaper in reapers]
    assert sorted(out for out, _ in told) == ["0\n", "0\n", "0\n", "1\n"]
    assert [err for _, err in told] == [""] * 4
    assert len(ends(folder)) == 1
    assert not list(folder.journal.glob("*.tmp"))


def test_reapers_without_hard_links_write_one_end(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file system has no hard links, the end is put in its place whole, and once."""

    def refuse(*_: object) -> None:
        raise PermissionError("no links here")

    folder = root.run("digits", "run1")
    with writing(root) as process:
        kill(process)
    monkeypatch.setattr(os, "link", refuse)
    assert len(reap(folder)) == 1
    assert reap(folder) == []
    assert len(ends(folder)) == 1


def test_a_reaper_that_cannot_write_leaves_nothing(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reaper whose disk is full fails, leaves no half of an end, and the next one succeeds."""

    def refuse(_: int) -> None:
        raise OSError(28, "No space left on device")

    folder = root.run("digits", "run1")
    with writing(root) as process:
        kill(process)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(OSError, match="No space"):
            reap(folder)
    assert ends(folder) == []
    assert len(reap(folder)) == 1


@pytest.mark.parametrize("role", ["main", "child"])
def test_a_damaged_header_ends_nobody_wrongly(root: Root, role: str) -> None:
    """Without its header a segment that begins with a start is a main one; a child's is never ended as crashed."""
    folder = root.run("digits", "run1")
    main = foreign(folder, "main", STARTED, ENDED)
    first = STARTED if role == "main" else b'{"kind":"notes","seq":1,"time":5,"text":"x"}'
    broken = foreign(folder, role, first)
    broken.write_bytes(broken.read_bytes().replace(b"segment", b"sEgment", 1))
    assert reap(folder) == ([broken.stem] if role == "main" else [])
    assert glance(folder).info.status == ("crashed" if role == "main" else "finished")
    assert main in folder.segments()


def test_a_writer_killed_before_its_header_is_ended_by_name(root: Root) -> None:
    """A process that dies before a byte is written leaves an empty segment: the run is named by its folder and ended."""
    folder = root.run("Größe/X", "Run-1")
    folder.journal.mkdir(parents=True)
    writer = new_writer_id()
    WriterLock(folder.journal / f"{writer}.jsonl").release()
    (folder.journal / f"{writer}.jsonl").touch()
    assert reap(folder) == [writer]
    info = glance(folder).info
    assert (info.project, info.id, info.status) == ("Größe/X", "Run-1", "crashed")
    header = SegmentReader(folder.journal / f"{writer}{REAPER}.jsonl").header()
    assert (header.project, header.run, header.role) == ("Größe/X", "Run-1", "reaper")


def test_a_torn_end_is_none(root: Root) -> None:
    """An end whose line feed never came was not said: the run is crashed."""
    folder = root.run("digits", "run1")
    path = foreign(folder, "main", STARTED, ENDED)
    path.write_bytes(path.read_bytes()[:-1])
    damage = Damage()
    assert len(list(read_run(folder, damage))) == 1
    assert damage.torn
    assert reap(folder, adopt=True) == []
    os.utime(path, (0, 0))
    assert reap(folder, adopt=True) == [path.stem]
    assert glance(folder).info.status == "crashed"


def test_a_run_is_one_over_all_its_writers(root: Root) -> None:
    """Several writers of one run are merged by time, each in its own order, and the first start is the run's."""
    root.create()
    folder = root.run("digits", "run1")
    writers = [SegmentWriter(folder, "run1", "digits", warn=pytest.fail) for _ in range(3)]
    for number, writer in enumerate(writers, 1):
        writer.append(RunStart("digits", f"name{number}", attempt=number))
    for number in range(30):
        writers[number % 3].append(Notes(str(number)))
    assert glance(folder).info.status == "running"
    for writer in writers:
        writer.end(RunEnd("finished"))
        writer.close()
    found = list(read_run(folder))
    assert [record.body.text for record in found if isinstance(record.body, Notes)] == [str(n) for n in range(30)]
    look = glance(folder)
    assert (look.records, look.open, look.info.name, look.info.attempt) == (36, False, "name3", 3)
    assert look.info == fold("run1", found).info()
    assert look.info.started == found[0].time


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_reapers_never_end_who_lives(root: Root) -> None:
    """While another process reaps all the time, forty runs begin and end by themselves: each ends once, as it says."""
    root.create()

    def reaping() -> None:
        while os.getppid() == parent:
            for folder in root.runs():
                reap(folder)
                glance(folder)

    def living(number: int) -> None:
        with tracklib.init("p", id=f"r{number % 9}") as run:
            for _ in range(20):
                run.log({"a": 1.0})

    parent = os.getpid()
    reaper = forked(reaping)
    for number in range(40):
        assert os.waitpid(forked(living, number), 0)[1] == 0
    assert os.waitpid(reaper, os.WNOHANG) == (0, 0)
    os.kill(reaper, signal.SIGKILL)
    os.waitpid(reaper, 0)
    for folder in root.runs():
        attempts = glance(folder).info.attempt
        assert [end.status for end in ends(folder)] == ["finished"] * attempts
        assert attempts >= 4
