"""The writer: one process's part of a run, which never raises into training."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

from tracklib.errors import BadValueError
from tracklib.journal.flusher import flusher
from tracklib.journal.layout import RunFolder, private_folder
from tracklib.journal.liveness import WriterLock
from tracklib.journal.open_segment import OpenSegment
from tracklib.journal.segment import seal
from tracklib.model.codec import LONGEST, dumps, loads, to_fields
from tracklib.model.records import Body, Notice, Record, RunEnd

__all__ = ["MAX_LINE", "SegmentWriter"]

MAX_LINE = LONGEST
"""Bytes: what a reader holds for a line that goes on."""

_Make = Callable[[int, int], dict[str, object]]
"""Returns a record as a JSON object, given its number and time."""


class SegmentWriter:
    """Appends sealed lines to a segment of its own: one ``write(2)`` a record, in the order of their numbers.

    What cannot be written is counted, told once through ``warn``, and recorded as a notice when writing works again.
    A segment that was torn, or whose file fails, is followed by a new one. A record that interrupts another (from a
    signal's handler, or a finaliser) goes to a segment beside it.

    Args:
        after: A time that every record's must be later than.
        warn: Tells the user.

    Attributes:
        segment: Where records go.
        depth: How many records are being written: more than one where one interrupts another. Hold the lock.
        lost: Records that could not be written so far.
        closed: Whether `close` was called.
    """

    def __init__(
        self,
        folder: RunFolder,
        run: str,
        project: str,
        *,
        role: str = "main",
        reserved: str = "",
        after: int = 0,
        warn: Callable[[str], None],
    ) -> None:
        self._folder = folder
        self._run, self._project, self._role = run, project, role
        self._warn = warn
        self._warned = False
        self._told = 0
        self.lost = 0
        self.lock = threading.RLock()
        self.depth = 0
        self.closed = False
        self.segment = self._first = self._opened(role, after, reserved=reserved)
        self._beside: dict[int, OpenSegment] = {}
        self._locks: list[WriterLock] = []  # of segments that are followed: while one is held, the writer lives
        flusher.add(self)

    @property
    def writer(self) -> str:
        """The current segment's id; another one after a fork, and after a line that was torn."""
        return self.segment.writer

    @property
    def seq(self) -> int:
        """The number of the last record in the current segment."""
        return self.segment.seq

    @property
    def path(self) -> Path:
        """The current segment's file."""
        return self.segment.path

    @property
    def alive(self) -> WriterLock:
        """The lock of the current segment."""
        return self.segment.alive

    def _opened(self, role: str, after: int = 0, *, reserved: str = "") -> OpenSegment:
        for folder in (self._folder.path.parent, self._folder.path, self._folder.journal):
            private_folder(folder)
        return OpenSegment(self._folder, self._run, self._project, role, after, reserved=reserved)

    # -- records

    def append(self, body: Body) -> bool:
        """Write a record; return whether it stands in the file."""
        return self._append(lambda seq, time: to_fields(Record("", seq, time, body)))

    def append_fields(self, kind: str, fields: dict[str, object]) -> bool:
        """Write a record that is a JSON object already, but for its number and time."""
        return self._append(lambda seq, time: {"kind": kind, "seq": seq, "time": time, **fields})

    def _append(self, make: _Make) -> bool:
        with self.lock:
            level = self.depth
            self.depth = level + 1
            try:
                return not self.closed and self._put(level, make)
            finally:
                self.depth = level

    def write_sealed(self, json_object: bytes) -> bool:
        """Seal a record that is JSON already, numbered `seq` + 1, and write it. Hold the lock, at depth 1."""
        segment = self.segment
        try:
            segment.put(seal(json_object, segment.seed))
        except OSError as error:
            if not segment.broken:
                return self._failed(error, segment)
            fields = loads(json_object)
            return self._put(0, lambda seq, time: {**fields, "seq": seq, "time": time})
        if self.lost != self._told:
            self._tell(0)
        return True

    def _put(self, level: int, make: _Make) -> bool:
        error = self._try(level, make)
        if error is not None:
            return self._failed(error, self._beside.get(level, self.segment))
        if self.lost != self._told:
            self._tell(level)
        return True

    def _try(self, level: int, make: _Make) -> OSError | None:
        """Write a record, where the write tears its segment once more in a new one; return what kept it from it."""
        for last in (False, True):
            try:
                segment = self._at(level)
            except OSError as error:
                return error
            line = seal(dumps(make(segment.seq + 1, segment.tick())), segment.seed)
            if len(line) > MAX_LINE:
                raise BadValueError(
                    f"expected a record of at most {MAX_LINE >> 20} MB, got {len(line) >> 20} MB; log it as an artifact"
                )
            try:
                segment.put(line)
            except OSError as error:
                if last or not segment.broken:
                    return error
            else:
                break
        return None

    def _at(self, level: int) -> OpenSegment:
        """Return the segment for records that interrupt ``level`` others, after a broken one a new one.

        Raises:
            OSError: None can be created.
        """
        found = self._beside.get(level) if level else self.segment
        if found is not None and not found.broken:
            return found
        # Only the first segment speaks for the process: those that follow it, or stand beside it, are its children.
        segment = self._opened("observer" if self._role == "observer" else "child", self.segment.time)
        if found is not None:
            with contextlib.suppress(OSError):
                found.close()
            self._locks.append(found.alive)
        if level:
            self._beside[level] = segment
        else:
            self.segment = segment
        return segment

    def _failed(self, error: OSError, segment: OpenSegment) -> bool:
        if self.closed:  # by a handler that interrupted this very record
            return False
        self.lost += 1
        segment.seq += 1  # a gap, by which a reader sees that something is missing
        if not self._warned:
            self._warned = True
            self._warn(
                f"cannot write the journal {segment.path}: {error.strerror or error}. Training goes on; records are "
                "dropped and counted until writing works again. Free space on that disk, or set TRACKLIB_DIR."
            )
        return False

    def _tell(self, level: int) -> None:
        lost = self.lost
        notice = Notice("dropped", "records that the disk did not take", lost - self._told)
        if self._try(level, lambda seq, time: to_fields(Record("", seq, time, notice))) is None:
            self._told = lost
            self._warned = False

    # -- the disk

    def flush(self) -> None:
        """Bring what was written to the disk."""
        for segment in (self.segment, *list(self._beside.values())):
            self._flush(segment)

    def _flush(self, segment: OpenSegment) -> None:
        with self.lock:  # not while syncing: log() waits for no disk
            if segment.fd < 0 or segment.size == segment.synced:
                return
            try:
                fd, size = os.dup(segment.fd), segment.size
            except OSError:  # too many open files: then it must wait
                self._sync(segment, segment.fd, segment.size)
                return
        try:
            self._sync(segment, fd, size)
        finally:
            with contextlib.suppress(OSError):  # NFS tells of faults here that a sync has told of before
                os.close(fd)

    def _sync(self, segment: OpenSegment, fd: int, size: int) -> None:
        try:
            if not segment.sync(fd, size):
                segment.broken = True
                self._warn(f"the journal {segment.path} was deleted while the run goes on; a new segment is begun")
        except OSError as error:
            segment.broken = True
            self._warn(
                f"cannot bring the journal {segment.path} to disk: {error.strerror or error}; a new segment is begun"
            )

    def beat(self) -> None:
        """Show that the writer lives."""
        for segment in (self._first, self.segment, *list(self._beside.values())):
            with contextlib.suppress(FileNotFoundError):  # deleted, with its run: another segment goes on
                segment.alive.beat()

    # -- the end

    def end(self, body: RunEnd) -> None:
        """Write the run's end, so that the first segment counts as ended even where it takes nothing any more."""
        with self.lock:
            if self.depth == 0 and self.segment is self._first and self.append(body) and self.segment is self._first:
                return
            from tracklib.journal.recovery import write_end

            write_end(self._folder, self._first.path, self.segment.tick(), body)

    def close(self) -> None:
        """Flush, and stop being alive."""
        with self.lock:
            flusher.remove(self)
            self.flush()
            self.closed = True
            for segment in (self.segment, *self._beside.values()):
                with contextlib.suppress(OSError):
                    segment.close()
                segment.alive.release()
            for lock in self._locks:
                lock.release()
            if self.lost != self._told:
                self._warn(f"{self.lost - self._told} records of this run were dropped, which the disk did not take")

    def reopen_in_child(self) -> None:
        """Go on in a segment of the child's own after ``fork``; the parent's stays the parent's."""
        self.lock = threading.RLock()
        self.depth = 0
        self._role = "child"
        self.lost = self._told = 0
        for segment in (self.segment, *self._beside.values()):
            with contextlib.suppress(OSError):
                segment.close()
            segment.alive.forget()
        for lock in self._locks:
            lock.forget()
        self._beside, self._locks = {}, []
        flusher.add(self)
