"""Drafts: the parts of one run while its records come in."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from tracklib.model.records import Metrics, Record
from tracklib.model.run import RunInfo
from tracklib.portability.bundle.entry import Part, Table
from tracklib.portability.bundle.parts import PartWriter
from tracklib.portability.bundle.points import PointRows
from tracklib.portability.bundle.rows import FileRows, RecordRows
from tracklib.portability.bundle.store import Store, put

__all__ = ["Drafts"]

_GROUP_ROWS = 1 << 17
"""Rows of a row group."""

_GROUP_LOAD = 8 << 20
"""Bytes of texts of a row group."""

_PART_ROWS = 1 << 22
"""Rows of a part: about 60 MB of points."""

_PART_LOAD = 256 << 20
"""Bytes of a part before they are compressed."""

_TABLES: tuple[Table, ...] = ("points", "records", "files")


class Drafts:
    """The parts of one run while its records come in.

    Memory holds one row group of each table; the folder holds one part of each, and those not uploaded yet.
    """

    def __init__(self, store: Store, folder: Path, home: str, run: RunInfo, *, trusts: bool) -> None:
        self._store = store
        self._folder = folder
        self._home = home
        self._trusts = trusts
        self._points = PointRows(run.project, run.id)
        self._records = RecordRows(run.project, run.id)
        self._files = FileRows(run.project, run.id)
        self._rows: dict[Table, PointRows | RecordRows | FileRows] = {
            "points": self._points,
            "records": self._records,
            "files": self._files,
        }
        self._writers: dict[Table, PartWriter] = {}
        self._firsts: dict[Table, int] = {}
        self._finished: deque[tuple[Path, Part]] = deque()
        self._parts: list[Part] = []
        self._count = 0

    def add(self, n: int, record: Record) -> None:
        """Take in the record that is the run's ``n``-th.

        Raises:
            BadValueError: It would not read back.
        """
        if isinstance(record.body, Metrics) and record.body.values:
            self._points.add(n, record)
            self._firsts.setdefault("points", n)
            if len(self._points) >= _GROUP_ROWS:
                self._write("points")
        else:
            self._records.add(n, record)
            self._firsts.setdefault("records", n)
            self._files.add(n, record)
            if len(self._files):
                self._firsts.setdefault("files", n)
            if self._is_full(self._records):
                self._write("records")
            if self._is_full(self._files):
                self._write("files")

    @staticmethod
    def _is_full(rows: RecordRows | FileRows) -> bool:
        return len(rows) >= _GROUP_ROWS or rows.load >= _GROUP_LOAD

    def _write(self, table: Table) -> None:
        """Write the rows so far as a row group."""
        rows = self._rows[table]
        if not len(rows):
            return
        writer = self._writers.get(table)
        if writer is None:
            self._count += 1
            path = self._folder / f"{table}-{self._count}.parquet"
            writer = self._writers[table] = PartWriter(table, path, self._firsts[table])
        writer.add(rows.batch())
        if writer.rows >= _PART_ROWS or writer.load >= _PART_LOAD:
            self._finish(table)

    def _finish(self, table: Table) -> None:
        writer = self._writers.pop(table)
        del self._firsts[table]
        self._finished.append((writer.path, writer.finish(self._home)))

    def upload(self) -> None:
        """Upload what is finished; called again after a fault, it goes on where it was."""
        while self._finished:
            path, part = self._finished[0]
            put(self._store, path, part.path, trusts=self._trusts)
            self._parts.append(part)
            self._finished.popleft()
            path.unlink()

    def close(self) -> list[Part]:
        """Finish and upload everything; return all parts, by table and in order."""
        for table in _TABLES:
            self._write(table)
        for table in list(self._writers):
            self._finish(table)
        self.upload()
        return sorted(self._parts, key=lambda part: (_TABLES.index(part.table), part.first))
