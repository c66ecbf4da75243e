"""A backend of files, which other processes see, and one that loses what it confirmed when its process is killed."""

from __future__ import annotations

import atexit
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tracklib.backends.contract import Outcome, Sink, SinkContext, Source, VendorRun
from tracklib.backends.memory import CAPABILITIES, MemorySink, MemorySource, MemoryStore
from tracklib.model.codec import dumps, from_fields, loads, to_fields
from tracklib.model.records import Record
from tracklib.model.run import RunInfo

__all__ = ["FileSubject"]

_queue: list[tuple[Path, bytes]] = []
"""What the hoarding sinks of this process have not written yet."""


def _flush() -> None:
    while _queue:
        path, line = _queue.pop(0)
        if path.parent.is_dir():
            with path.open("ab") as file:
                file.write(line)


atexit.register(_flush)


class FileSink(MemorySink):
    """Appends records to a file of the run's own."""

    def __init__(self, folder: Path, context: SinkContext, *, hoards: bool) -> None:
        super().__init__(MemoryStore(), context)
        self._folder = folder
        self._hoards = hoards

    def open(self, run: RunInfo, /) -> VendorRun:
        """Create the run, or find it again."""
        _flush()
        self._path = self._folder / f"{run.id}.jsonl"
        return super().open(run)

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        """Write records, or put them off."""
        outcomes = super().send(batch)
        _queue.extend((self._path, dumps({"writer": record.writer, **to_fields(record)}) + b"\n") for record in batch)
        if not self._hoards:
            _flush()
        return outcomes

    def close(self) -> None:
        """Write what was put off."""
        _flush()


class FileSubject:
    """The backend of files.

    Args:
        hoards: Whether it confirms what it will write later.
    """

    name = "files"
    capabilities = CAPABILITIES
    witness = None

    def __init__(self, folder: str, *, hoards: bool) -> None:
        self._folder = Path(folder)
        self._hoards = hoards
        arguments: dict[str, Any] = {"folder": folder, "hoards": hoards}
        self.recipe = ("tracklib.testing.conformance.wrong.files:FileSubject", arguments)

    def sink(self, context: SinkContext, /) -> Sink:
        """Return a new sink."""
        return FileSink(self._folder, context, hoards=self._hoards)

    def source(self) -> Source:
        """Return a new source."""
        _flush()
        store = MemoryStore()
        for path in self._folder.glob("*.jsonl"):
            held = store.records.setdefault(path.stem, {})
            for record in _records(path):
                held[record.writer, record.seq] = record
        return MemorySource(store)


def _records(path: Path) -> Iterator[Record]:
    for line in path.read_bytes().splitlines():
        fields = loads(line)
        yield from_fields(fields, fields.pop("writer"))
