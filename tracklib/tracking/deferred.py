"""Deferred values: those that lay on a device when they were logged, on their way to the journal."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Union

from tracklib.errors import BadValueError
from tracklib.model.devices import Kept, fetch
from tracklib.typing import Number, Step

__all__ = ["Deferred", "Waiting"]

_GATHER = 0.05
"""Seconds in which values gather for one transfer."""

_MOST = 4096
"""Values in one transfer, about."""

_LIMIT = 20_000
"""Values that may wait: half a kilobyte of the device's memory each, and a device that is so far behind hangs."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Values of one ``log()``.

    Attributes:
        time: Of the call, or the caller's own, in nanoseconds since the epoch.
    """

    names: Sequence[str]
    kept: Sequence[Kept]
    step: Step
    time: int


class Deferred:
    """Fetches values in a thread of its own; what is fetched waits in order until somebody takes it.

    Nothing here takes a lock that a signal's handler could find taken by the thread it interrupted.
    """

    def __init__(self, arrived: Callable[[], None]) -> None:
        """Start with nothing.

        Args:
            arrived: Called in the thread when there is something to take.
        """
        self._arrived = arrived
        self._queue: queue.SimpleQueue[Waiting] = queue.SimpleQueue()
        self._fetched: deque[tuple[Waiting, list[Union[Number, BadValueError]]]] = deque()
        self._put = self._got = 0
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def pending(self) -> int:
        """How many values are not fetched yet."""
        return self._put - self._got

    def put(self, waiting: Waiting) -> None:
        """Hand over values; one caller at a time.

        Raises:
            BadValueError: Too many wait.
        """
        if self.pending + len(waiting.names) > _LIMIT:
            raise BadValueError(f"expected a device that answers, got {self.pending:,} values that it does not give")
        self._put += len(waiting.names)
        self._queue.put(waiting)
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="tracklib-device", daemon=True)
            with contextlib.suppress(RuntimeError):  # the interpreter is ending: `drain` fetches them itself
                thread.start()
                self._thread = thread

    def take(self) -> tuple[Waiting, list[Union[Number, BadValueError]]] | None:
        """Return the next values that were fetched, if there are any."""
        try:
            return self._fetched.popleft()
        except IndexError:
            return None

    def drain(self, seconds: float) -> int:
        """Wait until all is fetched, a given time at most; return how many values are not."""
        self._hurry.set()
        if self._thread is None:
            self._step()
        until = time.monotonic() + seconds
        while self.pending and time.monotonic() < until:
            time.sleep(0.002)
        return self.pending

    def _run(self) -> None:
        while True:
            self._step(self._queue.get())
            self._arrived()

    def _step(self, first: Waiting | None = None) -> None:
        """Fetch what gathers within a moment."""
        if first is not None:
            self._hurry.wait(_GATHER)
        batch = [first] if first is not None else []
        with contextlib.suppress(queue.Empty):
            while sum(len(waiting.names) for waiting in batch) < _MOST:
                batch.append(self._queue.get_nowait())
        found = iter(fetch([kept for waiting in batch for kept in waiting.kept]))
        for waiting in batch:
            self._fetched.append((waiting, [next(found) for _ in waiting.names]))
            self._got += len(waiting.names)
