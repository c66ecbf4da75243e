"""The writer: one process's segment of a run, which never raises into training."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tracklib import platform
from tracklib.journal.flusher import flusher
from tracklib.journal.layout import RunFolder, private_folder
from tracklib.journal.liveness import WriterLock
from tracklib.journal.segment import Header, new_writer_id, seal, seed_of
from tracklib.model.codec import dumps, to_fields
from tracklib.model.records import Body, Notice, Record

__all__ = ["SegmentWriter"]


class SegmentWriter:
    """Appends sealed lines to a segment of its own: one ``write(2)`` a record, in the order of their numbers.

    What cannot be written is counted, told once through ``warn``, and recorded as a notice when writing works again.

    Attributes:
        writer: This incarnation's id; another one after a fork, and after a line that was torn by a full disk.
        seq: The number of the last record.
        lost: Records that could not be written so far.
    """

    def __init__(
        self, folder: RunFolder, run: str, project: str, *, role: str = "main", warn: Callable[[str], None]
    ) -> None:
        self._folder = folder
        self._run, self._project, self._role = run, project, role
        self._warn = warn
        self._warned = False
        self._told = 0
        self.lost = 0
        self.lock = threading.RLock()  # a signal handler may log while its thread is in log()
        self._time = 0
        private_folder(folder.path.parent)
        private_folder(folder.path)
        private_folder(folder.journal)
        self._open()
        flusher.add(self)

    def _open(self) -> None:
        """Begin a new segment.

        Raises:
            OSError: It cannot be created.
        """
        self.writer = new_writer_id()
        self.path: Path = self._folder.journal / f"{self.writer}.jsonl"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
        self.alive = WriterLock(self.path)  # before the segment: no reader may find one without the other
        self._fd = os.open(self.path, flags, 0o600)
        self._seed = seed_of(self.writer)
        self.seq = 0
        self._torn = False
        self.dirty = True
        header = Header.here(self._run, self._project, self.writer, self._role)
        self._write(seal(dumps(header.fields()), self._seed))

    def tick(self) -> int:
        """Return the time for the next record, in nanoseconds: now, yet always later than the last. Hold the lock."""
        now = time.time_ns()
        self._time = now if now > self._time else self._time + 1
        return self._time

    def append(self, body: Body) -> bool:
        """Write a record; return whether it stands in the file."""
        with self.lock:
            record = Record(self.writer, self.seq + 1, self.tick(), body)
            return self.append_fields(to_fields(record))

    def append_fields(self, fields: dict[str, object]) -> bool:
        """Write a record that is a JSON object already, numbered ``seq + 1``. Hold the lock."""
        self.seq += 1
        return self._write(seal(dumps(fields), self._seed))

    def write_sealed(self, json_object: bytes) -> bool:
        """Seal a record that is JSON already, numbered ``seq + 1``, and write it. Hold the lock."""
        self.seq += 1
        return self._write(seal(json_object, self._seed))

    def _write(self, line: bytes) -> bool:
        try:
            if self._torn:
                return self._reopen()
            written = os.write(self._fd, line)
            while written < len(line):
                self._torn = True  # until the rest is there
                written += os.write(self._fd, line[written:])
            self._torn = False
        except OSError as error:
            self._failed(error)
            return False
        self.dirty = True
        if self.lost != self._told:
            self._tell()
        return True

    def _reopen(self) -> bool:
        """Go on in a new segment: nothing is ever appended behind a torn line. The record at hand counts as lost."""
        old = self._fd
        lock = self.alive
        self._open()
        os.close(old)
        lock.release()
        self.lost += 1
        return False

    def _failed(self, error: OSError) -> None:
        self.lost += 1
        if error.errno in (errno.EIO, errno.ESTALE, errno.EBADF):
            self._torn = True
        if not self._warned:
            self._warned = True
            self._warn(
                f"cannot write the journal {self.path}: {error.strerror or error}. Training goes on; records are "
                "dropped and counted until writing works again. Free space on that disk, or set TRACKLIB_DIR."
            )

    def _tell(self) -> None:
        count, self._told = self.lost - self._told, self.lost
        self._warned = False
        self.append(Notice("dropped", "records that the disk did not take", count))

    def flush(self) -> None:
        """Bring what was written to the disk."""
        if self.dirty:
            self.dirty = False
            try:
                platform.sync_data(self._fd)
            except OSError as error:
                with self.lock:
                    self._failed_sync(error)

    def _failed_sync(self, error: OSError) -> None:
        """Go on in a new segment after a failed sync: its pages may be marked clean though they never reached disk."""
        self._torn = True
        self._warn(f"cannot bring the journal {self.path} to disk: {error.strerror or error}; a new segment is begun")

    def close(self) -> None:
        """Flush, and stop being alive."""
        with self.lock:
            flusher.remove(self)
            self.flush()
            os.close(self._fd)
            self.alive.release()

    def reopen_in_child(self) -> None:
        """Begin a segment of the child's own after ``fork``; the parent's stays the parent's."""
        self.lock = threading.RLock()
        self._role = "child"
        old, lock = self._fd, self.alive
        self._open()
        os.close(old)
        lock.forget()
        flusher.add(self)
