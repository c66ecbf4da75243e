"""`BundleSource`: reads the runs of a bundle."""

from __future__ import annotations

import dataclasses
import heapq
from collections.abc import Iterator
from typing import BinaryIO

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow has no types

from tracklib.errors import BadValueError, RejectedError
from tracklib.model.query import RunQuery
from tracklib.model.records import FileRef, Position, Record
from tracklib.model.run import RunInfo
from tracklib.portability.bundle import points, rows
from tracklib.portability.bundle.capabilities import CAPABILITIES
from tracklib.portability.bundle.catalog import Catalog
from tracklib.portability.bundle.entry import RunEntry, Table
from tracklib.portability.bundle.layout import file_path, place_of
from tracklib.portability.bundle.parts import read_part

__all__ = ["BundleSource", "batches_of", "records_of"]


class BundleSource:
    """Reads the runs of a bundle.

    Attributes:
        append_only: A record keeps its writer and number as the run goes on, so that a copy can be continued.
    """

    append_only = True

    capabilities = CAPABILITIES

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        catalog.refresh()

    @property
    def unlisted(self) -> dict[str, str]:
        """Which of the bundle's own lists could not be read whole, and why: runs may be missing from what `runs` yields."""
        return dict(self.catalog.damage)

    def runs(self, query: RunQuery, /) -> Iterator[RunInfo]:
        """Yield the runs that a query selects; reading one that is damaged tells what is wrong with it.

        Their place is the folder of the run, ``project/id`` in most cases: an id alone may be there in two projects.
        """
        self.catalog.refresh()
        for project, run_id in self.catalog.names():
            if query.id not in (None, run_id) or query.project not in (None, project):
                continue
            try:
                entry = self.catalog.find(project, run_id)
                info = entry.run if entry is not None else None
            except RejectedError:
                info = self.catalog.stub(project, run_id)
            if info is not None and query.matches(placed := dataclasses.replace(info, place=place_of(info))):
                yield placed

    def read(self, run: RunInfo, /, after: Position | None = None) -> Iterator[Record]:
        """Yield the records of a run, in the order in which they were taken in.

        Raises:
            RejectedError: A part is missing or damaged, or the run changed since ``after`` was.
        """
        entry = self._entry(run)
        behind = after or {}
        if any(seq > entry.position.get(writer, 0) for writer, seq in behind.items()):
            raise RejectedError(f"{run.project}/{run.id} was replaced in the bundle since it was copied from there")
        return (record for record in records_of(self.catalog, entry) if record.seq > behind.get(record.writer, 0))

    def point_batches(self, run: RunInfo, /, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the points of a run as columns, in the order of the records: the quick way for a comparison or a frame.

        Args:
            run: The run.
            columns: Of the table ``points`` in ``docs/bundle.md``, by default all that belong to a point: ``n``,
                ``writer``, ``seq``, ``metric``, ``step``, ``time``, ``value``, ``given``, ``recorded``, ``step_int``,
                ``value_int``, ``exact``.

        Raises:
            RejectedError: A part is missing or damaged.
        """
        return batches_of(self.catalog, self._entry(run), "points", columns or points.COLUMNS)

    def other_records(self, run: RunInfo, /) -> Iterator[Record]:
        """Yield the records of a run that hold no points, in their order.

        Raises:
            RejectedError: A part is missing or damaged.
        """
        entry = self._entry(run)
        try:
            for _, record in rows.record_records(batches_of(self.catalog, entry, "records", rows.COLUMNS)):
                yield record
        except BadValueError as error:
            raise RejectedError(f"{run.project}/{run.id}: {error}") from error

    def open_file(self, run: RunInfo, file: FileRef, /) -> BinaryIO:
        """Open the content of a file.

        Raises:
            RejectedError: The bundle does not hold it.
        """
        _ = run
        path = file_path(file.sha256)
        try:
            return self.catalog.store.open(path)
        except FileNotFoundError as error:
            raise RejectedError(f"{path} is missing") from error

    def _entry(self, run: RunInfo) -> RunEntry:
        entry = self.catalog.find(run.project, run.id)
        if entry is None:
            raise RejectedError(f"expected the run {run.id!r} of {run.project!r} in {self.catalog.store}, got nothing")
        return entry


def batches_of(catalog: Catalog, entry: RunEntry, table: Table, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of one of a run's tables, part by part."""
    for part in entry.of(table):
        yield from read_part(catalog.store, part, columns)


def records_of(catalog: Catalog, entry: RunEntry) -> Iterator[Record]:
    """Yield all records of a run.

    Raises:
        RejectedError: A part is missing or damaged, or there are not as many as the entry says.
    """
    numbered = heapq.merge(
        points.point_records(batches_of(catalog, entry, "points", points.COLUMNS)),
        rows.record_records(batches_of(catalog, entry, "records", rows.COLUMNS)),
        key=lambda item: item[0],
    )
    who = f"{entry.run.project}/{entry.run.id}"
    count = 0
    try:
        for count, (n, record) in enumerate(numbered, 1):
            if n != count - 1:
                raise RejectedError(f"{who}: expected record {count - 1} of the run, got record {n}")
            yield record
    except BadValueError as error:
        raise RejectedError(f"{who}: {error}") from error
    if count != entry.tally.records:
        raise RejectedError(f"{who}: expected {entry.tally.records} records, got {count}")
