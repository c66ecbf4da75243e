"""Ends: what the ends of a job's ranks say, together, of the one run that they wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tracklib.model.records import RunEnd, RunStart
from tracklib.typing import Status

__all__ = ["REAPER", "Verdict", "writer_of", "verdict"]

REAPER = "-reaped"
"""What a reaper adds to the id of the writer that it ends."""

_BAD = ("failed", "crashed")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a run.

    Attributes:
        ended: Nanoseconds since the epoch; ``None`` while it runs.
    """

    status: Status
    exit_code: int | None = None
    error: str | None = None
    ended: int | None = None


def writer_of(writer: str) -> str:
    """Return whom an end is about: its own writer, or the one that a reaper speaks for."""
    return writer.removesuffix(REAPER)


def verdict(starts: Mapping[str, RunStart], ends: Mapping[str, tuple[int, RunEnd]]) -> Verdict:
    """Return what became of a run whose ranks began and ended so.

    The lowest rank decides; yet where any rank failed or crashed, the run did, and the first one to do so says why:
    the others then fail, or are stopped, because of it.

    Args:
        starts: Of each writer of the latest attempt.
        ends: The time and end of each writer that ended.
    """
    lead = min(starts, key=lambda writer: starts[writer].rank or 0)
    if lead not in ends:
        return Verdict("running")
    time, end = ends[lead]
    bad = [(at, starts[w].rank, other) for w, (at, other) in ends.items() if w in starts and other.status in _BAD]
    if not bad:
        return Verdict(end.status, end.exit_code, end.error, time)
    _, rank, first = min(bad, key=lambda item: (item[0], item[1] or 0))
    error = first.error if first is end else f"rank {rank}: {first.error or first.status}"
    return Verdict(first.status, first.exit_code, error, max(time, *(at for at, _, _ in bad)))
