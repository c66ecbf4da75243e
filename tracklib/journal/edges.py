"""Edges: a segment's first and last lines, by one look into the file where it is small, as most are."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field
from pathlib import Path

from tracklib.errors import CorruptJournalError
from tracklib.journal.reader import SegmentReader
from tracklib.journal.recovery import last_record
from tracklib.journal.segment import Header, seed_of, unseal
from tracklib.model.records import Record

__all__ = ["Edges", "edges_of"]

_LOOK = 1 << 16
_FIRST = 2


@dataclass(frozen=True, slots=True)
class Edges:
    """What a segment says at its edges.

    Attributes:
        header: ``None`` where it is damaged, or of a version that cannot be read.
        first: Its first two records.
        last: Its last whole record.
        size: Bytes.
    """

    header: Header | None = None
    first: list[Record] = field(default_factory=list)
    last: Record | None = None
    size: int = 0


def edges_of(segment: Path) -> Edges:
    """Look at a segment; one that is gone, or of another version, says nothing."""
    try:
        with segment.open("rb", buffering=0) as file:
            head = file.read(_LOOK)
            size = os.fstat(file.fileno()).st_size
    except OSError:
        return Edges()
    if len(head) == _LOOK:
        return Edges(_header(segment), _first(segment), last_record(segment), size)
    reader = SegmentReader(segment)
    lines = head.split(b"\n")[:-1]  # what has no line feed yet is no line
    header = _header_of(reader, lines)
    return Edges(header, _first_of(reader, lines[header is not None :]), _last(reader, lines), len(head))


def _header_of(reader: SegmentReader, lines: list[bytes]) -> Header | None:
    fields = unseal(lines[0], seed_of(reader.writer)) if lines else None
    try:
        return Header.from_fields(fields, str(reader.path)) if fields is not None else None
    except CorruptJournalError:  # of another version: its own tracklib knows; or a record, whose header is lost
        return None


def _first_of(reader: SegmentReader, lines: list[bytes]) -> list[Record]:
    records = (reader.parse(line, counting=False) for line in lines)
    try:
        return list(itertools.islice((record for record in records if record is not None), _FIRST))
    except CorruptJournalError:
        return []


def _last(reader: SegmentReader, lines: list[bytes]) -> Record | None:
    records = (reader.parse(line, counting=False) for line in reversed(lines) if line)
    try:
        return next((record for record in records if record is not None), None)
    except CorruptJournalError:
        return None


def _header(segment: Path) -> Header | None:
    try:
        return SegmentReader(segment).header()
    except (CorruptJournalError, OSError):
        return None


def _first(segment: Path) -> list[Record]:
    try:
        return [record for record, _ in itertools.islice(SegmentReader(segment).records(), _FIRST)]
    except (CorruptJournalError, OSError):
        return []
