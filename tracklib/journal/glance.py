"""A glance: what a run's journal says of it in its first and last lines, without reading what lies between."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from pathlib import Path

from tracklib.errors import CorruptJournalError
from tracklib.journal.edges import edges_of
from tracklib.journal.layout import RunFolder
from tracklib.journal.liveness import Life, life_of
from tracklib.journal.reader import SegmentReader
from tracklib.journal.recovery import last_record, role_of
from tracklib.journal.segment import Header
from tracklib.journal.staging import is_pending
from tracklib.model.ends import writer_of
from tracklib.model.records import Record, RunEnd, RunStart
from tracklib.model.run import RunInfo
from tracklib.model.state import RunState, fold

__all__ = ["Glance", "glance", "lifecycle", "starts_of"]


@dataclass(frozen=True, slots=True)
class Glance:
    """A run at a glance.

    Attributes:
        totals: For each writer, the number of its last record.
        open: Whether records may still come: a writer or an observer lives, a writer is gone and not yet recorded as
            such, or an artifact is being stored. A run that has ended may be open for the seconds in which its observer
            writes down the rest.
        bytes: The size of its segments.
        storing: Whether an artifact is being stored, be the run ended or not.
    """

    info: RunInfo
    totals: dict[str, int]
    open: bool
    bytes: int
    storing: bool = False

    @property
    def records(self) -> int:
        """How many records were written."""
        return sum(self.totals.values())


def glance(folder: RunFolder) -> Glance:
    """Look at a run."""
    storing = is_pending(folder)  # before the segments: what is stored is recorded first
    found = {segment: edges_of(segment) for segment in folder.segments()}
    starts = [record for edges in found.values() for record in edges.first if isinstance(record.body, RunStart)]
    ends = {
        writer_of(segment.stem): edges.last
        for segment, edges in found.items()
        if edges.last is not None and isinstance(edges.last.body, RunEnd)
    }
    totals = {segment.stem: edges.last.seq for segment, edges in found.items() if edges.last is not None}
    header = next((edges.header for edges in found.values() if edges.header is not None), None)
    info = _info(folder, header, starts, list(ends.values()))
    roles = {segment: role_of(segment, edges.header) for segment, edges in found.items()}
    # Whether a writer lives costs a look at its lock: nobody asks of one that began the run and has ended it.
    lives = {
        segment: life_of(segment, edges.header)
        for segment, edges in found.items()
        if roles[segment] in ("child", "observer") or (roles[segment] == "main" and segment.stem not in ends)
    }
    going = [life for segment, life in lives.items() if _goes_on(segment, roles[segment], life, ends)]
    observed = any(life == "alive" and roles[segment] == "observer" for segment, life in lives.items())
    if going and info.status != "running":
        info = replace(info, status="running", ended=None)
    info = replace(info, status="stale") if set(going) == {"stale"} else info
    size = sum(edges.size for edges in found.values())
    return Glance(info, totals, bool(going) or observed or storing, size, storing)


def _goes_on(segment: Path, role: str, life: Life, ends: dict[str, Record]) -> bool:
    """Tell whether the run goes on because of this segment."""
    return segment.stem not in ends if role == "main" else role == "child" and life == "alive"


def starts_of(folder: RunFolder) -> list[tuple[str, int, RunStart]]:
    """Return each writer that began the run, when, and as what."""
    records = [record for segment in folder.segments() for record in _starts(segment)]
    return [(record.writer, record.time, record.body) for record in records if isinstance(record.body, RunStart)]


def lifecycle(folder: RunFolder) -> RunState:
    """Return what the starts and ends alone say of a run."""
    segments = folder.segments()
    lasts = [last for segment in segments if (last := last_record(segment)) is not None]
    starts = [record for segment in segments for record in _starts(segment)]
    return _folded(folder.names()[1], starts, [last for last in lasts if isinstance(last.body, RunEnd)])


def _folded(run_id: str, starts: list[Record], ends: list[Record]) -> RunState:
    return fold(run_id, sorted([*starts, *ends], key=lambda record: (record.time, record.writer, record.seq)))


def _starts(segment: Path) -> list[Record]:
    try:
        records = itertools.islice(SegmentReader(segment).records(), 2)
        return [record for record, _ in records if isinstance(record.body, RunStart)]
    except (CorruptJournalError, OSError):
        return []


def _info(folder: RunFolder, header: Header | None, starts: list[Record], ends: list[Record]) -> RunInfo:
    project, run_id = (header.project, header.run) if header is not None else folder.names()
    begun = [(record.time, record.body) for record in starts if isinstance(record.body, RunStart)]
    if any(start.rank is not None for _, start in begun):
        return _folded(run_id, starts, ends).info()
    start = max(begun, key=lambda item: (item[1].attempt, item[0]))[1] if begun else RunStart(project, run_id)
    created = header.created if header is not None else 0
    end = max(ends, key=lambda record: record.time, default=None)
    body = end.body if end is not None and isinstance(end.body, RunEnd) else None
    return RunInfo(
        start.project,
        run_id,
        start.name,
        body.status if body is not None else "running",
        min((time for time, _ in begun), default=created),
        end.time if end is not None else None,
        start.group,
        start.job_type,
        start.parent,
        start.attempt,
    )
