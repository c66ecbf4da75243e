"""The open segment: one file of one writer, to which it appends."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

from tracklib import platform
from tracklib.journal.layout import RunFolder
from tracklib.journal.liveness import WriterLock
from tracklib.journal.segment import Header, new_writer_id, seal, seed_of
from tracklib.model.codec import dumps

__all__ = ["OpenSegment", "reserve"]

_ONLY_THIS_FILE = frozenset(
    {
        errno.EIO,
        errno.ESTALE,
        errno.EBADF,
        errno.EFBIG,
        errno.ENOTCONN,
        errno.ESHUTDOWN,
        errno.ECONNABORTED,
        errno.ENODEV,
    }
)
"""Faults after which another file may still take records: a network file system that is mounted again, or has thrown
this client out and taken it back, knows no file that was open before."""


class OpenSegment:
    """A segment that takes records: one ``write(2)`` each.

    Attributes:
        writer: Its id, which is its file's name too.
        seq: The number of the last record.
        size: Bytes of whole lines in the file.
        synced: Bytes that were brought to the disk.
        time: The last record's, or one that every record's must be later than.
        broken: Nothing may be appended any more: its last line is torn, or the file is no good.
    """

    __slots__ = ("alive", "broken", "fd", "path", "seed", "seq", "size", "synced", "time", "writer")

    def __init__(
        self, folder: RunFolder, run: str, project: str, role: str, after: int = 0, *, reserved: str = ""
    ) -> None:
        """Create the file with its header, or take over a reserved one; or leave nothing behind.

        Raises:
            OSError: It cannot be created or written.
        """
        self.writer = reserved or new_writer_id()
        self.path: Path = folder.journal / f"{self.writer}.jsonl"
        self.seed = seed_of(self.writer)
        self.seq = self.size = self.synced = 0
        self.time = after
        self.broken = False
        self.fd = -1
        self.alive = WriterLock(self.path)  # before the segment: no reader may find one without the other
        try:
            self.fd = platform.open_private(self.path, os.O_WRONLY | os.O_APPEND | (0 if reserved else os.O_EXCL))
            self.size = os.fstat(self.fd).st_size
            if not self.size:
                self.put(seal(dumps(Header.here(run, project, self.writer, role).fields()), self.seed))
        except BaseException:
            self._undo()
            raise
        self.seq = 0

    def _undo(self) -> None:
        if self.fd >= 0:
            self.close()
            os.unlink(self.path)
        self.alive.release()
        os.unlink(self.alive.path)

    def tick(self) -> int:
        """Return the time for the next record, in nanoseconds: now, yet always later than the last."""
        now = time.time_ns()
        self.time = now if now > self.time else self.time + 1
        return self.time

    def put(self, line: bytes) -> None:
        """Append a line, which gets the next number.

        Raises:
            OSError: The file did not take it whole; the number is free again.
        """
        size, seq, length = self.size, self.seq, len(line)
        try:
            self.seq = seq + 1
            written = os.write(self.fd, line)
            while written < length:
                self.broken = True  # until the rest is there
                written += os.write(self.fd, line[written:])
            self.broken = False
            self.size = size + length
        except OSError as error:
            self.seq = seq
            self.broken |= error.errno in _ONLY_THIS_FILE
            if error.errno == errno.EBADF:  # somebody closed it, and the number may be another file's by now
                self.fd = -1
            raise
        except BaseException:  # a signal's handler raised: what it broke off may be done, or not begun
            self._settle(size, seq, length)
            raise

    def _settle(self, size: int, seq: int, length: int) -> None:
        now = os.fstat(self.fd).st_size
        self.size, self.seq = (now, seq + 1) if now == size + length else (size, seq)
        self.broken = now not in (size, size + length)

    def sync(self, fd: int, size: int) -> bool:
        """Bring the file to the disk through another descriptor of it; return whether it still has a name.

        Raises:
            OSError: The disk did not take it. Its pages may be marked clean all the same: never trust this file again.
        """
        platform.sync_data(fd)
        self.synced = size
        return os.fstat(fd).st_nlink > 0

    def close(self) -> None:
        """Close the file; the lock stays."""
        fd, self.fd = self.fd, -1
        self.broken = True
        if fd >= 0:
            os.close(fd)


def reserve(folder: RunFolder, run: str, project: str, role: str, pid: int) -> str:
    """Begin a segment for a child process, which takes it over; return its writer's id.

    From now on readers know that the child may write, which needs some time to start.

    Raises:
        OSError: It cannot be created; nothing is left behind.
    """
    writer = new_writer_id()
    path = folder.journal / f"{writer}.jsonl"
    line = seal(dumps(Header.here(run, project, writer, role, pid=pid).fields()), seed_of(writer))
    fd = platform.open_private(path, os.O_WRONLY | os.O_APPEND | os.O_EXCL)
    try:
        os.write(fd, line)  # torn, it is damage that readers step over: the role is not known then, and nothing is lost
    except OSError:
        os.unlink(path)
        raise
    finally:
        os.close(fd)
    return writer
