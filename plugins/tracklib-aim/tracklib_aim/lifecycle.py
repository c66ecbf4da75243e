"""The lifecycle: starts and ends of a run's processes, as Aim's time of the end and what stands beside it.

Records may come again after a crash, or those of one process after those of the next. What counts is when they were
written: an end from before the latest start, or before the latest end, changes nothing.
"""

from __future__ import annotations

from dataclasses import replace

from tracklib.model.records import Record, RunEnd, RunStart
from tracklib_aim.identity import Identity
from tracklib_aim.open_run import OpenRun

__all__ = ["Lifecycle"]


class Lifecycle:
    """Writes starts and ends."""

    def __init__(self, run: OpenRun) -> None:
        self._run = run

    def take(self, record: Record) -> None:
        """Write what a start or an end changes."""
        before = self._run.identity
        body = record.body
        after = before
        if isinstance(body, RunStart):
            after = _started(before, record, body)
        elif isinstance(body, RunEnd):
            after = _ended(before, record, body)
        if after != before:
            self._run.write_identity(after)


def _started(held: Identity, record: Record, start: RunStart) -> Identity:
    if record.time < held.resumed or start.attempt < held.attempt:
        return held
    named = replace(
        held,
        name=start.name,
        group=start.group,
        job_type=start.job_type,
        parent=start.parent,
        attempt=start.attempt,
        resumed=record.time,
    )
    if held.ended is not None and held.ended >= record.time:
        return named
    return replace(named, status="running", exit_code=None, error=None, ended=None)


def _ended(held: Identity, record: Record, end: RunEnd) -> Identity:
    if record.time < held.resumed or (held.ended is not None and record.time < held.ended):
        return held
    return replace(held, status=end.status, exit_code=end.exit_code, error=end.error, ended=record.time)
