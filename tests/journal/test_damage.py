"""Damage: whatever becomes of a segment's bytes, no wrong record is believed, and little is lost."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from tracklib.errors import CorruptJournalError
from tracklib.journal.layout import RunFolder
from tracklib.journal.reader import Damage, SegmentReader, read_run
from tracklib.journal.recovery import last_record
from tracklib.journal.segment import Header, seal, seed_of, unseal
from tracklib.journal.writer import SegmentWriter
from tracklib.model.codec import dumps
from tracklib.model.records import Metrics, Params, Record, RunStart, Tags


def read(path: Path) -> tuple[list[Record], Damage]:
    """Return a segment's records, and what could not be read."""
    reader = SegmentReader(path)
    return [record for record, _ in reader.records()], reader.damage


def fill(writer: SegmentWriter, size: int) -> Path:
    """Write records of several kinds until the segment has so many bytes."""
    writer.append(RunStart("digits", "run1"))
    step = 0
    while writer.segment.size < size:
        writer.append(Metrics({"loss": math.sin(step), "é": step, "nan": math.nan}, step))
        if step % 10 == 0:
            writer.append(Params({"text": 'a"}\\n\n', "deep": {"x": [1, 2.5, None]}}))
            writer.append(Tags({"dev": "", "gone": None}))
        step += 1
    writer.close()
    return writer.path


