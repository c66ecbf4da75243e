"""The lease: at most one relay for each key, and at most one deliverer for each run at each backend."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

from tracklib import platform
from tracklib.journal.clock import file_time

__all__ = ["Lease"]

_SILENT = 60.0
"""Seconds after which a lease without a lock (no POSIX locks here) counts as given up."""

_own: dict[str, int] = {}
"""Leases of this very process, with its id: opening and closing such a file again would let the lock go (POSIX)."""

_guard = threading.RLock()
"""Held while a file is open: one thread's look must not let another's lock go."""


def _forget() -> None:
    global _guard  # noqa: PLW0603  a forked child may find it held by a thread that it does not have
    _guard = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


class Lease:
    """A lock file that its holder also touches.

    It holds between the threads of a process too; a forked child holds none of its parent's.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    def take(self) -> bool:
        """Take the lease; return whether it is ours now."""
        with _guard:
            return not self._is_own() and self._take()

    def _take(self) -> bool:
        fd = os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600)
        locked = platform.try_lock(fd)
        if locked is False or (locked is None and self._fresh()):
            os.close(fd)
            return False
        try:
            os.truncate(fd, 0)
            os.write(fd, f"{os.getpid()}\n".encode())
        except OSError:  # the disk is full: whoever tries again and again must not use up the descriptors
            os.close(fd)
            raise
        self._fd = fd
        _own[str(self.path)] = os.getpid()
        return True

    def _is_own(self) -> bool:
        return _own.get(str(self.path)) == os.getpid()

    def _fresh(self) -> bool:
        stat = self.path.stat()
        return stat.st_size > 0 and file_time(self.path.parent) - stat.st_mtime < _SILENT

    def beat(self) -> None:
        """Show that the holder lives."""
        if self._fd is not None:
            platform.try_lock(self._fd)  # whoever opened and closed this file in this process has let the lock go
            with contextlib.suppress(FileNotFoundError):  # deleted with its run
                os.utime(self.path)

    def release(self) -> None:
        """Give it back."""
        if self._fd is not None:
            with contextlib.suppress(OSError):
                os.truncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None
            _own.pop(str(self.path), None)

    def holder(self) -> int | None:
        """Return the process that holds the lease, or ``None`` where nobody does."""
        with _guard:
            return os.getpid() if self._is_own() else self._other_holder()

    def _other_holder(self) -> int | None:
        try:
            fd = os.open(self.path, os.O_RDWR)
        except FileNotFoundError:
            return None
        try:
            locked = platform.try_lock(fd)
            text = os.read(fd, 32).decode("ascii", "replace").strip()
        finally:
            os.close(fd)
        if locked is True or (locked is None and not self._fresh()):
            return None
        return int(text) if text.isdigit() else 0
