"""Whole segments: those that are written elsewhere and linked into place, so that no reader sees half of one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from tracklib import platform
from tracklib.journal.layout import RunFolder
from tracklib.journal.segment import Header, seal, seed_of
from tracklib.model.codec import dumps, to_fields
from tracklib.model.records import Record

__all__ = ["place_segment"]


def place_segment(folder: RunFolder, header: Header, records: Iterable[Record]) -> bool:
    """Put a segment of one writer into a run; return whether there was none of its name yet.

    Doing it twice, or in two processes at once, puts one there.

    Raises:
        OSError: The disk does not take it.
    """
    final = folder.journal / f"{header.writer}.jsonl"
    if final.exists():
        return False
    seed = seed_of(header.writer)
    lines = [seal(dumps(header.fields()), seed), *(seal(dumps(to_fields(record)), seed) for record in records)]
    temporary = final.with_suffix(f".{os.urandom(8).hex()}.tmp")
    try:
        with os.fdopen(platform.open_private(temporary, os.O_WRONLY | os.O_EXCL), "wb") as file:
            file.write(b"".join(lines))
            file.flush()
            os.fsync(file.fileno())
        return _place(temporary, final)
    finally:
        temporary.unlink(missing_ok=True)


def _place(temporary: Path, final: Path) -> bool:
    try:
        os.link(temporary, final)  # fails where another process was first, and never shows half a file
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links: two writers write the same words, so the last one may win
        os.replace(temporary, final)
    return True
