"""A segment's edges are what reading all of it says, whatever is wrong with it."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

import tracklib
from tracklib.errors import CorruptJournalError
from tracklib.journal.edges import edges_of
from tracklib.journal.reader import SegmentReader
from tracklib.journal.recovery import last_record
from tracklib.journal.segment import seal, seed_of
from tracklib.model.codec import dumps

GOLDEN = sorted((Path(__file__).parents[2] / "docs" / "golden" / "root").rglob("*.jsonl"))


def whole(segment: Path) -> tuple[object, object, object]:
    """Return the header, the first two records and the last one by the readers that take their time."""
    reader = SegmentReader(segment)
    try:
        header = reader.header()
    except (CorruptJournalError, OSError):
        header = None
    try:
        first = [record for record, _ in itertools.islice(SegmentReader(segment).records(), 2)]
    except (CorruptJournalError, OSError):
        first = []
    return header, first, last_record(segment)


def assert_same(segment: Path) -> None:
    edges = edges_of(segment)
    # A NaN in a record is unequal to itself, so that records are compared as they are written.
    assert repr((edges.header, edges.first, edges.last)) == repr(whole(segment))
    assert edges.size == (segment.stat().st_size if segment.is_file() else 0)


@pytest.mark.parametrize("segment", GOLDEN, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_the_golden_segments(segment: Path) -> None:
    """Every segment that the format's specification brings has the edges that its reader finds."""
    assert_same(segment)


@pytest.fixture
def segment(tmp_path: Path) -> Path:
    with tracklib.init("p", id="r", dir=tmp_path / "root", backends=[]) as run:
        run.log({"loss": 1.0})
    (path,) = run.folder.segments()
    return path


def test_damaged_segments(segment: Path) -> None:
    """Any line left out, damaged, doubled, cut or of another version: the edges are those that are found without haste."""
    lines = segment.read_bytes().splitlines(keepends=True)
    newer = seal(dumps({"kind": "segment", "format": "9.0"}), seed_of(segment.stem))
    for place in range(len(lines)):
        for new in (b"", b"\n", lines[place] * 2, lines[place][:-9], lines[place].replace(b'"', b"'"), newer):
            segment.write_bytes(b"".join([*lines[:place], new, *lines[place + 1 :]]))
            assert_same(segment)
    segment.write_bytes(b"")
    assert_same(segment)


def test_a_long_segment_and_one_that_is_gone(segment: Path) -> None:
    """Beyond what one look shows the file is read in the old way; what is gone says nothing."""
    lines = segment.read_bytes().splitlines(keepends=True)
    seed = seed_of(segment.stem)
    notes = [seal(dumps({"kind": "notes", "seq": n, "time": n, "text": "x" * 900}), seed) for n in range(3, 100)]
    segment.write_bytes(b"".join([*lines[:3], *notes]))
    assert_same(segment)
    assert edges_of(segment).last is not None
    segment.unlink()
    assert_same(segment)
