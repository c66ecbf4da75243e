"""A disk that fails: what it refuses is counted to the last record, and nothing else is lost."""

from __future__ import annotations

import errno
import os
import threading

import pytest

from tests.tracking.left import open_files
from tracklib import platform
from tracklib.journal.layout import RunFolder
from tracklib.journal.liveness import life_of
from tracklib.journal.reader import Damage, SegmentReader, read_run
from tracklib.journal.writer import SegmentWriter
from tracklib.model.records import Notes, Notice, Record, RunEnd


class Disk:
    """A disk whose next writes go wrong as they are told.

    Attributes:
        faults: For each coming write, an error number, a number of bytes that is taken (negative), or ``None``.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.faults: list[int | None] = []
        self._write = os.write
        monkeypatch.setattr(os, "write", self.write)

    def write(self, fd: int, content: bytes) -> int:
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None and fault >= 0:
            raise OSError(fault, os.strerror(fault))
        return self._write(fd, content if fault is None else content[:-fault])


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def read(folder: RunFolder) -> tuple[list[Record], Damage]:
    """Return a run's records, and what could not be read."""
    damage = Damage()
    return list(read_run(folder, damage)), damage


def texts(folder: RunFolder) -> list[str]:
    """Return the texts of a run's notes, in order."""
    return [record.body.text for record in read(folder)[0] if isinstance(record.body, Notes)]


def dropped(folder: RunFolder) -> int:
    """Return how many records the run's notices say were dropped."""
    return sum(record.body.count for record in read(folder)[0] if isinstance(record.body, Notice))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_drops_counts_and_goes_on(
    writer: SegmentWriter, folder: RunFolder, disk: Disk, warnings: list[str], code: int
) -> None:
    """What the disk refuses is dropped, warned of once, counted exactly in a notice, and a gap in the numbers."""
    writer.append(Notes("before"))
    disk.faults = [code] * 7
    assert [writer.append(Notes("lost")) for _ in range(7)] == [False] * 7
    assert writer.append(Notes("behind"))
    found, damage = read(folder)
    assert texts(folder) == ["before", "behind"]
    assert [record.seq for record in found] == [1, 9, 10]
    assert found[-1].body == Notice("dropped", "records that the disk did not take", 7)
    assert damage == Damage(missing=7)
    assert len(warnings) == 1
    assert os.strerror(code) in warnings[0] and "Training goes on" in warnings[0]


def test_a_notice_that_the_disk_refuses_is_not_forgotten(writer: SegmentWriter, folder: RunFolder, disk: Disk) -> None:
    """The count of what was dropped is told when it can be, though the first attempts to tell it fail too."""
    disk.faults = [errno.ENOSPC, errno.ENOSPC, None, errno.ENOSPC, errno.ENOSPC, None, errno.ENOSPC, None, None]
    for text in "abcdefg":
        writer.append(Notes(text))
    assert texts(folder) == ["c", "e", "f", "g"]
    assert dropped(folder) == writer.lost == 3
    assert read(folder)[1] == Damage(missing=3)


def test_what_was_dropped_last_is_told_at_the_end(
    writer: SegmentWriter, disk: Disk, warnings: list[str], folder: RunFolder
) -> None:
    """Where the disk takes nothing any more, the last words name the number of records that are gone."""
    disk.faults = [errno.ENOSPC] * 3
    for _ in range(3):
        writer.append(Notes("lost"))
    writer.close()
    assert warnings[1:] == ["3 records of this run were dropped, which the disk did not take"]
    assert read(folder)[0] == []


@pytest.mark.parametrize("taken", [1, 20, 90])
def test_a_short_write_is_completed(writer: SegmentWriter, folder: RunFolder, disk: Disk, taken: int) -> None:
    """Where the system takes only a part of a line, the rest follows, and no record suffers."""
    disk.faults = [-taken, -3, None]
    assert writer.append(Notes("x" * 200))
    assert writer.append(Notes("y"))
    assert texts(folder) == ["x" * 200, "y"]
    assert read(folder)[1] == Damage()
    assert len(folder.segments()) == 1


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EFBIG])
def test_nothing_is_appended_behind_a_torn_line(
    writer: SegmentWriter, folder: RunFolder, disk: Disk, code: int
) -> None:
    """A line that broke off stays the last of its file; its record, and all behind it, stand in a new segment."""
    writer.append(Notes("before"))
    disk.faults = [-30, code]
    assert writer.append(Notes("torn once"))
    assert writer.append(Notes("behind"))
    writer.end(RunEnd("finished"))
    assert texts(folder) == ["before", "torn once", "behind"]
    assert (writer.lost, read(folder)[1]) == (0, Damage(torn=True))
    (torn,) = [path for path in folder.segments() if not path.read_bytes().endswith(b"\n")]
    roles = {SegmentReader(path).header().role for path in folder.segments() if path != torn}
    assert (SegmentReader(torn).header().role, "child" in roles, "main" in roles) == ("main", True, False)


