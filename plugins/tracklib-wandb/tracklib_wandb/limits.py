"""`Quota` and `Window`: what a server permits, by what it says with its answers, and by what it refuses."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Quota", "Window"]

_COARSE = 1.0
"""Seconds below which the time that an answer names says nothing, as it is of whole seconds; W&B's SDK leaves it aside too."""

_BACK = 0.05
"""The part of the rate by which requests go slower after a refusal."""

_FIRM, _LOOSE = 0.9, 0.5
"""The part of a rate that a refusal leaves at least, and one that was repeated after the time that the server named."""

_CURIOUS, _CAUTIOUS = 4, 60
"""Windows until the rate is again what it was at the refusal: the first guess may be far off; then, each costs a pause."""

_SURE = 0.9
"""The part of the time of the quickest answer that any answer takes, as a quicker one may be yet to come."""

_KEPT = 10_000
"""Requests that are remembered."""


class Quota:
    """What is left, as a server says with each answer, in a unit of its own, until it counts anew.

    Answers overtake each other, and times are of whole seconds: the least that is left counts, and the earliest end.
    """

    def __init__(self) -> None:
        self._first = self._left = 0.0
        self._answers = 0
        self._cost = 0.0
        self._until = float("-inf")
        self._space = 0.0

    def told(self, sent: float, now: float, left: float, resets: float) -> None:
        """Take note of what the answer to a request says to be left for how many seconds."""
        if sent < self._until:
            self._left = min(self._left, left)
            self._answers += 1
            self._until = min(self._until, now + resets)
            self._cost = (self._first - self._left) / self._answers
        elif resets > _COARSE:
            self._first = self._left = left
            self._answers, self._until = 0, now + resets

    def wait(self, now: float, under_way: int) -> float:
        """Return the seconds until something is left."""
        return self._until - now if now < self._until and self._requests(under_way) < 1 else 0.0

    def space(self, now: float, under_way: int) -> float:
        """Return the seconds between two requests with which that which is left lasts; as before where it is not known."""
        if now < self._until:
            self._space = (self._until - now) / max(1.0, self._requests(under_way))
        return self._space

    def _requests(self, under_way: int) -> float:
        """Return how many requests may be made yet beside those that are under way."""
        return self._left / self._cost - under_way if self._cost else float("inf")


@dataclass(frozen=True, slots=True)
class _Spell:
    """The requests between two refusals: when the first was made, how many were served, and at which rate they went."""

    begin: float
    served: int
    rate: float


class Window:
    """So many requests within so many seconds, learnt from what a server serves until it refuses.

    Within such a time no more are made, whichever time it is: a request counts from its answer on, less the time that
    even the quickest took. So none is too many because one before it was late on its way, as it would be if requests
    merely went evenly; they do as well.

    Attributes:
        quickest: Seconds that the quickest answer took.
    """

    def __init__(self) -> None:
        self._permitted = self._seconds = 0.0
        self._made, self._patience = 0, 1.0
        self._moments: deque[tuple[float, float]] = deque(maxlen=_KEPT)
        self.quickest = float("inf")
        self._begin: float | None = None
        self._served = 0
        self._ended: _Spell | None = None
        self._is_outlasted = False

    @property
    def rate(self) -> float | None:
        """Requests a second; ``None`` while no limit is known."""
        return self._permitted * self._growth / self._seconds if self._seconds else None

    def served(self, sent: float, now: float, *, is_late: bool) -> None:
        """Take note of a request that was served.

        Args:
            is_late: Whether it was made before the last refusal.
        """
        self.quickest = min(self.quickest, now - sent)
        self._moments.append((sent, now))
        if is_late:
            return
        if self._begin is None:
            self._begin = sent
            if self._is_outlasted and self._ended is not None:
                self._stretch(sent, self._ended)
        self._served += 1

    def refused(self, sent: float, pause: float) -> None:
        """Take note of a request that was refused for some seconds.

        A server mostly names the time in which it counts, so what it served in such a time is what it permits.
        """
        if self._begin is None and self._ended is not None:
            self._is_outlasted = True  # nothing was served since, so it counts over a longer time than it named
            return
        until = sent + self.quickest
        within = [at for at, _ in self._moments if sent - pause < at <= until]
        if not within:
            return
        begin = within[0] if self._begin is None else self._begin
        rate = self.rate
        self._ended = _Spell(begin, _count(self._moments, begin, until), rate or 0.0)
        self._learn(max(len(within), _FIRM * pause * (rate or 0.0)), pause, _CURIOUS if rate is None else _CAUTIOUS)
        self._begin, self._served = None, 0

    def wait(self, now: float, under_way: int) -> float:
        """Return the seconds until there is room for one more."""
        if not self._seconds:
            return 0.0
        room = max(1, int(self._permitted * self._growth + 0.5)) - under_way
        if room > len(self._moments):
            return 0.0
        answered = self._moments[-room][1] if room > 0 else now  # or later: those under way have no answer yet
        return answered - _SURE * self.quickest + self._seconds - now

    def space(self) -> float:
        """Return the seconds between two requests, of which one is made now."""
        self._made += 1
        rate = self.rate
        return 1 / rate if rate else 0.0

    @property
    def _growth(self) -> float:
        """The part of the known rate at which requests go: less after a refusal, all of it for long, then more."""
        done = self._made / self._patience
        return 1 - _BACK * (1 - done) ** 3 if done < 1 else 1 + _BACK * max(0.0, done - 2) ** 3

    def _stretch(self, now: float, ended: _Spell) -> None:
        """Learn from a server that refused for longer than it said: what it served last was for all the time since."""
        self._is_outlasted = False
        seconds = now - ended.begin
        if ended.served >= _LOOSE * ended.rate * seconds:
            self._learn(ended.served, seconds, _CURIOUS)
        else:  # others may have used it up, for so long
            self._learn(_LOOSE * ended.rate * self._seconds, self._seconds, _CURIOUS)

    def _learn(self, permitted: float, seconds: float, windows: int) -> None:
        self._permitted, self._seconds = max(permitted, 1.0), seconds
        self._made, self._patience = 0, windows * self._permitted


def _count(moments: Iterable[tuple[float, float]], begin: float, until: float) -> int:
    return sum(begin <= at <= until for at, _ in moments)
