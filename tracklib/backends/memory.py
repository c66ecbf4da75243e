"""The memory backend: keeps records in this process, for tests and as the smallest complete example of a backend."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from tracklib.backends.capabilities import EXACT, Capabilities, Feature
from tracklib.backends.contract import Outcome, SinkContext, VendorRun, accepted
from tracklib.model.query import RunQuery
from tracklib.model.records import Artifact, FileRef, Media, Position, Record
from tracklib.model.run import RunInfo
from tracklib.model.state import fold

__all__ = ["MemorySink", "MemorySource", "MemoryStore"]

CAPABILITIES = Capabilities(features=dict.fromkeys(Feature, EXACT), idempotent=True)


@dataclass(slots=True)
class MemoryStore:
    """What the backend holds.

    Attributes:
        records: For each run id, its records by writer and number, so that one sent twice is held once.
        files: Contents by their SHA-256.
    """

    records: dict[str, dict[tuple[str, int], Record]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


class MemorySink:
    """Writes one run to a store."""

    capabilities = CAPABILITIES
    keeps_ranks = True

    def __init__(self, store: MemoryStore, context: SinkContext) -> None:
        self._store = store
        self._context = context
        self._position = dict(context.position)
        self._run = ""

    def open(self, run: RunInfo, /) -> VendorRun:
        """Create the run, or find it again."""
        self._run = run.id
        self._store.records.setdefault(run.id, {})
        return VendorRun(run.id, f"memory:{run.id}")

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        """Keep records."""
        held = self._store.records[self._run]
        for record in batch:
            self._keep_files(record)
            held[record.writer, record.seq] = record
            self._position[record.writer] = record.seq
        return [accepted()] * len(batch)

    def _keep_files(self, record: Record) -> None:
        body = record.body
        files = (
            body.files
            if isinstance(body, Artifact)
            else (body.file, *body.attachments)
            if isinstance(body, Media)
            else ()
        )
        for file in files:
            self._store.files[file.sha256] = self._context.open_file(file).read_bytes()

    def confirmed(self) -> Position:
        """Return what is held: everything that was sent."""
        return dict(self._position)

    def close(self) -> None:
        """Nothing is held back."""


class MemorySource:
    """Reads a store."""

    capabilities = CAPABILITIES

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def runs(self, query: RunQuery, /) -> Iterator[RunInfo]:
        """Yield the runs that a query selects."""
        infos = (fold(run_id, self._records(run_id)).info() for run_id in self._store.records)
        return (info for info in infos if query.matches(info))

    def read(self, run: RunInfo, /, after: Position | None = None) -> Iterator[Record]:
        """Yield the records of a run, merged by time."""
        behind = after or {}
        return (record for record in self._records(run.id) if record.seq > behind.get(record.writer, 0))

    def _records(self, run_id: str) -> list[Record]:
        return sorted(self._store.records[run_id].values(), key=lambda r: (r.time, r.writer, r.seq))

    def open_file(self, run: RunInfo, file: FileRef, /) -> BinaryIO:
        """Open the content of a file."""
        _ = run
        return io.BytesIO(self._store.files[file.sha256])