@pytest.mark.parametrize(
    "code", [errno.EIO, errno.ESTALE, errno.EBADF, errno.EFBIG, errno.ENOTCONN, errno.ESHUTDOWN, errno.ENODEV]
)
def test_a_file_that_fails_is_left_for_a_new_one(
    writer: SegmentWriter, folder: RunFolder, disk: Disk, code: int
) -> None:
    """Where one file takes nothing more, though the disk might, the record goes to a new segment; nothing is lost."""
    writer.append(Notes("before"))
    disk.faults = [code]
    assert writer.append(Notes("saved"))
    assert texts(folder) == ["before", "saved"]
    assert (len(folder.segments()), writer.lost) == (2, 0)


def test_a_disk_full_for_new_files_leaves_nothing_behind(writer: SegmentWriter, folder: RunFolder, disk: Disk) -> None:
    """Where even a new segment's header is refused, no empty file, no lock and no descriptor stays, however often."""
    writer.append(Notes("before"))
    held = set(open_files())  # not how often: the flusher may have a second descriptor of the segment
    disk.faults = [-30, *[errno.ENOSPC] * 51]
    assert not any(writer.append(Notes("lost")) for _ in range(50))
    assert len(list(folder.journal.iterdir())) == 2
    assert {path for path in open_files() if path.startswith(str(folder.journal))} <= held
    disk.faults = []
    assert writer.append(Notes("behind"))
    assert texts(folder) == ["before", "behind"]
    assert dropped(folder) == writer.lost == 50


def test_a_failed_sync_is_never_trusted_again(
    writer: SegmentWriter, folder: RunFolder, monkeypatch: pytest.MonkeyPatch, warnings: list[str]
) -> None:
    """After a sync that failed, whose pages may be marked clean, the next record goes to a new segment; none is lost."""

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    writer.append(Notes("a"))
    with monkeypatch.context() as patch:
        patch.setattr(platform, "sync_data", fail)
        writer.flush()
        writer.flush()
    assert writer.append(Notes("b"))
    assert texts(folder) == ["a", "b"]
    assert (len(folder.segments()), writer.lost) == (2, 0)
    assert "cannot bring the journal" in warnings[0]


def test_a_disk_that_complains_only_at_closing_keeps_no_writer_open(
    writer: SegmentWriter, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NFS tells some faults at ``close``, when everything was synced: the writer closes all the same, and is gone."""
    writer.append(Notes("a"))
    close = os.close

    def complain(fd: int) -> None:
        close(fd)
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    with monkeypatch.context() as patch:
        patch.setattr(os, "close", complain)
        writer.close()
    assert writer.closed
    assert life_of(writer.path, SegmentReader(writer.path).header()) == "gone"
    assert texts(folder) == ["a"]


def test_syncing_does_not_hold_up_writing(
    writer: SegmentWriter, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that takes its time over a sync keeps no record waiting."""
    syncing, over = threading.Event(), threading.Event()

    def slow(_: int) -> None:
        syncing.set()
        assert over.wait(60)

    monkeypatch.setattr(platform, "sync_data", slow)
    writer.append(Notes("a"))
    thread = threading.Thread(target=writer.flush)
    thread.start()
    assert syncing.wait(60)
    assert writer.append(Notes("b"))
    assert texts(folder) == ["a", "b"]
    over.set()
    thread.join()
    assert writer.segment.synced < writer.segment.size


def test_what_was_synced_is_not_synced_again(writer: SegmentWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync costs the disk nothing where nothing was written since."""
    synced: list[int] = []
    monkeypatch.setattr(platform, "sync_data", synced.append)
    for text in "ab":
        writer.append(Notes(text))
        writer.flush()
        writer.flush()
    assert len(synced) == 2
    assert writer.segment.synced == writer.segment.size == writer.path.stat().st_size
