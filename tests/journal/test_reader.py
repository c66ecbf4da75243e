"""The reader: a segment can be read at any time, from any place, as it grows, and gives each record once."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tracklib.journal import reader as module
from tracklib.journal.layout import RunFolder
from tracklib.journal.reader import Damage, SegmentReader, read_run
from tracklib.journal.writer import SegmentWriter
from tracklib.model.records import Metrics, Notes, Params, Record


def fill(writer: SegmentWriter, count: int) -> Path:
    """Write records of different lengths."""
    for number in range(count):
        writer.append(Notes("é" * (number % 7)) if number % 3 else Metrics({"a": number / 3}, number))
    writer.flush()
    return writer.path


def read(reader: SegmentReader) -> list[Record]:
    """Read on to where the file ends today."""
    return [record for record, _ in reader.records()]


def test_a_growing_file_gives_each_record_once(writer: SegmentWriter, tmp_path: Path) -> None:
    """Followed while it grows by a few bytes at a time, a segment gives every record once, as soon as it is whole."""
    path = fill(writer, 60)
    whole = read(SegmentReader(path))
    content = path.read_bytes()
    growing = tmp_path / path.name
    growing.touch()
    reader = SegmentReader(growing)
    found: list[Record] = []
    at = 0
    chance = random.Random(1)
    while at < len(content):
        step = chance.randrange(1, 90)
        with growing.open("ab") as file:
            file.write(content[at : at + step])
        at += step
        found += read(reader)
        assert len(found) == max(0, content[:at].count(b"\n") - 1)
        assert reader.damage == Damage(torn=content[:at][-1:] != b"\n")
    assert found == whole


def test_reading_goes_on_from_every_record(writer: SegmentWriter) -> None:
    """From the offset behind any record, the rest is read and nothing else, without a false gap."""
    path = fill(writer, 40)
    places = [(end, record) for record, end in SegmentReader(path).records()]
    for index, (end, record) in enumerate(places):
        reader = SegmentReader(path, end, record.seq)
        assert read(reader) == [later for _, later in places[index + 1 :]]
        assert reader.damage == Damage()
        assert reader.offset == path.stat().st_size


def test_a_reader_may_stop_anywhere(writer: SegmentWriter) -> None:
    """A reader that is left in the middle goes on behind the record that it gave last."""
    path = fill(writer, 20)
    reader = SegmentReader(path)
    found = []
    for _ in range(40):
        for record, end in reader.records():
            found.append(record.seq)
            assert reader.offset == end
            break
    assert found == list(range(1, 21))


def test_damage_is_counted_once(writer: SegmentWriter) -> None:
    """However often a reader goes back, a damaged line and the number that it cost are counted once."""
    path = fill(writer, 20)
    content = bytearray(path.read_bytes())
    content[content.index(b"\n", 900) + 30] ^= 4
    path.write_bytes(content)
    reader = SegmentReader(path)
    for _ in range(3):
        reader.offset, reader.seq = 0, 0
        assert len(read(reader)) == 19
        assert reader.damage == Damage(lines=1, missing=1)


@pytest.mark.parametrize("chunk", [1, 7, 64, 1000])
def test_the_size_of_a_read_does_not_matter(writer: SegmentWriter, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    """Lines that stretch over many reads come out as from one."""
    path = fill(writer, 40)
    whole = [*SegmentReader(path).records()]
    monkeypatch.setattr(module, "_CHUNK", chunk)
    reader = SegmentReader(path)
    assert [*reader.records()] == whole
    assert reader.damage.missing == 0


def test_a_line_beyond_all_bounds_is_stepped_over(writer: SegmentWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that is longer than any writer makes one is damage; what stands behind it is read, from its true place."""
    monkeypatch.setattr(module, "_CHUNK", 100)
    monkeypatch.setattr(module, "_MAX_LINE", 2000)
    fill(writer, 3)
    with writer.path.open("ab") as file:
        file.write(b"\0" * 9000 + b"\n")
    writer.append(Notes("behind"))
    reader = SegmentReader(writer.path)
    found = [*reader.records()]
    assert [record.body for record, _ in found[3:]] == [Notes("behind")]
    assert found[-1][1] == writer.path.stat().st_size
    assert reader.damage == Damage(lines=1)


def test_a_large_record_is_read_in_linear_time(writer: SegmentWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record of 40 MB is read whole; its pieces are put together once."""
    monkeypatch.setattr(module, "_CHUNK", 1 << 14)
    big = Params({"text": "x" * (40 << 20)})
    writer.append(big)
    assert read(SegmentReader(writer.path))[0].body == big


def test_a_file_that_shrinks_or_goes_is_no_crash(writer: SegmentWriter, folder: RunFolder) -> None:
    """A segment that is cut or removed while it is followed gives nothing more; a whole run's reader counts it."""
    path = fill(writer, 10)
    reader = SegmentReader(path)
    assert len(read(reader)) == 10
    path.write_bytes(path.read_bytes()[:100])
    assert read(reader) == []
    path.unlink()
    with pytest.raises(FileNotFoundError):
        read(reader)
    assert list(read_run(folder)) == []


def test_segments_are_merged_by_time(new_writer: Callable[..., SegmentWriter], folder: RunFolder) -> None:
    """However three writers take turns, a run's records come in order of time, and each writer's in its own."""
    writers = [new_writer() for _ in range(3)]
    chance = random.Random(5)
    order = [chance.randrange(3) for _ in range(300)]
    for number, which in enumerate(order):
        writers[which].append(Notes(str(number)))
    found = list(read_run(folder))
    assert [record.body.text for record in found] == [str(number) for number in range(300)]
    assert [record.writer for record in found] == [writers[which].writer for which in order]


def test_two_records_of_one_time_keep_one_order(
    new_writer: Callable[..., SegmentWriter], folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records of several writers at the very same nanosecond are told apart by writer, the same way each time."""
    monkeypatch.setattr("time.time_ns", lambda: 5)
    for writer in [new_writer() for _ in range(3)]:
        writer.append(Notes("a"))
        writer.append(Notes("b"))
    found = list(read_run(folder))
    assert found == sorted(found, key=lambda record: (record.time, record.writer, record.seq))
    assert [record.time for record in found] == [5, 5, 5, 6, 6, 6]
