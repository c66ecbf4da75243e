"""The writer: every record whole and in order, whatever the disk, the clock, signals and other threads do."""

from __future__ import annotations

import gc
import itertools
import os
import sys
import threading
import time
from collections.abc import Callable

import pytest

from tracklib.errors import BadValueError
from tracklib.journal.layout import RunFolder
from tracklib.journal.reader import Damage, read_run
from tracklib.journal.writer import SegmentWriter
from tracklib.model.records import Console, Metrics, Notes, Record


def read(folder: RunFolder) -> tuple[list[Record], Damage]:
    """Return a run's records, and what could not be read."""
    damage = Damage()
    return list(read_run(folder, damage)), damage


def texts(folder: RunFolder) -> list[str]:
    """Return the texts of a run's notes, in order."""
    return [record.body.text for record in read(folder)[0] if isinstance(record.body, Notes)]


def test_a_record_is_in_the_file_when_append_returns(writer: SegmentWriter, folder: RunFolder) -> None:
    """Nothing waits in memory: each record can be read at once, by its number and with a rising time."""
    for number in range(1, 50):
        assert writer.append(Notes(str(number)))
        found, damage = read(folder)
        assert (found[-1].seq, found[-1].body.text, damage) == (number, str(number), Damage())
    assert [record.time for record in found] == sorted({record.time for record in found})


def test_times_rise_though_the_clock_is_set_back(
    writer: SegmentWriter, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record is later than the one before it, by a nanosecond where the clock stood still or went back a year."""
    now = time.time_ns()
    for value in (now + 5_000_000_000, now, now - 31_536_000_000_000_000, now + 5_000_000_002, now + 6_000_000_000):
        monkeypatch.setattr(time, "time_ns", lambda value=value: value)
        writer.append(Notes("x"))
    first = now + 5_000_000_000
    assert [record.time - first for record in read(folder)[0]] == [0, 1, 2, 3, 1_000_000_000]


def test_a_deleted_journal_is_noticed(writer: SegmentWriter, folder: RunFolder, warnings: list[str]) -> None:
    """Where somebody removes the journal of a run that goes on, that is said, and recording begins anew."""
    writer.append(Notes("gone"))
    for path in [*folder.journal.iterdir()]:
        path.unlink()
    folder.journal.rmdir()
    folder.path.rmdir()
    writer.flush()
    assert writer.append(Notes("here"))
    assert texts(folder) == ["here"]
    assert "was deleted while the run goes on" in warnings[0]


def test_a_record_too_large_for_any_reader_is_refused(writer: SegmentWriter, folder: RunFolder) -> None:
    """A line that readers would step over is refused by its size, and takes no number."""
    writer.append(Notes("a"))
    with pytest.raises(BadValueError, match="expected a record of at most 64 MB, got 70 MB; log it as an artifact"):
        writer.append(Console("stdout", "x" * (70 << 20)))
    writer.append(Notes("x" * (5 << 20)))
    assert [record.seq for record in read(folder)[0]] == [1, 2]


def test_a_closed_writer_takes_nothing(writer: SegmentWriter, folder: RunFolder, tmp_path) -> None:
    """After `close` nothing is written, also not into whatever file has the old descriptor's number now."""
    writer.append(Notes("a"))
    writer.close()
    others = [os.open(tmp_path / f"other{i}", os.O_RDWR | os.O_CREAT) for i in range(5)]
    assert not writer.append(Notes("b"))
    assert [os.fstat(fd).st_size for fd in others] == [0] * 5
    for fd in others:
        os.close(fd)
    assert (texts(folder), writer.lost) == (["a"], 0)


def test_a_finaliser_may_log_inside_another_record(
    writer: SegmentWriter, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record that begins while another is being written is written too, in a segment beside it; neither is torn."""

    class Logging:
        def __del__(self) -> None:
            writer.append(Notes("inner"))

    holder = [Logging()]
    put = type(writer.segment).put

    def interrupted(segment: object, line: bytes) -> None:
        holder.clear()
        gc.collect()
        put(segment, line)

    monkeypatch.setattr(type(writer.segment), "put", interrupted)
    for number in range(3):
        if number:
            holder.append(Logging())
        writer.append(Metrics({"a": float(number)}, number))
    found, damage = read(folder)
    assert sorted(texts(folder)) == ["inner"] * 3
    assert [record.seq for record in found if isinstance(record.body, Metrics)] == [1, 2, 3]
    assert damage == Damage()
    assert len(folder.segments()) == 2


def test_threads_write_one_after_another(new_writer: Callable[..., SegmentWriter], folder: RunFolder) -> None:
    """Eight threads of 2,000 records each: all are there, each thread's in its order, numbers and times strict."""
    writer = new_writer()
    start = threading.Barrier(8)

    def work(number: int) -> None:
        start.wait()
        for step in range(2000):
            writer.append(Metrics({str(number): step}, step))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    found, damage = read(folder)
    assert (damage, len(found)) == (Damage(), 16_000)
    assert [record.seq for record in found] == list(range(1, 16_001))
    assert all(a.time < b.time for a, b in itertools.pairwise(found))
    for number in range(8):
        assert [record.body.step for record in found if str(number) in record.body.values] == list(range(2000))
