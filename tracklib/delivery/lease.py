"""The lease: at most one relay for each key."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from tracklib import platform

__all__ = ["Lease"]

_SILENT = 60.0
"""Seconds after which a lease without a lock (no POSIX locks here) counts as given up."""


class Lease:
    """A lock file that its holder also touches."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    def take(self) -> bool:
        """Take the lease; return whether it is ours now."""
        fd = os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600)
        locked = platform.try_lock(fd)
        if locked is False or (locked is None and self._fresh()):
            os.close(fd)
            return False
        os.truncate(fd, 0)
        os.write(fd, f"{os.getpid()}\n".encode())
        self._fd = fd
        return True

    def _fresh(self) -> bool:
        stat = self.path.stat()
        return stat.st_size > 0 and time.time() - stat.st_mtime < _SILENT

    def beat(self) -> None:
        """Show that the holder lives."""
        if self._fd is not None:
            os.utime(self.path)

    def release(self) -> None:
        """Give it back."""
        if self._fd is not None:
            with contextlib.suppress(OSError):
                os.truncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None

    def holder(self) -> int | None:
        """Return the process that holds the lease, or ``None`` where nobody does."""
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
