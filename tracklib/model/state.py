"""`RunState`: what a run has come to, folded from its records; the points of its metrics are only counted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tracklib.model.ends import verdict, writer_of
from tracklib.model.records import (
    Artifact,
    Console,
    Context,
    Input,
    Media,
    Metrics,
    Notes,
    Notice,
    Params,
    Record,
    RunEnd,
    RunStart,
    Summary,
    System,
    Tags,
)
from tracklib.model.run import RunInfo
from tracklib.model.trees import merge
from tracklib.typing import JSON, Number, Status

__all__ = ["RunState", "fold"]


@dataclass(slots=True)
class RunState:
    """A run so far.

    Attributes:
        last: The latest value of each metric, in the order of the records.
        points: How many values each metric has.
        system: The latest value of each system metric.
        samples: How many times they were sampled.
    """

    id: str
    project: str = ""
    name: str = ""
    group: str | None = None
    job_type: str | None = None
    parent: str | None = None
    attempt: int = 0
    status: Status = "running"
    exit_code: int | None = None
    error: str | None = None
    started: int = 0
    ended: int | None = None
    context: dict[str, JSON] = field(default_factory=dict)
    params: dict[str, JSON] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    notes: str = ""
    summary: dict[str, JSON] = field(default_factory=dict)
    artifacts: list[Artifact] = field(default_factory=list)
    inputs: list[Input] = field(default_factory=list)
    media: list[Media] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    last: dict[str, Number] = field(default_factory=dict)
    points: dict[str, int] = field(default_factory=dict)
    system: dict[str, Number] = field(default_factory=dict)
    samples: int = 0
    console: int = 0
    records: int = 0
    _ranks: dict[str, RunStart] = field(default_factory=dict, repr=False)
    _ends: dict[str, tuple[int, RunEnd]] = field(default_factory=dict, repr=False)

    def apply(self, record: Record) -> None:
        """Take in the next record."""
        self.records += 1
        match record.body:
            case Metrics(values=values):
                self.last.update(values)
                for key in values:
                    self.points[key] = self.points.get(key, 0) + 1
            case Params(values=values):
                self.params = merge(self.params, values)
            case Tags(values=values):
                self._tag(values)
            case Notes(text=text):
                self.notes = text
            case Summary(values=values):
                self.summary.update(values)
            case RunStart() as start:
                self._start(start, record)
            case RunEnd() as end:
                self._end(end, record)
            case other:
                self._collect(other)

    def _collect(self, body: object) -> None:
        match body:
            case Context(values=values):
                self.context = {**self.context, **values}
            case Artifact():
                self.artifacts.append(body)
            case Input():
                self.inputs.append(body)
            case Media():
                self.media.append(body)
            case System(values=values):
                self.system.update(values)
                self.samples += 1
            case Notice():
                self.notices.append(body)
            case Console():
                self.console += 1
            case _:  # a record of a newer minor version: counted above, kept in the journal
                return

    def _tag(self, values: object) -> None:
        assert isinstance(values, dict)
        for key, value in values.items():
            if value is None:
                self.tags.pop(key, None)
            else:
                self.tags[key] = value

    def _start(self, start: RunStart, record: Record) -> None:
        if start.rank is not None:
            self._start_rank(start, record)
            return
        if start.attempt >= self.attempt:
            self._ranks.clear()
            self._identify(start)
            self.status, self.exit_code, self.error, self.ended = "running", None, None, None
        if start.attempt == 1 or not self.started:
            self.started = min(self.started or record.time, record.time)
        self.context = {**self.context, **start.context}

    def _start_rank(self, start: RunStart, record: Record) -> None:
        """Take in that a rank began; the lowest one of the latest attempt says who the run is."""
        if start.attempt > self.attempt:
            self._ranks.clear()
            self._ends.clear()
        if start.attempt >= self.attempt:
            is_lead = all((start.rank or 0) <= (other.rank or 0) for other in self._ranks.values())
            self._ranks[record.writer] = start
            if is_lead:
                self._identify(start)
                self.started = record.time if start.attempt == 1 or not self.started else self.started
                self.context = {**self.context, **start.context}
            self._settle()

    def _identify(self, start: RunStart) -> None:
        self.attempt, self.project, self.name = start.attempt, start.project, start.name
        self.group, self.job_type, self.parent = start.group, start.job_type, start.parent

    def _end(self, end: RunEnd, record: Record) -> None:
        if not self._ranks:
            self.status, self.exit_code, self.error, self.ended = end.status, end.exit_code, end.error, record.time
        elif (writer := writer_of(record.writer)) in self._ranks:
            self._ends[writer] = (record.time, end)
            self._settle()

    def _settle(self) -> None:
        found = verdict(self._ranks, self._ends)
        self.status, self.exit_code, self.error, self.ended = found.status, found.exit_code, found.error, found.ended

    def info(self) -> RunInfo:
        """Return the run's identity."""
        return RunInfo(
            self.project,
            self.id,
            self.name,
            self.status,
            self.started,
            self.ended,
            self.group,
            self.job_type,
            self.parent,
            max(self.attempt, 1),
        )


def fold(run_id: str, records: Iterable[Record]) -> RunState:
    """Return what a run has come to by these records."""
    state = RunState(run_id)
    for record in records:
        state.apply(record)
    return state
