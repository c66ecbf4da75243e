"""Batches: all records, once, in order, and never a millisecond in two."""

from __future__ import annotations

import errno
import math
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from tracklib.delivery.batches import BatchReader
from tracklib.delivery.receipt import Place
from tracklib.journal.layout import Root, RunFolder
from tracklib.journal.reader import SegmentReader
from tracklib.journal.writer import SegmentWriter
from tracklib.model.records import Metrics


def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: list[int]) -> RunFolder:
    """Write a record at each of these times, in nanoseconds."""
    root = Root(tmp_path)
    root.create()
    folder = root.run("p", "r")
    writer = SegmentWriter(folder, "r", "p", warn=pytest.fail)
    for number, time in enumerate(times):
        monkeypatch.setattr("tracklib.journal.open_segment.time.time_ns", lambda time=time: time)
        writer.append(Metrics({"a": float(number)}, number))
    monkeypatch.undo()
    writer.close()
    return folder


def test_batches_hold_everything_once_and_split_no_millisecond(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the size asked for, records of one millisecond stand in one batch."""
    times = [10**18 + i * 300_000 for i in range(500)]  # three or four to a millisecond
    folder = written(tmp_path, monkeypatch, times)
    for size in (2, 7, 100, 1000):
        reader = BatchReader(folder, {})
        batches = list(iter(lambda reader=reader, size=size: reader.next(size), None))
        numbers = [record.body.step for batch in batches for record in batch.records]
        assert numbers == list(range(500))
        for before, after in pairwise(batches):
            assert before.records[-1].time // 10**6 < after.records[0].time // 10**6
        assert max(Counter(len(batch.records) for batch in batches)) <= size + 4


def test_a_record_asked_for_alone_comes_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A size of one is one record, so that the one that crashes an SDK can be found."""
    folder = written(tmp_path, monkeypatch, [10**18] * 5)
    reader = BatchReader(folder, {})
    assert [len(batch.records) for batch in iter(lambda: reader.next(1), None)] == [1] * 5


def test_reading_goes_on_where_it_was_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the place behind any batch a fresh reader gives the rest, and nothing twice."""
    folder = written(tmp_path, monkeypatch, [10**18 + i * 10**6 for i in range(50)])
    first = BatchReader(folder, {})
    batch = first.next(20)
    assert batch is not None
    second = BatchReader(folder, {batch.writer: batch.places[-1]})
    rest = second.next(1000)
    assert rest is not None
    assert [record.body.step for record in batch.records + rest.records] == list(range(50))
    assert second.next(10) is None


def test_damaged_lines_are_counted_once_however_often_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that is rewound does not count the same damage again."""
    folder = written(tmp_path, monkeypatch, [10**18 + i * 10**6 for i in range(10)])
    (segment,) = folder.segments()
    lines = segment.read_bytes().split(b"\n")
    lines[5] = lines[5].replace(b"metrics", b"metricz")
    segment.write_bytes(b"\n".join(lines))
    reader = BatchReader(folder, {})
    for _ in range(3):
        batch = reader.next(100)
        assert batch is not None
        assert len(batch.records) == 9
        reader.rewind(batch.writer, Place())
    assert (reader.damage().lines, reader.damage().missing) == (1, 1)


def test_a_segment_that_cannot_be_read_for_a_while_is_read_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of the file system that passes costs no record, and says what stands in the way meanwhile."""
    folder = written(tmp_path, monkeypatch, [10**18 + i * 10**6 for i in range(10)])
    reader = BatchReader(folder, {})
    with monkeypatch.context() as patch:

        def fail(*_: object) -> None:
            raise OSError(errno.ESTALE, "Stale file handle")

        patch.setattr(SegmentReader, "records", fail)
        assert reader.next(100) is None
    assert reader.blocked.startswith("cannot read ")
    assert reader.blocked.endswith(": Stale file handle")
    assert reader.next(100) is None  # not before its time
    monkeypatch.setattr("tracklib.delivery.batches.time.monotonic", lambda: math.inf)
    batch = reader.next(100)
    assert batch is not None
    assert [record.body.step for record in batch.records] == list(range(10))
    assert (reader.blocked, reader.damage().lines) == ("", 0)
