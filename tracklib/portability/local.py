"""A journal root as a source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from tracklib.backends.capabilities import EXACT, Capabilities, Feature
from tracklib.errors import RunStateError
from tracklib.journal.blobs import BlobStore
from tracklib.journal.glance import glance
from tracklib.journal.layout import Root, RunFolder
from tracklib.journal.reader import Damage, read_run
from tracklib.model.query import RunQuery
from tracklib.model.records import FileRef, Position, Record
from tracklib.model.run import RunInfo

__all__ = ["JournalSource"]


class JournalSource:
    """Reads the runs of a journal root.

    Attributes:
        damage: What could not be read so far, over all runs.
        append_only: A record keeps its writer and number as the run goes on, so that a copy can be continued.
    """

    append_only = True

    capabilities = Capabilities(features=dict.fromkeys(Feature, EXACT), idempotent=True)

    def __init__(self, root: Root) -> None:
        self._root = root
        self._blobs = BlobStore(root)
        self.damage = Damage()

    def runs(self, query: RunQuery, /) -> Iterator[RunInfo]:
        """Yield the runs that a query selects."""
        folders = self._root.find(query.id) if query.id is not None else self._root.runs()
        if query.project is not None:  # by the folders' names; what the journals say is asked below
            place = self._root.run(query.project, "x").path.parent
            folders = [folder for folder in folders if folder.path.parent == place]
        for folder in folders:
            info = glance(folder).info
            if query.matches(info):
                yield info

    def read(self, run: RunInfo, /, after: Position | None = None) -> Iterator[Record]:
        """Yield the records of a run, merged by time."""
        records = self._records(self._folder(run))
        if not after:
            return records
        return (record for record in records if record.seq > after.get(record.writer, 0))

    def _records(self, folder: RunFolder) -> Iterator[Record]:
        """Yield the records of a run; one that is deleted meanwhile is read on as far as it is open already."""
        found, is_empty = Damage(), True
        for record in read_run(folder, found):
            is_empty = False
            yield record
        if (is_empty or found.lines) and not folder.exists():
            raise RunStateError(f"the run {folder.names()[1]!r} of {self._root.path} was deleted while it was read")
        self.damage.lines += found.lines
        self.damage.missing += found.missing
        self.damage.torn |= found.torn

    def open_file(self, run: RunInfo, file: FileRef, /) -> BinaryIO:
        """Open the content of a file."""
        _ = run
        return self._blobs.open(file).open("rb")

    def _folder(self, run: RunInfo) -> RunFolder:
        folder = self._root.run(run.project, run.id)
        if not folder.exists():
            raise RunStateError(f"expected the run {run.id!r} in {self._root.path}, got nothing")
        return folder
