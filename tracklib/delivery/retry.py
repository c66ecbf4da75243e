"""Retry: how long to wait after a fault, so that a vendor that is down is neither forgotten nor hammered."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Breaker"]


@dataclass(slots=True)
class Breaker:
    """A circuit breaker with exponential backoff and full jitter.

    Closed, it lets every call through. A fault opens it for a time that doubles with each further one; when that is
    over, one call is let through to try, and its success closes the breaker.

    Attributes:
        base, cap: Seconds; the first and the longest wait.
        honoured: The longest ``Retry-After`` that is obeyed, in seconds.
    """

    base: float = 0.5
    cap: float = 60.0
    honoured: float = 3600.0
    clock: Callable[[], float] = time.monotonic
    chance: Callable[[], float] = field(default=random.random)
    faults: int = 0
    _until: float = 0.0
    _asked: float = 0.0

    @property
    def waiting(self) -> float:
        """Seconds until the next call may be made; 0 where it may be made now."""
        return max(0.0, self._until - self.clock())

    def succeeded(self) -> None:
        """Close."""
        self.faults = 0
        self._until = self._asked = 0.0

    def failed(self, retry_after: float | None = None) -> float:
        """Open; return the seconds that calls are held back, at least what the vendor asked for."""
        self.faults += 1
        longest = min(self.cap, self.base * float(2 ** min(self.faults - 1, 30)))
        wait = longest * (0.5 + 0.5 * self.chance())
        if retry_after is not None:
            asked = min(retry_after, self.honoured)
            wait = max(wait, asked)
            self._asked = self.clock() + asked
        self._until = self.clock() + wait
        return wait

    def wake(self) -> None:
        """Let the next call through, because somebody asked for it: at once, or when the time is over that the vendor named."""
        self._until = min(self._until, self._asked)
