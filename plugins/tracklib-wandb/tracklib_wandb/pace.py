"""`Pace`: when a request may go to a server, so that many readers together stay within what it permits."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

__all__ = ["Pace", "pace_of"]

_PAUSE = 1.0
"""Seconds to wait where the server does not say how many."""

_BACK = 0.05
"""The part of the rate by which requests go slower after a refusal."""

_FIRM = 0.9
"""The part of a rate that one refusal leaves at least, as it may have come of requests that bunched on their way."""

_CURIOUS, _CAUTIOUS = 4, 60
"""Pauses until the rate is again what it was at the refusal: the first guess may be far off; then, each costs a pause."""

_KEPT = 10_000
"""Moments that are remembered."""


class Pace:
    """The requests of all threads to one server, spaced out.

    Nothing is held back until the server refuses. Then nobody asks before the time that it named, and from there on
    requests go evenly: a little slower than was permitted, then as fast, then faster by and by, until the next refusal.
    Without that, readers spend in a moment what is permitted for a while, are refused, and wait, mostly for longer than
    they would have to.

    Args:
        clock, sleep: Of the threads that ask.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._limit: float | None = None
        self._patience = 1.0
        self._next = 0.0
        self._refusals = 0
        self._permitted = self._held_back = 0
        self._moments: deque[float] = deque(maxlen=_KEPT)

    @property
    def rate(self) -> float | None:
        """Requests a second; ``None`` while no limit is known."""
        if self._limit is None:
            return None
        return self._limit * (1 - _BACK * (1 - self._held_back / self._patience) ** 3)

    def turn(self) -> int:
        """Wait until a request may go; return what `permitted` or `refused` has to be told."""
        while True:
            wait, refusals = self._reserve()
            if wait > 0:
                self._sleep(wait)
            with self._lock:
                if refusals == self._refusals:  # nobody was refused meanwhile
                    self._held_back += wait > 0
                    return refusals

    def permitted(self, turn: int) -> None:
        """Take note that the server served the request of a turn."""
        with self._lock:
            self._moments.append(self._clock())
            self._permitted += turn == self._refusals

    def refused(self, turn: int, wait: float | None) -> None:
        """Take note that the server refused the request of a turn, and how many seconds it wants to pass.

        What went before the last refusal was known says nothing new about the rate.
        """
        with self._lock:
            now = self._clock()
            pause = _PAUSE if wait is None else wait
            if turn == self._refusals:
                self._learn(now, pause)
                self._refusals, self._permitted, self._next = self._refusals + 1, 0, now
            self._next = max(self._next, now + pause)

    def _reserve(self) -> tuple[float, int]:
        """Take the next moment that is free; return how far away it is, and how often the server has refused by now."""
        with self._lock:
            now = self._clock()
            at = max(now, self._next)
            rate = self.rate
            if rate is not None:
                self._next = at + 1 / rate
            return at - now, self._refusals

    def _learn(self, now: float, pause: float) -> None:
        """Take the rate at which requests were served for the limit, if any was since the last refusal.

        It is that of the last pause: a server mostly names the time in which it counts.
        """
        if not self._permitted:
            return
        span = max(pause, _PAUSE)
        seen = sum(moment > now - span for moment in self._moments) / span
        rate = self.rate
        pauses = _CURIOUS if rate is None else _CAUTIOUS
        self._limit = max(seen, 1 / span if rate is None else rate * _FIRM)
        self._patience = max(1.0, pauses * span * self._limit)
        self._held_back = 0


_paces: dict[str, Pace] = {}
_lock = threading.Lock()


def pace_of(url: str) -> Pace:
    """Return the pace of a server, which all threads of this process share."""
    with _lock:
        return _paces.setdefault(url, Pace())
