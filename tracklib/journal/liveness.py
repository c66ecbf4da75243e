"""Liveness: whether the process that writes a segment is still there.

A writer holds a POSIX record lock on a file of its own beside its segment, which the kernel lets go at its death
whatever the cause, and touches that file from time to time. The lock decides on the writer's own machine, and the process table where the
lock was let go. Elsewhere, and where there is neither, the time of the last touch does, by the file system's own clock.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Literal, TypeAlias

from tracklib import platform
from tracklib.journal.clock import file_time
from tracklib.journal.segment import Header

__all__ = ["HEARTBEAT", "STALE", "Life", "WriterLock", "last_beat", "life_of", "silence"]

Life: TypeAlias = Literal["alive", "gone", "stale"]
"""``gone`` is certain; ``stale`` is a writer out of sight, on another machine, that has been silent for long."""

HEARTBEAT = 15.0
"""Seconds between two touches."""

STALE = 600.0
"""Seconds of silence after which a writer on another machine counts as stale."""

_own: set[str] = set()
"""Locks of this very process: opening and closing such a file again would let the lock go (POSIX)."""


def _lock_path(segment: Path) -> Path:
    return segment.with_suffix(".lock")


class WriterLock:
    """The lock that a living writer holds."""

    def __init__(self, segment: Path) -> None:
        self.path = _lock_path(segment)
        self._fd: int | None = platform.open_private(self.path, os.O_RDWR)
        platform.try_lock(self._fd)
        _own.add(str(self.path))

    def beat(self) -> None:
        """Say that this writer lives."""
        if self._fd is not None:
            platform.try_lock(self._fd)  # whoever opened and closed this file in this process has let the lock go
            os.utime(self.path)

    def release(self) -> None:
        """Let go; the file stays, unlocked, and by its length says that this was on purpose."""
        if self._fd is not None:
            with contextlib.suppress(OSError):  # the end of the process says it too
                os.ftruncate(self._fd, 1)
            self.forget()

    def forget(self) -> None:
        """Close the file, as a forked child must, which never held the lock."""
        fd, self._fd = self._fd, None
        if fd is not None:
            _own.discard(str(self.path))
            with contextlib.suppress(OSError):  # closed it is, whatever the file system says of it
                os.close(fd)


def last_beat(segment: Path) -> float:
    """Return when a writer last gave a sign of life, in seconds since the epoch; 0 where it never did."""
    times = [0.0]
    for path in (segment, _lock_path(segment)):
        try:
            times.append(path.stat().st_mtime)
        except OSError:
            continue
    return max(times)


def life_of(segment: Path, header: Header | None) -> Life:
    """Tell whether a segment's writer is alive."""
    path = _lock_path(segment)
    if str(path) in _own:
        return "alive"
    if header is not None and not header.is_local():
        return _by_its_beat(segment)
    held = _is_held(path)
    if held or (_is_running(header) and not _was_released(path)):
        return "alive"
    is_hidden = held is None and (header is None or not header.start) and not _was_released(path)
    return _by_its_beat(segment) if is_hidden else "gone"


def silence(segment: Path) -> float:
    """Return for how many seconds a writer has given no sign of life, by the clock of the file system."""
    return max(0.0, file_time(segment.parent) - last_beat(segment))


def _by_its_beat(segment: Path) -> Life:
    return "stale" if silence(segment) > STALE else "alive"


def _is_running(header: Header | None) -> bool:
    """Tell whether the very process is there: its lock is gone too where it opened and closed the file once more."""
    return header is not None and platform.process_start(header.pid) == header.start != ""


def _was_released(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False


def _is_held(path: Path) -> bool | None:
    """Tell whether a lock is held; ``None`` where this file system, or this system, has no locks."""
    try:
        fd = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        taken = platform.try_lock(fd)
    finally:
        os.close(fd)
    return None if taken is None else not taken
