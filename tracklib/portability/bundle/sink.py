"""`BundleSink`: writes one run into a bundle."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
import time
import weakref
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow has no types
import pyarrow.compute as pc  # type: ignore[import-untyped]  # pyarrow has no types

from tracklib.backends.contract import Outcome, SinkContext, VendorRun, accepted, refused
from tracklib.errors import BadValueError, RejectedError
from tracklib.model.records import FileRef, Metrics, Position, Record, RunEnd, RunStart
from tracklib.model.run import RunInfo
from tracklib.model.state import RunState
from tracklib.portability.bundle import rows
from tracklib.portability.bundle.capabilities import CAPABILITIES
from tracklib.portability.bundle.catalog import Catalog
from tracklib.portability.bundle.drafts import Drafts
from tracklib.portability.bundle.entry import RunEntry
from tracklib.portability.bundle.layout import file_path, place_of, run_folder
from tracklib.portability.bundle.source import batches_of
from tracklib.portability.bundle.store import digest_of, put
from tracklib.portability.ledger import mark_of, started_of
from tracklib.portability.tally import Tally, files_of

__all__ = ["BundleSink"]


class BundleSink:
    """Copies a run into a bundle.

    Parts are uploaded as they fill; the run's entry, which names them, is committed at `close`, in one stroke, and
    nothing is confirmed before. With a position of an earlier copy, new parts stand behind those that are there.

    Args:
        source: Where a backup takes the run from.
        is_read: The list of runs was read already.
        trusts: What is there, of its size, is what it should be: a content is not fetched from the source again.
    """

    capabilities = CAPABILITIES
    keeps_ranks = True

    def __init__(
        self,
        catalog: Catalog,
        context: SinkContext,
        source: str = "",
        *,
        is_read: bool = False,
        trusts: bool = True,
    ) -> None:
        self._catalog = catalog
        self._context = context
        self._source = source
        self._is_read = is_read
        self._trusts = trusts
        self._confirmed = dict(context.position)
        self._known: set[tuple[str, int]] = set()
        self._begun: set[tuple[str, int]] = set()
        self._folder = tempfile.mkdtemp(prefix="tracklib-bundle-")
        self._clean = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def open(self, run: RunInfo, /) -> VendorRun:
        """Find the run, and what of it is there.

        Raises:
            RejectedError: It is not there as far as it was copied earlier.
        """
        if not self._is_read:
            self._catalog.create()
            self._catalog.refresh()
        self._run = dataclasses.replace(run, place=None, url=None)
        self._old = self._catalog.find(run.project, run.id)
        self._behind: Position = {}
        self._position: dict[str, int] = {}
        self._state, self._tally = RunState(run.id), Tally()
        if self._context.position:
            self._go_on()
        self._position = dict(self._behind)
        folder = run_folder(run.project, run.id)
        self._drafts = Drafts(self._catalog.store, Path(self._folder), folder, self._run, trusts=self._trusts)
        return VendorRun(place_of(run))

    def _go_on(self) -> None:
        """Take up the run where its entry ends."""
        old, behind = self._old, self._context.position
        if old is None or any(seq > old.position.get(writer, 0) for writer, seq in behind.items()):
            raise RejectedError(
                f"the bundle does not hold {self._run.project}/{self._run.id} as far as it was copied; "
                "name another ledger to copy all of it"
            )
        self._behind, self._tally = old.position, old.tally.copy()
        for batch in batches_of(self._catalog, old, "records", [*rows.COLUMNS, "kind"]):
            ends = batch.filter(pc.is_in(batch.column("kind").cast("string"), pa.array(["start", "end"])))
            for _, record in rows.record_records([ends]):
                self._state.apply(record)

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        """Take records into the parts, and upload these as they fill."""
        outcomes = [self._write(record) for record in batch]
        self._drafts.upload()
        self._begun.clear()
        return outcomes

    def _write(self, record: Record) -> Outcome:
        key = record.writer, record.seq
        if record.seq <= self._behind.get(record.writer, 0) or key in self._begun:
            return accepted()
        try:
            for file in () if isinstance(record.body, Metrics) else files_of(record):
                if (file.sha256, file.size) not in self._known:
                    self._keep(file)
            self._drafts.add(self._tally.records, record)
        except (BadValueError, RejectedError) as error:
            return refused(str(error))
        self._begun.add(key)
        self._tally.count(record)
        self._position[record.writer] = max(self._position.get(record.writer, 0), record.seq)
        if isinstance(record.body, (RunStart, RunEnd)):
            self._state.apply(record)
        return accepted()

    def _keep(self, file: FileRef) -> None:
        """Upload a content, unless it is there."""
        target = file_path(file.sha256)
        held = self._catalog.store.size(target)
        if held != file.size or not self._trusts:
            path = self._context.open_file(file)
            found, size = digest_of(path)
            if (found, size) != (file.sha256, file.size):
                raise RejectedError(
                    f"expected {file.size} bytes with the digest {file.sha256[:12]}, got {size} with {found[:12]}"
                )
            put(self._catalog.store, path, target, trusts=self._trusts)
        self._known.add((file.sha256, file.size))

    def confirmed(self) -> Position:
        """Return up to where the bundle holds the run."""
        return dict(self._confirmed)

    def close(self) -> None:
        """Upload the last parts, and commit the run.

        Raises:
            RejectedError: The bundle holds the run from elsewhere, written by other writers.
        """
        old, mark = self._old, mark_of(self._run)
        if old is not None and not self._behind and not self._is_same(old):
            raise RejectedError(
                f"the bundle holds another run as {self._run.project}/{self._run.id}; name another bundle for this one"
            )
        parts = (*(old.parts if old is not None and self._behind else ()), *self._drafts.close())
        entry = RunEntry(self._info(), 1, self._source, mark, self._position, parts, self._tally)
        if old is None or entry.is_news_to(old):
            generation = 1 if old is None else old.generation + 1
            entry = entry.at(generation=generation, committed=time.time_ns())
            self._catalog.commit(entry)
            self._old, self._behind = entry, entry.position
        self._confirmed = dict(self._position)
        self._clean()

    def _info(self) -> RunInfo:
        """Return the run as its records have it; where none says so, as the source had it."""
        if not self._state.attempt:
            return self._run
        return dataclasses.replace(self._state.info(), project=self._run.project, id=self._run.id)

    def _is_same(self, old: RunEntry) -> bool:
        """Tell whether an entry is of this run, and not of another one that bears its id."""
        return bool(old.position.keys() & self._position.keys()) or started_of(old.mark) == self._run.started
