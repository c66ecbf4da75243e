"""Steps that a ``log()`` gets which names none: where earlier attempts, of the same rank, left off."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tracklib.journal.layout import RunFolder
from tracklib.model.records import Body, Media, Metrics
from tracklib.typing import Step

if TYPE_CHECKING:
    from typing import TypeGuard

__all__ = ["next_step"]

_RANK = re.compile(r"rank_[1-9][0-9]*/")
_STEP = re.compile(rb'"step":(-?[0-9]{1,18}),')
_CHUNK = 1 << 20


def next_step(folder: RunFolder, prefix: str) -> int:
    """Return the step after the highest one that earlier attempts recorded, of the rank whose names begin so.

    A ``log()`` waits for it. So each segment is read from its end, where the highest steps stand, and a line that says
    a lower one than was found, as nearly all then do, is not looked at more closely.
    """
    highest: Step = -1
    for segment in folder.segments():
        for step in _steps_above(highest, segment, prefix):
            highest = step
    return int(highest // 1) + 1


def _steps_above(highest: Step, segment: Path, prefix: str) -> Iterator[Step]:
    """Yield the steps of a segment that are higher than a given one, and than those that were yielded before."""
    from tracklib.errors import CorruptJournalError
    from tracklib.journal.reader import SegmentReader

    reader = SegmentReader(segment)
    try:
        for line in _lines_from_the_end(segment):
            said = _STEP.search(line)
            if said is not None and int(said[1]) <= highest:
                continue
            record = reader.parse(line)
            if record is not None and _is_of(record.body, prefix) and record.body.step > highest:
                highest = record.body.step
                yield highest
    except (CorruptJournalError, OSError):  # of another version, or gone: what it says is not known
        return


def _lines_from_the_end(segment: Path) -> Iterator[bytes]:
    with segment.open("rb") as file:
        start = file.seek(0, os.SEEK_END)
        rest = b""
        while start > 0:
            end, start = start, max(0, start - _CHUNK)
            file.seek(start)
            rest, *lines = (file.read(end - start) + rest).split(b"\n")
            yield from filter(None, reversed(lines))
        yield rest


def _is_of(body: Body, prefix: str) -> TypeGuard[Metrics | Media]:
    """Tell whether a record holds a step of the rank whose names begin so."""
    if isinstance(body, Media):
        return _rank_of(body.key) == prefix
    return isinstance(body, Metrics) and any(_rank_of(key) == prefix for key in body.values)


def _rank_of(key: str) -> str:
    """Return what a metric's name begins with where a rank other than the first recorded it."""
    found = _RANK.match(key)
    return found[0] if found is not None else ""
