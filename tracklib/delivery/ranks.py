"""Ranks, as backends are told of them: one process's start and end, whatever the number that wrote the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tracklib.journal.glance import lifecycle, starts_of
from tracklib.journal.layout import RunFolder
from tracklib.model.ends import writer_of
from tracklib.model.records import Notice, Record, RunEnd, RunStart

__all__ = ["as_one"]


def as_one(folder: RunFolder, records: Sequence[Record]) -> Sequence[Record]:
    """Return records of which those on starts and ends speak for the run as a whole.

    The starts and ends of further ranks become notices. The end of the first one, and that of a rank which fails later,
    says what became of the run, so that the last one that a backend is told is true.
    """
    if not any(isinstance(record.body, (RunStart, RunEnd)) for record in records):
        return records
    starts = {writer: start for writer, _, start in starts_of(folder)}
    if all(start.rank is None for start in starts.values()):
        return records
    return [_told(folder, record, starts) for record in records]


def _told(folder: RunFolder, record: Record, starts: Mapping[str, RunStart]) -> Record:
    start = starts.get(writer_of(record.writer))
    if start is None or start.rank is None or not isinstance(record.body, (RunStart, RunEnd)):
        return record
    peers = [other.rank for other in starts.values() if other.attempt == start.attempt and other.rank is not None]
    is_lead = start.rank == min(peers)
    if isinstance(record.body, RunStart):
        return record if is_lead else replace(record, body=Notice("rank", f"rank {start.rank} began"))
    if start.attempt == max(other.attempt for other in starts.values()):
        state = lifecycle(folder)
        if state.ended is not None and (is_lead or record.body.status in ("failed", "crashed")):
            return replace(record, time=state.ended, body=RunEnd(state.status, state.exit_code, state.error))
    elif is_lead:
        return record
    return replace(record, body=Notice("rank", f"rank {start.rank}: {record.body.error or record.body.status}"))
