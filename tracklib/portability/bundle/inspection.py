"""The inspection: whether a bundle is recent, whole, and what its checksums say."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tracklib.errors import RejectedError
from tracklib.model.run import RunInfo
from tracklib.portability.bundle.catalog import Catalog
from tracklib.portability.bundle.entry import RunEntry
from tracklib.portability.bundle.layout import FILES, RUNS, file_path
from tracklib.portability.bundle.retention import contents
from tracklib.portability.bundle.snapshots import Snapshot
from tracklib.portability.bundle.source import batches_of, records_of
from tracklib.portability.bundle.store import Store

__all__ = ["Found", "Inspection", "newest_backup"]

_CHUNK = 1 << 20


@dataclass(slots=True)
class Found:
    """What was found of one run, or of the bundle itself.

    Attributes:
        run: ``None`` where it is the bundle.
        problems: In words; none where all is well.
        bytes: That were looked at.
    """

    run: RunInfo | None
    problems: list[str] = field(default_factory=list)
    records: int = 0
    points: int = 0
    files: int = 0
    bytes: int = 0

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        who = {"project": self.run.project, "id": self.run.id} if self.run is not None else {}
        numbers = {name: getattr(self, name) for name in ("records", "points", "files", "bytes")}
        return {"run": who or None, "problems": self.problems, **numbers}


@dataclass(slots=True)
class Inspection:
    """A look at a bundle.

    Attributes:
        deep: Read every part and every file, and check the checksum of each; without it, that these are there, each of
            its size, and that the checksums of the lists and of the tables of files are right.
    """

    catalog: Catalog
    deep: bool = False
    _sizes: dict[str, int] = field(default_factory=dict)
    _seen: dict[str, str | None] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Found]:
        """Yield what was found of each run, and at last of the bundle itself."""
        catalog = self.catalog
        catalog.refresh()
        self._sizes = {held.path: held.size for folder in (RUNS, FILES) for held in catalog.store.list(folder)}
        for project, run_id in catalog.names():
            try:
                entry = catalog.find(project, run_id)
            except RejectedError as error:
                yield Found(catalog.stub(project, run_id), [str(error)])
                continue
            if entry is not None:
                yield self._run(entry)
        yield Found(None, [f"{where}: {words}" for where, words in catalog.damage.items()])

    def _run(self, entry: RunEntry) -> Found:
        tally = entry.tally
        found = Found(entry.run, records=tally.records, points=tally.points, files=tally.files)
        for part in entry.parts:
            found.bytes += part.size
            found.problems += self._size(part.path, part.size)
        if found.problems:
            return found
        try:
            for sha256, size in contents(self.catalog.store, entry.parts):
                found.bytes += size
                found.problems += self._content(sha256, size)
            if self.deep:
                self._read(entry, found)
        except RejectedError as error:
            found.problems.append(str(error))
        return found

    def _size(self, path: str, size: int) -> list[str]:
        held = self._sizes.get(path)
        if held is None:
            return [f"{path} is missing"]
        return [] if held == size else [f"{path}: expected {size} bytes, got {held}"]

    def _content(self, sha256: str, size: int) -> list[str]:
        path = file_path(sha256)
        if (problems := self._size(path, size)) or not self.deep:
            return problems
        if path not in self._seen:
            self._seen[path] = _altered(self.catalog.store, path, sha256)
        words = self._seen[path]
        return [] if words is None else [words]

    def _read(self, entry: RunEntry, found: Found) -> None:
        """Read a run as a restore would, and count its points."""
        for _ in records_of(self.catalog, entry):
            pass
        points = sum(len(batch) for batch in batches_of(self.catalog, entry, "points", ["n"]))
        if points != found.points:
            found.problems.append(f"expected {found.points} points, got {points}")


def _altered(store: Store, path: str, sha256: str) -> str | None:
    digest = hashlib.sha256()
    try:
        with store.open(path) as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except FileNotFoundError:
        return f"{path} is missing"
    return None if digest.hexdigest() == sha256 else f"{path} is altered: its digest is {digest.hexdigest()[:12]}"


def newest_backup(catalog: Catalog, source: str | None = None) -> tuple[Snapshot | None, float]:
    """Return the newest backup, of a source where one is named, and its age in seconds."""
    for snapshot in catalog.snapshots():
        if snapshot.kind == "backup" and source in (None, snapshot.source):
            return snapshot, time.time() - snapshot.time / 1e9
    return None, 0.0
