"""`Pace`: when a request may go to a server, so that many readers together stay within what it permits."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tracklib_wandb.limits import Quota, Window

__all__ = ["Answer", "Pace", "Turn", "pace_of"]

_PAUSE = 1.0
"""Seconds to wait where the server does not say how many, and the shortest time in which a server is taken to count."""

_BEHIND = 0.25
"""Seconds by which requests may be late and yet catch up, as a thread does not wake at the very moment that it named."""


@dataclass(frozen=True, slots=True, eq=False)
class Turn:
    """A request that may go: when it was let go, and after how many refusals."""

    sent: float
    refusals: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What an answer says of the server's limit.

    Attributes:
        is_refused: Whether the request was one too many.
        wait: Seconds before which there is to be no other.
        left: What is left, in a unit of the server's own...
        resets: ... for so many seconds.
    """

    is_refused: bool = False
    wait: float | None = None
    left: float | None = None
    resets: float | None = None


class Pace:
    """The requests of all threads to one server, spaced out.

    Nothing is held back until the server speaks of a limit. Where its answers say what is left, this is made to last.
    Where it refuses, nobody asks before the time that it named, then one does, and from its answer on requests go as it
    served them before: a little slower, then as fast, then faster by and by, until the next refusal. Without that,
    readers spend in a moment what is permitted for a while, are refused, and wait, mostly for longer than they would
    have to.

    Args:
        clock, sleep: Of the threads that ask.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._queue = threading.Lock()
        self._lock = threading.Lock()
        self._quota = Quota()
        self._window = Window()
        self._under_way: set[Turn] = set()
        self._refused: tuple[Turn, float] | None = None
        self._scout: Turn | None = None
        self._scouts = False
        self._refusals = 0
        self._closed = self._next = float("-inf")

    @property
    def rate(self) -> float | None:
        """Requests a second, as refusals taught; ``None`` while there was none."""
        return self._window.rate

    def turn(self) -> Turn:
        """Wait until a request may go; `settle` has to be told what came of it."""
        with self._queue:  # one thread looks at the clock, the others at it
            while not isinstance(found := self.ask(), Turn):
                self._sleep(found)
        return found

    def ask(self) -> Turn | float:
        """Return a turn where a request may go now, else the seconds before which asking again is no use."""
        with self._lock:
            now, under_way = self._clock(), len(self._under_way)
            if now < self._closed:
                return self._closed - now
            self._learn(now)
            if self._scout is not None and self._scout in self._under_way:
                return min(self._window.quickest, _PAUSE)
            wait = max(self._next - now, self._quota.wait(now, under_way), self._window.wait(now, under_way))
            if wait > 0:
                return wait
            space = max(self._quota.space(now, under_way), self._window.space())
            self._next = max(self._next, now - _BEHIND) + space
            turn = Turn(now, self._refusals)
            self._under_way.add(turn)
            self._scout = turn if self._scouts else None
            self._scouts = False
            return turn

    def settle(self, turn: Turn, answer: Answer | None) -> None:
        """Take note of the answer to a turn's request; of ``None`` where none came, as the server may count it."""
        with self._lock:
            now = self._clock()
            self._under_way.discard(turn)
            if answer is not None and answer.is_refused:
                self._close(turn, now, _PAUSE if answer.wait is None else answer.wait)
                return
            self._window.served(turn.sent, now, is_late=turn.refusals < self._refusals)
            if answer is not None and answer.left is not None and answer.resets is not None:
                self._quota.told(turn.sent, now, answer.left, answer.resets)

    def _close(self, turn: Turn, now: float, pause: float) -> None:
        """Let nobody ask for some seconds; what was under way with a refused request says nothing new when it is, too."""
        self._closed = max(self._closed, now + pause)
        if turn.refusals == self._refusals and self._refused is None:
            self._refused = turn, max(pause, _PAUSE)

    def _learn(self, now: float) -> None:
        """Learn of a refusal after its pause, when what was under way with it has been answered."""
        if self._refused is None:
            return
        turn, pause = self._refused
        self._refused, self._refusals = None, self._refusals + 1
        self._next, self._scouts = now, True
        self._window.refused(turn.sent, pause)


_paces: dict[str, Pace] = {}
_lock = threading.Lock()


def pace_of(url: str) -> Pace:
    """Return the pace of a server, which all threads of this process share."""
    with _lock:
        return _paces.setdefault(url, Pace())
