"""`Pace`: how much Comet takes of an experiment in a minute, kept by waiting."""

from __future__ import annotations

import time

__all__ = ["Pace"]

_MINUTE = 60.0
_PORTION = 0.1
"""The part of a minute's worth that is waited for once all is used up: few large portions rather than many small."""


class Pace:
    """A bucket that refills by the minute.

    Args:
        per_minute: What it holds and what flows in each minute; 0 for no limit.
    """

    def __init__(self, per_minute: int) -> None:
        self._rate = per_minute / _MINUTE
        self._size = float(per_minute)
        self._level = float(per_minute)
        self._at = time.monotonic()

    def wait(self) -> float:
        """Return the seconds until something is worth taking; 0 where it may be now, or what is there is not used up."""
        if not self._size:
            return 0.0
        now = time.monotonic()
        self._level = min(self._size, self._level + (now - self._at) * self._rate)
        self._at = now
        return 0.0 if self._level > 0 else (self._size * _PORTION - self._level) / self._rate

    def take(self, count: int) -> None:
        """Take; more than there is makes the next one wait."""
        if self._size:
            self._level -= count
