"""`JournalSink`: writes one run into a journal root."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from tracklib import platform
from tracklib.backends.capabilities import Capabilities
from tracklib.backends.contract import Outcome, SinkContext, VendorRun, accepted, refused
from tracklib.errors import (
    BackendError,
    BadValueError,
    CorruptJournalError,
    NoRoomError,
    RejectedError,
    TransientError,
)
from tracklib.journal.blobs import BlobStore
from tracklib.journal.layout import Root, RunFolder, encode_name, private_folder
from tracklib.journal.reader import SegmentReader
from tracklib.journal.segment import Header, seal, seed_of
from tracklib.model.codec import LONGEST, dumps, to_fields
from tracklib.model.records import Position, Record, RunStart
from tracklib.model.run import RunInfo
from tracklib.portability.local import JournalSource
from tracklib.portability.tally import files_of

__all__ = ["JournalSink"]

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_HOST = "(copied)"
"""Stands as the host of a copied segment: no machine may hold its writer for its own, and end it as crashed."""


class JournalSink:
    """Copies a run into a journal root: a segment for each writer, as the journal's own writer seals it.

    Segments are written aside, and take their places at `close`: nobody sees half a run, and nothing is confirmed
    before. Records keep their writers, numbers and times.
    """

    capabilities: Capabilities = JournalSource.capabilities
    keeps_ranks = True

    def __init__(self, root: Root, context: SinkContext) -> None:
        self._root = root
        self._context = context
        self._blobs = BlobStore(root)
        self._run: RunInfo | None = None
        self._drafts: dict[str, _Draft] = {}
        self._confirmed = dict(context.position)

    def open(self, run: RunInfo, /) -> VendorRun:
        """Make room for the run.

        Raises:
            RejectedError: The root holds a run of this id that was recorded there, not copied.
        """
        self._root.create()
        folder = self._root.run(run.project, run.id)
        for path in folder.segments():
            if not _is_copy(path):
                raise RejectedError(f"the run {run.id!r} of {run.project!r} was recorded in {self._root.path} itself")
        self._run = run
        return VendorRun(run.id)

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        """Write records aside, and keep their files."""
        return [self._write(record) for record in batch]

    def confirmed(self) -> Position:
        """Return up to where the root holds the run."""
        return dict(self._confirmed)

    def close(self) -> None:
        """Put the segments in their places."""
        folder = self._folder
        try:
            private_folder(folder.journal)
            for writer, draft in self._drafts.items():
                draft.place()
                self._confirmed[writer] = draft.seq
        except OSError as error:
            if error.errno in _FULL:
                raise self._fault(error) from error
            raise
        if not self._context.position:  # what an earlier copy left of writers that the source does not have any more
            kept = {encode_name(writer) for writer in self._drafts}
            for path in folder.segments():
                if path.stem not in kept:
                    path.unlink()
        self._drafts = {}

    @property
    def _folder(self) -> RunFolder:
        assert self._run is not None
        return self._root.run(self._run.project, self._run.id)

    def _write(self, record: Record) -> Outcome:
        try:
            for file in files_of(record):
                kept = self._blobs.copy_in(self._context.open_file(file))
                if kept.sha256 != file.sha256:
                    return refused(f"the content of {file.path!r} is not that of its digest")
            self._draft(record).add(record)
        except (BadValueError, RejectedError) as error:
            return refused(str(error))
        except BackendError:
            raise
        except OSError as error:
            raise self._fault(error) from error
        return accepted()

    def _fault(self, error: OSError) -> Exception:
        """Return what a fault of the disk means: one that is full may be so for long, and the next run may be smaller."""
        words = f"the disk of {self._root.path} does not take it: {error}"
        if error.errno not in _FULL:
            return TransientError(words)
        for draft in self._drafts.values():
            draft.drop()  # half a run is of no use, and the next one needs the room
        self._drafts = {}
        return NoRoomError(words)

    def _draft(self, record: Record) -> _Draft:
        draft = self._drafts.get(record.writer)
        if draft is None:
            assert self._run is not None
            role = "main" if isinstance(record.body, RunStart) else "child"
            header = Header(self._run.id, self._run.project, record.writer, role, _HOST, created=time.time_ns())
            name = encode_name(record.writer)  # of its own when it is a file name already
            header = dataclasses.replace(header, writer=name)
            held = self._folder.journal / f"{name}.jsonl"
            after = self._context.position.get(record.writer, 0)
            private_folder(self._root.scratch)
            draft = self._drafts[record.writer] = _Draft(self._root.scratch, header, held, after)
        return draft


class _Draft:
    """One segment that is not in its place yet.

    Attributes:
        seq: Of its last record.
    """

    def __init__(self, scratch: Path, header: Header, final: Path, after: int) -> None:
        self.seq = after
        self._final = final
        self._seed = seed_of(header.writer)
        # Always the same name: what an interrupted copy left is written over by the next.
        self._path = scratch / f"copy-{hashlib.sha256(os.fsencode(final)).hexdigest()[:32]}"
        self._file: BinaryIO = os.fdopen(platform.open_private(self._path, os.O_WRONLY | os.O_TRUNC), "wb")
        if after and final.exists():
            with final.open("rb") as held:
                shutil.copyfileobj(held, self._file)
        else:
            self._file.write(seal(dumps(header.fields()), self._seed))

    def add(self, record: Record) -> None:
        if record.seq <= self.seq:
            return
        line = seal(dumps(to_fields(record)), self._seed)
        if len(line) > LONGEST:
            raise BadValueError(f"expected a record of at most {LONGEST >> 20} MB, got {len(line) >> 20} MB")
        self._file.write(line)
        self.seq = record.seq

    def drop(self) -> None:
        with contextlib.suppress(OSError):  # what is still to be written does not fit, and is not wanted
            self._file.close()
        self._path.unlink(missing_ok=True)

    def place(self) -> None:
        with self._file as file:
            file.flush()
            os.fsync(file.fileno())
        os.replace(self._path, self._final)


def _is_copy(path: Path) -> bool:
    try:
        header = SegmentReader(path).header()
    except (OSError, CorruptJournalError):
        return False
    return header is not None and header.host == _HOST
