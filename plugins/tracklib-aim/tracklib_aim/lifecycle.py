"""The lifecycle: starts and ends of a run's processes, as Aim's time of the end and what stands beside it."""

from __future__ import annotations

from tracklib.model.records import Record
from tracklib_aim.open_run import OpenRun

__all__ = ["Lifecycle"]


class Lifecycle:
    """Writes starts and ends."""

    def __init__(self, run: OpenRun) -> None:
        self._run = run

    def take(self, record: Record) -> None:
        """Write what a start or an end changes."""
        before = self._run.identity
        if (after := before.after(record)) != before:
            self._run.write_identity(after)
