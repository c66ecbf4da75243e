"""Runs that tracklib wrote are read as a stream, whatever their length, from a view that tells how far it was asked."""

import io
from collections import Counter

import pytest
from tracklib_wandb import names
from tracklib_wandb.companions import chunk_path, write_chunk
from tracklib_wandb.identity import KEY, Identity
from tracklib_wandb.restoring import RestoredRun
from tracklib_wandb.rows import write_mark
from tracklib_wandb.seen import Seen
from tracklib_wandb.view import StoredFile, Vitals

from tracklib.model.records import Console, Context, Metrics, Record, RunStart, System
from tracklib.model.run import RunInfo

INFO = RunInfo("p", "r", "shown", "running", 1_790_000_000_000_000_000)


class View:
    """A run of rows that are made when they are asked for, and of files."""

    def __init__(self, rows, chunks=()):
        self.made = 0
        self._rows = rows
        self._chunks = {chunk_path(records): write_chunk(records) for records in chunks}
        self.vitals = Vitals("e", "p", "r", "shown", "running", 1.79e9)

    def history(self):
        for row in self._rows:
            self.made += 1
            yield row

    def config(self):
        return {KEY: Identity.of(INFO).tree()}

    def files(self):
        return [StoredFile(path, len(content)) for path, content in self._chunks.items()]

    def open_file(self, path):
        return io.BytesIO(self._chunks[path])

    def summary(self):
        return {}

    def logged(self):
        return []

    def losses(self):
        return Counter()


def record(seq, body, writer="w"):
    return Record(writer, seq, INFO.started + seq, body)


def row(seq, *beside, writer="w"):
    """Return a row of one point, and whole records beside it."""
    point = record(seq, Metrics({"x": float(seq)}, seq), writer)
    return {"x": float(seq), "_step": seq, names.STEP: seq, names.MARK: write_mark([point], list(beside))}


def start(seq, **context):
    return record(seq, RunStart("p", "shown", context=context))


def read(view):
    return [body for _, body in RestoredRun(view, Identity.of(INFO)).bodies()]


def test_rows_are_read_as_they_are_asked_for():
    """The start comes from the first row that tells of it; the rows behind are read when their points are taken."""
    view = View(row(seq, *([start(1, host="h")] if seq == 2 else [])) for seq in range(2, 10_000))
    bodies = RestoredRun(view, Identity.of(INFO)).bodies()
    assert next(bodies)[1] == RunStart("p", "shown", context={"host": "h"})
    assert [next(bodies)[1].values for _ in range(3)] == [{"x": 2.0}, {"x": 3.0}, {"x": 4.0}]
    assert view.made < 6
    assert len(list(bodies)) == 9_998 - 3


def test_a_run_whose_start_is_nowhere_is_read_all_the_same():
    """Only so many rows are read ahead for it."""
    view = View(row(seq) for seq in range(1, 5_000))
    bodies = RestoredRun(view, Identity.of(INFO)).bodies()
    assert next(bodies)[1].context == {}
    assert view.made <= 1_000
    assert len(list(bodies)) == 4_999


def test_what_is_in_files_goes_before_the_rows_behind_it():
    """Of each writer, output comes in its order, wherever it stands; what came twice is there once."""
    lines = [record(seq, Console("stdout", f"{seq}\n")) for seq in (2, 4, 5, 7)]
    rows = [row(3), row(6, lines[2]), row(6, lines[2]), row(8)]
    found = read(View(rows, [[start(1, host="h")], lines[:2], lines[1:3], [lines[3]]]))
    assert found[0].context == {"host": "h"}
    assert [body.text for body in found if isinstance(body, Console)] == ["2\n", "4\n", "5\n", "7\n"]
    assert [body.step for body in found if isinstance(body, Metrics)] == [3, 6, 8]


def test_later_starts_tell_of_the_surroundings():
    """A run that was begun again has the surroundings of all its starts, the later over the earlier."""
    rows = [row(2, start(1, host="a", cpu=4)), row(4, record(3, Context({"cpu": 8}))), row(6, start(5, host="b"))]
    context = {}
    for body in read(View(rows)):
        if isinstance(body, RunStart):
            context |= body.context
        elif isinstance(body, Context):
            context |= body.values
    assert context == {"host": "b", "cpu": 8}
    assert sum(isinstance(body, RunStart) for body in read(View(rows))) == 1


@pytest.mark.parametrize("writer", ["w", "odd name", "\ud800"])
def test_files_of_any_writer_are_found(writer):
    """Also of one whose name no file can bear."""
    sample = record(1, System({"cpu": 1.0}), writer)
    found = read(View([row(2, writer=writer)], [[sample]]))
    assert [type(body) for body in found] == [RunStart, System, Metrics]


def test_a_set_of_records_is_a_set():
    """Whatever the numbers and their order."""
    numbers = [0, 7, 8, 2**15 - 1, 2**15, 5, 2**62, 7, 0, 2**15]
    seen, plain = Seen(), set()
    for number in numbers:
        assert ((("w", number) in seen), seen.add("w", number)) == (number in plain, number not in plain)
        plain.add(number)
    assert ("other", 7) not in seen
