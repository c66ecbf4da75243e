"""The deadline of a call into a vendor's SDK: one that hangs ends the process, and another relay goes on."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from tracklib.model.records import Artifact, Media

if TYPE_CHECKING:
    from tracklib.delivery.batches import Batch

__all__ = ["Deadline"]

_LONGEST = 1e6


def _given(text: str) -> float:
    """Return the seconds that a text says; where they are none, the usual ones: the relay goes on, and its log says so."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if 0 < seconds <= _LONGEST:
        return seconds
    sys.stderr.write(f"TRACKLIB_RELAY__DEADLINE: expected more than 0 and up to {_LONGEST:,.0f} s, got {text!r}\n")
    return 900.0


_SECONDS = _given(os.environ.get("TRACKLIB_RELAY__DEADLINE", "900"))
"""Seconds that one batch may take before an SDK counts as hanging, besides those for its files."""

_SLOWEST = 500_000
"""Bytes of its files in a second: what is slower counts as hanging."""


class Deadline:
    """Ends this process where a call takes too long, even one that holds the interpreter's lock.

    Args:
        path: The file that takes the traceback.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fault: TextIO | None = None

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Let it run while a call does."""
        with self._path.open("a") as fault:
            self._fault = fault
            faulthandler.dump_traceback_later(_SECONDS, exit=True, file=fault)
            try:
                yield
            finally:
                faulthandler.cancel_dump_traceback_later()
                self._fault = None

    def begin_again(self, batch: Batch) -> None:
        """Give a running call the time that a batch's files take; where there are none, it runs on as it did."""
        if self._fault is not None and (size := _file_bytes(batch)):
            faulthandler.dump_traceback_later(_SECONDS + size / _SLOWEST, exit=True, file=self._fault)


def _file_bytes(batch: Batch) -> int:
    """Return the bytes of all files that a batch names."""
    files = [
        body.files if isinstance(body, Artifact) else (body.file, *body.attachments)
        for body in (record.body for record in batch.records)
        if isinstance(body, (Artifact, Media))
    ]
    return sum(file.size for each in files for file in each)
