"""The reader: a segment's records from any offset, past whatever is damaged."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tracklib.errors import BadValueError, CorruptJournalError
from tracklib.journal.layout import RunFolder
from tracklib.journal.segment import Header, seed_of, unseal
from tracklib.model.codec import LONGEST, from_fields
from tracklib.model.records import Record

__all__ = ["Damage", "SegmentReader", "read_run"]

_CHUNK = 1 << 20
_MAX_LINE = LONGEST


@dataclass(slots=True)
class Damage:
    """What a reader could not believe.

    Attributes:
        lines: Lines whose checksum is wrong, or that hold no record.
        missing: Sequence numbers that never came.
        torn: Whether the file ends in the middle of a line.
    """

    lines: int = 0
    missing: int = 0
    torn: bool = False

    def __bool__(self) -> bool:
        return bool(self.lines or self.missing or self.torn)


class SegmentReader:
    """Reads one segment, again and again as it grows.

    Attributes:
        offset: Bytes read so far; always the end of a line.
        seq: The last sequence number seen.
        damage: What was skipped so far.
    """

    def __init__(self, path: Path, offset: int = 0, seq: int = 0) -> None:
        self.path = path
        self.writer = path.name.removesuffix(".jsonl")
        self.offset = offset
        self.seq = seq
        self.damage = Damage()
        self._seed = seed_of(self.writer)
        self._judged = offset  # damage before this was counted already, however often it is read

    def header(self) -> Header | None:
        """Return the header, or ``None`` where it is damaged or not there yet.

        Raises:
            CorruptJournalError: The segment is of another major version.
        """
        with self.path.open("rb") as file:
            line = file.readline(_CHUNK)
        fields = unseal(line, self._seed) if line.endswith(b"\n") else None
        return Header.from_fields(fields, str(self.path)) if fields is not None else None

    def records(self) -> Iterator[tuple[Record, int]]:
        """Yield each whole record behind `offset` with the offset at its end; stop where the file stops today."""
        self.damage.torn = False
        for line, end in self._lines():
            record = self.parse(line, counting=end > self._judged)
            self.offset = end
            self._judged = max(self._judged, end)
            if record is not None:
                yield record, end

    def _lines(self) -> Iterator[tuple[bytes, int]]:
        position = self.offset
        parts: list[bytes] = []  # of a line that goes on: joined once, or a long one would be copied at each chunk
        held = 0
        with self.path.open("rb") as file:
            file.seek(position)
            while chunk := file.read(_CHUNK):
                first, *others = chunk.split(b"\n")
                parts.append(first)
                held += len(first)
                for behind in others:
                    line = b"".join(parts) if held <= _MAX_LINE else b""  # no writer makes one that is too long to hold
                    position += held + 1
                    parts, held = [behind], len(behind)
                    yield line, position
                if held > _MAX_LINE:
                    parts = []
        self.damage.torn = held > 0

    def parse(self, line: bytes, *, counting: bool = True) -> Record | None:
        """Return the record of a line of this segment; ``None``, and counted, where it holds none to be believed."""
        fields = unseal(line, self._seed)
        if fields is not None and fields.get("kind") == "segment":
            Header.from_fields(fields, str(self.path))
            return None
        try:
            record = from_fields(fields, self.writer) if fields is not None else None
        except BadValueError:
            record = None
        if record is None:
            self.damage.lines += counting
            return None
        self.damage.missing += max(0, record.seq - self.seq - 1) * counting
        self.seq = max(self.seq, record.seq)
        return record


def read_run(folder: RunFolder, damage: Damage | None = None) -> Iterator[Record]:
    """Yield all records of a run, its segments merged by time; each writer's own order is kept.

    A segment that this version cannot read is left out and counted in ``damage``.
    """
    found = damage if damage is not None else Damage()
    streams = [_stream(path, found) for path in folder.segments()]
    if len(streams) == 1:
        yield from streams[0]
        return
    yield from heapq.merge(*streams, key=lambda record: (record.time, record.writer, record.seq))


def _stream(path: Path, found: Damage) -> Iterator[Record]:
    reader = SegmentReader(path)
    try:
        for record, _ in reader.records():
            yield record
    except (CorruptJournalError, OSError):
        found.lines += 1
    found.lines += reader.damage.lines
    found.missing += reader.damage.missing
    found.torn |= reader.damage.torn
