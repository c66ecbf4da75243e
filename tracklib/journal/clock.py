"""The clock by which files are stamped: on a shared file system the server's, from which a host's own may differ."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tracklib import platform

__all__ = ["file_time"]

_VALID = 60.0
"""Seconds for which a difference that was measured holds."""

_ahead: dict[int, tuple[float, float]] = {}
"""For each file system: when it was asked, by the monotonic clock, and how far it is ahead of this host's clock."""


def file_time(folder: Path) -> float:
    """Return what time it is for the files in a folder, in seconds since the epoch.

    A file is made there and removed again, once a minute at most; where that is not allowed, this host's clock counts.
    """
    try:
        device = folder.stat().st_dev
        asked, ahead = _ahead.get(device, (-_VALID, 0.0))
        if time.monotonic() - asked >= _VALID:
            ahead = _stamp(folder) - time.time()
            _ahead[device] = (time.monotonic(), ahead)
    except OSError:
        return time.time()
    return time.time() + ahead


def _stamp(folder: Path) -> float:
    probe = folder / f".clock-{os.getpid()}-{os.urandom(4).hex()}"
    fd = platform.open_private(probe, os.O_WRONLY | os.O_EXCL)
    try:
        os.utime(probe)  # without a time of ours: the file system's own
        return os.fstat(fd).st_mtime
    finally:
        os.close(fd)
        os.unlink(probe)
