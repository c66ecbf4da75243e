"""Retention: which snapshots stay, and the removal of everything that none of these needs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tracklib.errors import RejectedError
from tracklib.portability.bundle.catalog import Catalog
from tracklib.portability.bundle.entry import Part, RunEntry
from tracklib.portability.bundle.layout import FILES, LOCKS, MANIFESTS, RUNS, SNAPSHOTS, file_path
from tracklib.portability.bundle.leases import lease
from tracklib.portability.bundle.parts import read_part
from tracklib.portability.bundle.snapshots import Snapshot
from tracklib.portability.bundle.store import Held, Store

__all__ = ["Retention", "Retained", "contents", "retain"]

GRACE = 24 * 3600
"""Seconds for which what no manifest names is left: a copy that goes on may have uploaded it."""

_READERS = 8


@dataclass(frozen=True, slots=True)
class Retention:
    """Which backups stay; the newest one always does.

    Attributes:
        last: So many.
        seconds: Those that are not older.
    """

    last: int | None = None
    seconds: float | None = None

    def keeps(self, snapshots: Iterable[Snapshot], now: float) -> set[str]:
        """Return the names of the snapshots that stay."""
        backups = sorted((s for s in snapshots if s.kind == "backup"), key=lambda s: s.time, reverse=True)
        kept = backups[: self.last] if self.last is not None else backups[:1]
        if self.seconds is not None:
            kept += [s for s in backups[1:] if now - s.time / 1e9 <= self.seconds]
        return {snapshot.name for snapshot in kept}


@dataclass(slots=True)
class Retained:
    """What a clearing did.

    Attributes:
        snapshots, files, bytes: How much was removed.
    """

    snapshots: int = 0
    files: int = 0
    bytes: int = 0


def retain(catalog: Catalog, retention: Retention, *, now: float | None = None, grace: float = GRACE) -> Retained:
    """Remove snapshots that are not to stay, then whatever no other manifest names.

    Raises:
        RejectedError: The list of runs, or a table that names files, is damaged: nothing is removed then, for what is
            still needed cannot be known.
        UsageError: A backup goes on.
    """
    now, store = time.time() if now is None else now, catalog.store
    with lease(store, "prune"):
        catalog.refresh()
        if catalog.damage:
            where, words = next(iter(catalog.damage.items()))
            raise RejectedError(f"nothing was removed, for the bundle is damaged: {where}: {words}")
        if catalog.commits():
            catalog.fold(Snapshot.fold())
        snapshots = list(catalog.snapshots())
        kept = retention.keeps(snapshots, now) | {snapshot.name for snapshot in snapshots[:1]}
        needed = _needed(catalog, [s for s in snapshots if s.name in kept])
        done = Retained()
        for snapshot in snapshots:
            if snapshot.name not in kept:
                store.remove(snapshot.name)
                done.snapshots += 1
        for held in _unneeded(store, needed, now - grace):
            store.remove(held.path)
            done.files += 1
            done.bytes += held.size
        return done


def _needed(catalog: Catalog, snapshots: list[Snapshot]) -> set[str]:
    """Return the paths of everything that snapshots lead to."""
    needed = {snapshot.name for snapshot in snapshots}
    parts: dict[str, Part] = {}
    for manifest in {snapshot.manifest_path: snapshot for snapshot in snapshots}.values():
        needed.add(manifest.manifest_path)
        for line in catalog.lines_of(manifest):
            parts.update({part.path: part for part in RunEntry.from_line(line).parts})
    needed.update(parts)
    needed.update(file_path(sha256) for sha256, _ in contents(catalog.store, parts.values()))
    return needed


def contents(store: Store, parts: Iterable[Part]) -> Iterator[tuple[str, int]]:
    """Yield digest and size of each content that these parts' records name, as often as they do.

    Raises:
        RejectedError: A part cannot be read.
    """

    def read(part: Part) -> list[tuple[str, int]]:
        found = []
        for batch in read_part(store, part, ["sha256", "size"]):
            rows = zip(batch.column("sha256").to_pylist(), batch.column("size").to_pylist(), strict=True)
            found += [(sha256, size) for sha256, size in rows if sha256 is not None]
        return found

    with ThreadPoolExecutor(_READERS) as pool:
        for found in pool.map(read, (part for part in parts if part.table == "files")):
            yield from found


def _unneeded(store: Store, needed: set[str], before: float) -> Iterator[Held]:
    """Yield the files that nothing leads to, and that were written before a time."""
    for folder in (SNAPSHOTS, MANIFESTS, RUNS, FILES):
        for held in store.list(folder):
            if held.path not in needed and held.modified < before:
                yield held
    yield from (held for held in store.list(LOCKS) if held.modified < time.time() - GRACE)
