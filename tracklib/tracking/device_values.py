"""`DeviceValues`: what a run logged while it lay on a device, written when it has come from there."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from tracklib.errors import BadValueError
from tracklib.journal.writer import SegmentWriter
from tracklib.messages import Messages
from tracklib.model.devices import Kept
from tracklib.tracking.deferred import Deferred, Waiting
from tracklib.tracking.objections import Objections
from tracklib.typing import Number, Step

__all__ = ["DeviceValues"]


class DeviceValues:
    """Brings values from a device to the journal, in the order of the calls, at the step and time of each.

    Args:
        writer: Whose lock is held while they are written.
        write: Writes numbers at a step and a time.
    """

    def __init__(
        self,
        writer: SegmentWriter,
        write: Callable[[dict[str, Number], Step, int], None],
        objections: Objections,
        messages: Messages,
    ) -> None:
        self._writer = writer
        self._write = write
        self._objections = objections
        self._messages = messages
        self._deferred = Deferred(self._write_fetched)

    def put(self, kept: Mapping[str, Kept], step: Step, moment: int | None) -> None:
        """Take the values of one call, made now or at the caller's own time."""
        now = time.time_ns() if moment is None else moment
        self._deferred.put(Waiting(list(kept), list(kept.values()), step, now))

    def settle(self, seconds: float) -> None:
        """Write what comes in time; count what does not. Do not hold the lock."""
        left = self._deferred.drain(seconds)
        self._write_fetched()
        if left:
            text = f"values that their device did not give within {seconds:g} s of the run's end"
            self._messages.warn(f"{left} {text} are not recorded")
            self._objections.note("dropped", text, left)

    def _write_fetched(self) -> None:
        with self._writer.lock:
            while not self._writer.closed and (item := self._deferred.take()) is not None:
                waiting, values = item
                found = dict(zip(waiting.names, values, strict=True))
                if numbers := {name: value for name, value in found.items() if not isinstance(value, BadValueError)}:
                    self._write(numbers, waiting.step, waiting.time)
                for name, value in found.items():
                    if isinstance(value, BadValueError):
                        self._objections.refuse(f"log: metric {name!r}: {value}")
