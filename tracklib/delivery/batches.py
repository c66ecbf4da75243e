"""Batches: a run's records in the portions in which they are sent."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from tracklib.delivery.receipt import Place
from tracklib.errors import CorruptJournalError
from tracklib.journal.layout import RunFolder
from tracklib.journal.reader import Damage, SegmentReader
from tracklib.model.records import Record

__all__ = ["Batch", "BatchReader"]

_MILLISECOND = 1_000_000
_SAME_TIME = 5_000
"""Records beyond its size that a batch may take in to keep one millisecond whole."""

_AGAIN = 1.0
"""Seconds after which a segment that could not be read is tried again."""


@dataclass(slots=True)
class Batch:
    """Records of one writer, in order.

    Attributes:
        places: Where the segment stands behind each record.
    """

    writer: str
    records: list[Record] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)

    def cut(self, count: int) -> Batch:
        """Return the first records alone."""
        return Batch(self.writer, self.records[:count], self.places[:count])


class BatchReader:
    """Reads a run's segments from where each was left.

    A batch never splits the records that one writer wrote in one millisecond: a vendor that keeps milliseconds could
    not tell a repeated point from one that is sent twice.
    """

    def __init__(self, folder: RunFolder, places: dict[str, Place]) -> None:
        self._folder = folder
        self._places = dict(places)
        self._readers: dict[str, SegmentReader] = {}
        self._unreadable: set[str] = set()
        self._failing: dict[str, tuple[float, str]] = {}

    def damage(self) -> Damage:
        """Return what could not be read so far."""
        total = Damage(lines=len(self._unreadable))
        for reader in self._readers.values():
            total.lines += reader.damage.lines
            total.missing += reader.damage.missing
        return total

    @property
    def blocked(self) -> str:
        """Why a segment cannot be read for the moment; empty where all can."""
        return next((reason for _, reason in self._failing.values()), "")

    def next(self, size: int) -> Batch | None:
        """Return the next batch of about ``size`` records, or ``None`` where all is read for the moment."""
        for path in self._folder.segments():
            if path.name not in self._unreadable and (batch := self._next_of(path, size)) is not None:
                return batch
        return None

    def rewind(self, writer: str, place: Place) -> None:
        """Go back: what is behind this place is to be read again."""
        self._places[writer] = place

    def place(self, writer: str) -> Place:
        """Return how far a writer was read."""
        return self._places.get(writer, Place())

    def _next_of(self, path: Path, size: int) -> Batch | None:
        reader = self._readers.setdefault(path.name, SegmentReader(path))
        at = self.place(reader.writer)
        if self._failing.get(path.name, (0.0, ""))[0] > time.monotonic():
            return None
        try:
            self._failing.pop(path.name, None)
            if path.stat().st_size <= at.offset:
                return None
            reader.offset, reader.seq = at.offset, at.seq
            batch, behind = _fill(reader, size)
        except CorruptJournalError:  # of another version: it stays so
            self._unreadable.add(path.name)
            return None
        except OSError as error:  # a stale handle, a network file system that is away: it may pass
            self._failing[path.name] = (time.monotonic() + _AGAIN, f"cannot read {path}: {error.strerror or error}")
            return None
        self._places[reader.writer] = behind
        return batch if batch.records else None


def _fill(reader: SegmentReader, size: int) -> tuple[Batch, Place]:
    """Return the next batch of a segment, and where to read on: behind the damaged lines that follow it, too."""
    batch = Batch(reader.writer)
    behind = Place(reader.offset, reader.seq)
    now = time.time_ns()
    for record, end in reader.records():
        if _is_young(record, now) or (len(batch.records) >= size and not _together(batch, record, size)):
            return batch, behind
        behind = Place(end, record.seq)
        batch.records.append(record)
        batch.places.append(behind)
    return batch, Place(reader.offset, reader.seq)


def _is_young(record: Record, now: int) -> bool:
    """Tell whether more records of the same millisecond may follow.

    One from the future (the clock was set back) is not waited for.
    """
    return 0 <= now - record.time < 2 * _MILLISECOND


def _together(batch: Batch, record: Record, size: int) -> bool:
    """Tell whether a record must not be parted from those before it; one that is sent alone always may be."""
    same = batch.records[-1].time // _MILLISECOND == record.time // _MILLISECOND
    return same and size > 1 and len(batch.records) < size + _SAME_TIME
