"""Ranks, as a backend is told of them: one start and one end, whatever the number of processes that wrote a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from tracklib.model.ends import Verdict, verdict, writer_of
from tracklib.model.records import Notice, Record, RunEnd, RunStart

__all__ = ["as_one"]


def as_one(records: Iterable[Record], started: int) -> Iterator[Record]:
    """Yield records of which those on starts and ends speak for the run as a whole, so that the last of them is true.

    What a further rank says of its own start or end becomes a notice. Delivery does so too, with a journal at hand that it
    looks into (`tracklib.delivery.ranks`); here each record is seen once.

    Args:
        records: Of one run from its beginning, in the order of time.
        started: When the run began: what began before was not the first rank, which may come late.
    """
    job = _Job(started)
    for record in records:
        if isinstance(record.body, RunStart):
            yield job.start(record, record.body)
        elif isinstance(record.body, RunEnd) and job.starts:
            yield job.end(record, record.body)
        else:
            yield record


@dataclass(slots=True)
class _Job:
    """What is known of a distributed job's latest attempt.

    Attributes:
        starts: Of each writer; empty where the attempt has no ranks.
        ends: The time and end of each writer that ended.
        told: What was last said of the run.
    """

    started: int
    attempt: int = 0
    starts: dict[str, RunStart] = field(default_factory=dict)
    ends: dict[str, tuple[int, RunEnd]] = field(default_factory=dict)
    told: Verdict | None = None

    def start(self, record: Record, start: RunStart) -> Record:
        if start.attempt > self.attempt or start.rank is None:
            self.attempt, self.starts, self.ends, self.told = start.attempt, {}, {}, None
        if start.rank is None:
            return record
        is_lead = record.time >= self.started and all(start.rank <= _rank(other) for other in self.starts.values())
        if start.attempt == self.attempt:
            self.starts[record.writer] = start
            if is_lead:
                return record
        return replace(record, body=Notice("rank", f"rank {start.rank} began"))

    def end(self, record: Record, end: RunEnd) -> Record:
        writer = writer_of(record.writer)
        start = self.starts.get(writer)
        if start is not None:
            self.ends[writer] = record.time, end
            found = verdict(self.starts, self.ends)
            if found.ended is not None and found != self.told:
                self.told = found
                return replace(record, body=RunEnd(found.status, found.exit_code, found.error))
        who = f"rank {start.rank}" if start is not None else "a rank of an earlier attempt"
        return replace(record, body=Notice("rank", f"{who}: {end.error or end.status}"))


def _rank(start: RunStart) -> int:
    return start.rank or 0
