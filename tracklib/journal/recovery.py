"""Recovery: ending, truthfully, the runs whose writers are gone."""

from __future__ import annotations

import os
from pathlib import Path

from tracklib.errors import CorruptJournalError
from tracklib.journal.layout import RunFolder
from tracklib.journal.liveness import Life, last_beat, life_of
from tracklib.journal.reader import SegmentReader
from tracklib.journal.segment import Header
from tracklib.journal.whole_segment import place_segment
from tracklib.model.ends import REAPER
from tracklib.model.records import Record, RunEnd, RunStart

__all__ = ["has_ended", "last_record", "latest_time", "reap", "role_of", "write_end", "writers"]

_TAIL = 1 << 16


def last_record(segment: Path) -> Record | None:
    """Return a segment's last whole record, from its last 64 KB, or from all of it where they hold none."""
    reader = SegmentReader(segment)
    try:
        with segment.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            lines = file.read().split(b"\n")[:-1]  # what has no line feed yet is no line
        for line in reversed(lines):
            if line and (record := reader.parse(line, counting=False)) is not None:
                return record
        return _last_of(segment) if size > _TAIL else None
    except (CorruptJournalError, OSError):
        return None


def _last_of(segment: Path) -> Record | None:
    """Return a segment's last record by reading all of it."""
    last = None
    for last, _ in SegmentReader(segment).records():  # noqa: B007  the last one is wanted
        continue
    return last


def latest_time(folder: RunFolder) -> int:
    """Return the time of a run's last record; 0 where it has none."""
    return max((last.time for segment in folder.segments() if (last := last_record(segment)) is not None), default=0)


def has_ended(segment: Path) -> bool:
    """Tell whether a segment's last word is that the run has ended."""
    last = last_record(segment)
    return last is not None and isinstance(last.body, RunEnd)


def writers(folder: RunFolder) -> dict[Path, tuple[Header | None, Life]]:
    """Return for each segment who wrote it, and whether they live."""
    found: dict[Path, tuple[Header | None, Life]] = {}
    for segment in folder.segments():
        try:
            header = SegmentReader(segment).header()
        except (OSError, CorruptJournalError):
            header = None
        found[segment] = (header, life_of(segment, header))
    return found


def role_of(segment: Path, header: Header | None) -> str:
    """Return a segment's role; where its header is damaged, as its name and its first records tell."""
    if header is not None:
        return header.role
    if segment.stem.endswith(REAPER):
        return "reaper"
    try:
        first = next(SegmentReader(segment).records(), None)
    except (CorruptJournalError, OSError):
        return "child"  # of another version: its own tracklib ends it
    return "main" if first is None or isinstance(first[0].body, RunStart) else "child"


def reap(folder: RunFolder, *, adopt: bool = False) -> list[str]:
    """Record the end of each writer that began the run and is gone without a word; return their ids.

    Doing it twice, or in two processes at once, records one end: its segment's name follows from the writer's.

    Args:
        adopt: End also the stale ones, which another machine wrote.
    """
    ended = []
    for segment, (header, life) in writers(folder).items():
        gone = life == "gone" or (adopt and life == "stale")
        if not gone or role_of(segment, header) != "main" or has_ended(segment):
            continue
        last = last_record(segment)
        silent = max(last.time + 1 if last is not None else 0, int(last_beat(segment) * 1e9))
        if write_end(folder, segment, silent, RunEnd("crashed", None, "the process vanished without a word")):
            ended.append(segment.stem)
    return ended


def write_end(folder: RunFolder, segment: Path, time: int, end: RunEnd) -> bool:
    """Record the end of a segment's writer beside the segment; return whether there was none yet.

    Raises:
        OSError: The disk does not take it.
    """
    writer = segment.stem + REAPER
    if (folder.journal / f"{writer}.jsonl").exists():
        return False
    project, run = _identity(folder, segment)
    return place_segment(folder, Header.here(run, project, writer, "reaper"), [Record(writer, 1, time, end)])


def _identity(folder: RunFolder, segment: Path) -> tuple[str, str]:
    """Return a run's project and id: as its header says, or where that is damaged as its folders are named."""
    try:
        header = SegmentReader(segment).header()
    except (OSError, CorruptJournalError):
        header = None
    return (header.project, header.run) if header is not None else folder.names()
