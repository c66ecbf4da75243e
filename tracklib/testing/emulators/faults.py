"""Faults of a server, as data: what goes wrong, with which operations, and how often."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Union

__all__ = ["Disconnect", "DropReply", "Fault", "Faults", "Hang", "Latency", "Partial", "RateLimit", "Rule", "Status"]


@dataclass(frozen=True, slots=True)
class Status:
    """Answer with a status and nothing done, as ``Status(503)`` or ``Status(429, headers={"Retry-After": "2"})``."""

    code: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b'{"error": "injected by the emulator"}'


@dataclass(frozen=True, slots=True)
class Hang:
    """Do nothing and say nothing for some seconds, or until `Faults.release`; then serve the request."""

    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Latency:
    """Serve the request some seconds late."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Close the connection with nothing done and nothing said."""


@dataclass(frozen=True, slots=True)
class DropReply:
    """Do what was asked, then close the connection without the reply: the time-out after the write."""


@dataclass(frozen=True, slots=True)
class Partial:
    """Take the first `keep` items of a batch and answer with a status, as a server does that dies half-way."""

    keep: int
    code: int = 500


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Serve so many requests in any so many seconds; answer 429 with ``Retry-After`` to those beyond.

    Attributes:
        units: Where given, the server counts anew every so many seconds instead, and every answer says how many of so
            many units are left (``RateLimit-Remaining``), for how many whole seconds (``RateLimit-Reset``).
    """

    permitted: int
    seconds: float = 60.0
    retry_after: float = 1.0
    units: int | None = None


Fault = Union[Status, Hang, Latency, Disconnect, DropReply, Partial, RateLimit]


@dataclass(slots=True, eq=False)
class Rule:
    """A fault and the operations that it befalls.

    Attributes:
        operation: A pattern of `fnmatch` for the operation's name.
        times: How many operations it befalls before it is spent; None for all.
        skip: How many pass before the first.
        hits: How many it has befallen so far.
    """

    operation: str
    fault: Fault
    times: int | None = 1
    skip: int = 0
    hits: int = 0
    seen: int = 0
    served: deque[float] = field(default_factory=deque)

    def befalls(self, operation: str) -> bool:
        """Return whether the rule takes this operation, and count it."""
        if not fnmatchcase(operation, self.operation) or (self.times is not None and self.hits >= self.times):
            return False
        self.seen += 1
        if self.seen <= self.skip or self._within_limit():
            return False
        self.hits += 1
        return True

    def _within_limit(self) -> bool:
        if not isinstance(self.fault, RateLimit):
            return False
        now = time.monotonic()
        self._forget(self.fault, now)
        if len(self.served) >= self.fault.permitted:
            return False
        self.served.append(now)
        return True

    def quota(self, operation: str) -> Mapping[str, str]:
        """Return the headers that say what is left for an operation; none where the rule tells nothing."""
        limit = self.fault
        if not isinstance(limit, RateLimit) or limit.units is None or not fnmatchcase(operation, self.operation):
            return {}
        now = time.monotonic()
        self._forget(limit, now)
        left = limit.units * (limit.permitted - len(self.served)) // max(1, limit.permitted)
        ends = self.served[0] + limit.seconds if self.served else now + limit.seconds
        return {"RateLimit-Remaining": str(left), "RateLimit-Reset": str(math.ceil(ends - now))}

    def _forget(self, limit: RateLimit, now: float) -> None:
        """Forget the requests that count no more: each after its time, or all with the first."""
        while self.served and self.served[0] <= now - limit.seconds:
            if limit.units is None:
                self.served.popleft()
            else:
                self.served.clear()


class Faults:
    """The faults that a server is to show.

    >>> faults = Faults()
    >>> rule = faults.add("file_stream", Status(503), times=2)
    >>> [faults.take("file_stream") is not None for _ in range(3)], rule.hits
    ([True, True, False], 2)
    """

    def __init__(self) -> None:
        self.rules: list[Rule] = []
        self._lock = threading.Lock()
        self._released = threading.Event()

    def add(self, operation: str, fault: Fault, *, times: int | None = 1, skip: int = 0) -> Rule:
        """Inject a fault into the operations that match a pattern, and return the rule, whose `hits` count.

        Args:
            operation: A pattern of `fnmatch`: ``"*"`` for everything; the emulators document their names.
            fault: What goes wrong.
            times: How often; None for as long as the rule stands. A `RateLimit` always stands.
            skip: How many operations pass first.
        """
        rule = Rule(operation, fault, None if isinstance(fault, RateLimit) else times, skip)
        with self._lock:
            self.rules.append(rule)
        return rule

    def take(self, operation: str) -> Fault | None:
        """Return the fault of the first rule that befalls an operation."""
        with self._lock:
            return next((rule.fault for rule in self.rules if rule.befalls(operation)), None)

    def quota(self, operation: str) -> Mapping[str, str]:
        """Return the headers that say what an operation's limit has left."""
        with self._lock:
            return {name: value for rule in self.rules for name, value in rule.quota(operation).items()}

    def clear(self) -> None:
        """Heal everything: forget all rules and let go what hangs."""
        with self._lock:
            self.rules.clear()
        self.release()

    def release(self) -> None:
        """Let everything go on that hangs now."""
        with self._lock:
            released, self._released = self._released, threading.Event()
        released.set()

    def gate(self) -> threading.Event:
        """Return what the next release sets; taken before a fault is, no release between the two is missed."""
        with self._lock:
            return self._released
