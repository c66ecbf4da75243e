"""The backup: runs of a place copied to a bundle, those alone that are new or changed since, and a snapshot of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tracklib.errors import RejectedError
from tracklib.portability.bundle.catalog import Catalog
from tracklib.portability.bundle.layout import place_of
from tracklib.portability.bundle.leases import Lease, lease
from tracklib.portability.bundle.sink import BundleSink
from tracklib.portability.bundle.snapshots import Snapshot
from tracklib.portability.choice import Choice
from tracklib.portability.copy import Progress
from tracklib.portability.ledger import Entry, status_of
from tracklib.portability.migrate import Migration, Result
from tracklib.portability.places import Place, name_of

if TYPE_CHECKING:
    from tracklib.backends.contract import Sink, SinkContext
    from tracklib.model.run import RunInfo

__all__ = ["Backup"]

_LISTED = 1000
"""Failed runs that a snapshot names."""


class _BundleBook:
    """The account of a backup, which is the bundle's own list: any machine goes on where another one stopped."""

    def __init__(self, catalog: Catalog, held: Lease, *, again: bool) -> None:
        self._catalog = catalog
        self._lease = held
        self._again = again

    def find(self, project: str, run_id: str) -> Entry | None:
        """Return what the bundle holds of a run."""
        try:
            held = self._catalog.find(project, run_id)
        except RejectedError:  # of a newer version: the sink says so, and leaves it
            return None
        if held is None or self._again:
            return None
        is_open = status_of(held.mark) in ("running", "stale")
        progress = Progress(held.position, place_of(held.run), None, held.tally)
        return Entry(project, run_id, held.run.name, "partial" if is_open else "copied", held.mark, progress)

    def save(self, entry: Entry) -> None:
        """Keep what the destination refused; all else the sink committed."""
        self._lease.renew()
        if entry.state not in ("copied", "partial"):
            return
        held, tally = self._catalog.find(entry.project, entry.id), entry.progress.tally
        if held is not None and (held.tally.refused, held.tally.changed) != (tally.refused, tally.changed):
            told = held.tally.copy()
            told.refused, told.changed = Counter(tally.refused), Counter(tally.changed)
            self._catalog.commit(held.at(tally=told, generation=held.generation + 1))

    def entries(self) -> Iterator[Entry]:
        """Yield what the bundle holds."""
        for project, run_id in self._catalog.names():
            if (entry := self.find(project, run_id)) is not None:
                yield entry


@dataclass(frozen=True, slots=True)
class _Target(Place):
    """The bundle as the destination of a backup."""

    catalog: Catalog
    source_name: str
    again: bool

    def sink(self, context: SinkContext, /) -> Sink:
        return BundleSink(self.catalog, context, self.source_name, is_read=True, trusts=not self.again)


@dataclass(slots=True)
class Backup:
    """One backup.

    Attributes:
        again: Read every run again, whether it seems changed or not.
        watch: Called as a run comes forward.
    """

    source: Place
    bundle: Place
    catalog: Catalog
    choice: Choice = field(default_factory=Choice)
    jobs: int = 1
    again: bool = False
    watch: Callable[[RunInfo, Progress], None] = lambda _run, _progress: None
    snapshot: Snapshot | None = None

    def run(self) -> Iterator[Result]:
        """Copy what is new, yield what became of each run, and keep the snapshot.

        Raises:
            AuthError, ConfigError: No run can be copied so.
            UsageError: Old snapshots are being removed at present.
        """
        self.source.source()  # a source that is not there is told before anything is written
        self.catalog.create()
        self.catalog.refresh()
        with lease(self.catalog.store, "backup") as held:
            name = name_of(self.source)
            target = _Target(self.bundle.text, self.bundle.resolved, self.catalog, name, self.again)
            book = _BundleBook(self.catalog, held, again=self.again)
            migration = Migration(
                self.source, target, book, self.choice, None, self.jobs, replaces=True, watch=self.watch
            )
            states: Counter[str] = Counter()
            failed: list[dict[str, str]] = []
            begun = time.time_ns()
            for wave in migration.waves(None):
                for found in migration.copy(wave):
                    result = self._told(found, begun)
                    states[result.state] += 1
                    failed += _failed(result)
                    yield result
            self.catalog.refresh()
            self.snapshot = self.catalog.fold(Snapshot.backup(name, states, failed[:_LISTED]))

    def _told(self, result: Result, begun: int) -> Result:
        """Return what became of a run, which may have been read again and found to be the same."""
        held = self.catalog.find(result.run.project, result.run.id) if result.state == "copied" else None
        return replace(result, state="unchanged") if held is not None and held.committed < begun else result


def _failed(result: Result) -> list[dict[str, str]]:
    """Return what the snapshot says of a run that is not wholly in the bundle."""
    run, refused = result.run, result.progress.tally.refused
    words = result.error or "; ".join(f"{count} x {reason}" for reason, count in refused.items())
    return [{"project": run.project, "id": run.id, "error": words}] if words else []