def test_a_flipped_bit_costs_two_records_at_most(writer: SegmentWriter) -> None:
    """Each single bit of a 20 KB segment, turned over, unmakes the lines that it touches, two at most, and makes none."""
    path = fill(writer, 20_000)
    reader = SegmentReader(path)
    lines = path.read_bytes().splitlines(keepends=True)
    tried = 0
    for number, line in enumerate(lines):
        behind = b"".join(lines[number + 1 : number + 2])
        for bit in range(len(line) * 8):
            flipped = bytearray(line)
            flipped[bit // 8] ^= 1 << bit % 8
            touched = flipped if flipped.endswith(b"\n") else flipped + behind  # a lost line feed joins two lines
            parts = bytes(touched).removesuffix(b"\n").split(b"\n")  # and a new one makes two of one
            assert all(reader.parse(part, counting=False) is None for part in parts), (number, bit)
            tried += 1
    assert tried == path.stat().st_size * 8 >= 160_000


def test_a_flipped_byte_in_the_file_is_read_past(writer: SegmentWriter) -> None:
    """A damaged byte anywhere, read from the file as readers read it: at most two records missing, none wrong."""
    path = fill(writer, 8_000)
    whole, _ = read(path)
    content = path.read_bytes()
    expected = {record.seq: record for record in whole}
    for at in [*random.Random(7).sample(range(len(content)), 300), content.index(b"\n"), len(content) - 1]:
        damaged = bytearray(content)
        damaged[at] ^= 1 << at % 8
        path.write_bytes(damaged)
        found, damage = read(path)
        assert all(expected[record.seq] == record for record in found)
        assert len(whole) - len(found) <= 2
        assert damage
        assert [record.seq for record in found] == sorted({record.seq for record in found})


def test_a_segment_may_end_at_every_byte(writer: SegmentWriter) -> None:
    """Cut anywhere, a segment gives exactly the records whose lines are whole, and says whether its tail is torn."""
    path = fill(writer, 1_200)
    whole, _ = read(path)
    content = path.read_bytes()
    for size in range(len(content) + 1):
        path.write_bytes(content[:size])
        found, damage = read(path)
        lines = content[:size].count(b"\n")
        assert found == whole[: max(0, lines - 1)]
        assert damage == Damage(torn=not content[:size].endswith(b"\n") and size > 0)
        assert last_record(path) == (found[-1] if found else None)


TAILS = {
    "zeros": b"\0" * 5000,
    "zeros and a line feed": b"\0" * 100 + b"\n",
    "noise": random.Random(3).randbytes(5000),
    "empty lines": b"\n\n\n",
    "half a line": b'{"kind":"metrics","seq":',
    "no object": b'[1]\n"text"\n5\nnull\n',
    "no checksum": b'{"kind":"metrics","seq":99,"time":1,"step":0,"values":{}}\n',
    "empty checksum": b'{"kind":"metrics","seq":99,"time":1,"step":0,"values":{},"crc":"00000000"}\n',
    "only a checksum": b',"crc":"00000000"}\n',
    "bare braces": b"{}\n{\n}\n",
}


@pytest.mark.parametrize("tail", TAILS.values(), ids=TAILS)
def test_garbage_behind_the_records_is_never_one(writer: SegmentWriter, tail: bytes) -> None:
    """What a power cut or a bad disk leaves at a segment's end is no record, is counted, and does not stop the reader."""
    path = fill(writer, 1_000)
    whole, _ = read(path)
    with path.open("ab") as file:
        file.write(tail)
    found, damage = read(path)
    assert found == whole
    assert damage.torn is not tail.endswith(b"\n")
    assert damage.lines == tail.count(b"\n")
    assert last_record(path) == whole[-1]


def test_zeros_in_the_middle_cost_only_what_they_cover(writer: SegmentWriter) -> None:
    """A hole, as a lost page leaves it, costs the lines that it touches; what stands behind it is read."""
    path = fill(writer, 6_000)
    whole, _ = read(path)
    content = path.read_bytes()
    first, last = content.rindex(b"\n", 0, 2000), content.index(b"\n", 3000)
    path.write_bytes(content[:2000] + b"\0" * 1000 + content[3000:])
    found, damage = read(path)
    before, behind = content[:first].count(b"\n"), content[last:].count(b"\n") - 1
    assert found == [*whole[:before], *whole[len(whole) - behind :]]
    assert damage.lines == 1
    assert damage.missing == len(whole) - len(found)


def test_a_line_of_another_segment_is_not_believed(new_writer: Callable[..., SegmentWriter]) -> None:
    """A sound line that strays into another writer's segment is damage there, whichever line it is."""
    first, second = fill(new_writer(), 1_000), fill(new_writer(), 1_000)
    whole, _ = read(first)
    strays = second.read_bytes()
    with first.open("ab") as file:
        file.write(strays)
    found, damage = read(first)
    assert found == whole
    assert damage == Damage(lines=strays.count(b"\n"))


def with_header(path: Path, **changes: object) -> Path:
    """Write a segment's header anew with some members changed."""
    first, _, rest = path.read_bytes().partition(b"\n")
    fields = {**unseal(first, seed_of(path.stem)), **changes}
    fields = {key: value for key, value in fields.items() if value is not ...}
    path.write_bytes(seal(dumps(fields), seed_of(path.stem)) + rest)
    return path


@pytest.mark.parametrize("version", ["2.0", "0.9", "10.0", "x"])
def test_another_major_version_is_refused(writer: SegmentWriter, version: str) -> None:
    """A segment of another major version is refused with both versions, its place and what to do."""
    path = with_header(fill(writer, 1_000), format=version)
    with pytest.raises(CorruptJournalError) as caught:
        read(path)
    assert str(caught.value) == (
        f"expected a journal of format 1.x, got {version} in {path}; install a newer tracklib to read it"
    )
    with pytest.raises(CorruptJournalError):
        SegmentReader(path).header()
    assert last_record(path) is None or version  # its records are not looked at one by one


def test_another_minor_version_is_read(writer: SegmentWriter) -> None:
    """A newer minor version, with members that this one does not know, gives all its records."""
    path = fill(writer, 1_000)
    whole, _ = read(path)
    with_header(path, format="1.99", novelty={"a": 1})
    assert read(path) == (whole, Damage())


@pytest.mark.parametrize("changes", [{"format": ...}, {"format": ""}, {"run": ...}, {"writer": ...}])
def test_a_header_without_what_it_must_say_is_refused(writer: SegmentWriter, changes: dict) -> None:
    """A sealed header that lacks the version, the run or the writer is no header."""
    path = with_header(fill(writer, 1_000), **changes)
    with pytest.raises(CorruptJournalError, match="expected a journal's header as the first line"):
        read(path)


def test_a_damaged_header_hides_no_record(writer: SegmentWriter) -> None:
    """Without its header a segment's records are read all the same: the writer's id is the file's name."""
    path = fill(writer, 1_000)
    whole, _ = read(path)
    content = bytearray(path.read_bytes())
    content[20] ^= 1
    path.write_bytes(content)
    assert SegmentReader(path).header() is None
    assert read(path) == (whole, Damage(lines=1))


def test_an_unreadable_segment_costs_only_itself(new_writer: Callable[..., SegmentWriter], folder: RunFolder) -> None:
    """Among several writers, one whose version nobody knows is counted; the others are read in order of time."""
    first, second = fill(new_writer(), 500), fill(new_writer(), 500)
    third = with_header(fill(new_writer(), 500), format="7.0")
    damage = Damage()
    found = list(read_run(folder, damage))
    assert {record.writer for record in found} == {first.stem, second.stem}
    assert [record.time for record in found] == sorted(record.time for record in found)
    assert damage.lines == 1
    assert third in folder.segments()


def test_headers_keep_what_they_say(writer: SegmentWriter) -> None:
    """A header reads back as it was written, and names this very process on this machine."""
    header = SegmentReader(writer.path).header()
    assert header == Header.from_fields(header.fields(), "here")
    assert (header.run, header.project, header.writer, header.role) == ("run1", "digits", writer.writer, "main")
    assert header.is_local()


def test_the_last_record_is_found_behind_a_long_tail(writer: SegmentWriter) -> None:
    """The last whole record is found though more than any short look back is damaged behind it."""
    path = fill(writer, 1_000)
    whole, _ = read(path)
    with path.open("ab") as file:
        file.write(b"\0" * 200_000 + b"\n")
    assert last_record(path) == whole[-1]
