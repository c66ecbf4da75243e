"""Recovery: ending, truthfully, the runs whose writers are gone."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from tracklib.errors import CorruptJournalError
from tracklib.journal.layout import RunFolder
from tracklib.journal.liveness import Life, last_beat, life_of
from tracklib.journal.reader import SegmentReader
from tracklib.journal.segment import Header, seal, seed_of
from tracklib.model.codec import dumps, to_fields
from tracklib.model.records import Record, RunEnd

__all__ = ["REAPER", "has_ended", "last_record", "reap", "writers"]

REAPER = "-reaped"
"""What a reaper adds to the id of the writer that it ends."""

_TAIL = 1 << 16


def last_record(segment: Path) -> Record | None:
    """Return a segment's last whole record, from its last 64 KB, or from all of it where they hold none."""
    reader = SegmentReader(segment)
    try:
        with segment.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            lines = file.read().split(b"\n")
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


def reap(folder: RunFolder, *, adopt: bool = False) -> list[str]:
    """Record the end of each writer that began the run and is gone without a word; return their ids.

    Doing it twice, or in two processes at once, records one end: its segment's name follows from the writer's.

    Args:
        adopt: End also the stale ones, which another machine wrote.
    """
    ended = []
    for segment, (header, life) in writers(folder).items():
        role = header.role if header is not None else "main"
        gone = life == "gone" or (adopt and life == "stale")
        if role != "main" or not gone or has_ended(segment):
            continue
        if _write_end(folder, segment, header):
            ended.append(segment.stem)
    return ended


def _write_end(folder: RunFolder, segment: Path, header: Header | None) -> bool:
    writer = segment.stem + REAPER
    final = folder.journal / f"{writer}.jsonl"
    if final.exists():
        return False
    project, run = (header.project, header.run) if header is not None else ("", folder.path.name)
    seed = seed_of(writer)
    last = last_record(segment)
    silent = max(last.time + 1 if last is not None else 0, int(last_beat(segment) * 1e9))
    end = Record(writer, 1, silent, RunEnd("crashed", None, "the process vanished without a word"))
    lines = seal(dumps(Header.here(run, project, writer, "reaper").fields()), seed) + seal(dumps(to_fields(end)), seed)
    temporary = final.with_suffix(f".{os.getpid()}.tmp")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, final)  # fails where another process was first, and never shows half a file
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links: two reapers write the same words, so the last one may win
        os.replace(temporary, final)
        return True
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
    return True
