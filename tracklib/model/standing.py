"""`Standing`: who a run is and how it goes, as far as its starts and ends have been told, in whatever order they come."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace

from typing_extensions import Self

from tracklib.model.codec import dumps, loads
from tracklib.model.records import Record, RunEnd, RunStart
from tracklib.model.run import RunInfo
from tracklib.typing import Status

__all__ = ["Standing"]


@dataclass(frozen=True, slots=True)
class Standing:
    """What a backend keeps of a run beside what the vendor's own columns can hold.

    Records may come again after a crash, or those of one process behind those of the next. When they were written is
    what counts: a start from before the latest start, or an end from before the latest start or end, changes nothing.

    Attributes:
        started, ended, resumed: Nanoseconds since the epoch; ``ended`` of the last end, ``resumed`` of the last start.
    """

    project: str
    id: str
    name: str
    started: int
    group: str | None = None
    job_type: str | None = None
    parent: str | None = None
    attempt: int = 1
    status: Status = "running"
    exit_code: int | None = None
    error: str | None = None
    ended: int | None = None
    resumed: int = 0

    @classmethod
    def of(cls, info: RunInfo) -> Self:
        """Return the standing of a run that is new at the vendor."""
        return cls(info.project, info.id, info.name, info.started, info.group, info.job_type, info.parent, info.attempt)

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return what `text` gave; ``None`` where that is not what it is."""
        try:
            held = loads(text.encode())
            return cls(**{field.name: held[field.name] for field in fields(cls) if field.name in held})
        except (ValueError, TypeError, AttributeError):
            return None

    def text(self) -> str:
        """Return all of it as JSON, which a vendor keeps beside what its columns show."""
        return dumps(asdict(self)).decode()

    @property
    def is_over(self) -> bool:
        """Whether the run has ended, as far as tracklib knows."""
        return self.ended is not None and self.status not in ("running", "stale")

    def after(self, record: Record) -> Self:
        """Return it after a record; any but a start and an end changes nothing."""
        body = record.body
        if isinstance(body, RunStart):
            return self._started(record.time, body)
        return self._ended(record.time, body) if isinstance(body, RunEnd) else self

    def _started(self, time: int, start: RunStart) -> Self:
        if time < self.resumed or start.attempt < self.attempt:
            return self
        named = replace(
            self,
            name=start.name,
            group=start.group,
            job_type=start.job_type,
            parent=start.parent,
            attempt=start.attempt,
            resumed=time,
        )
        if self.ended is not None and self.ended >= time:
            return named
        return replace(named, status="running", exit_code=None, error=None, ended=None)

    def _ended(self, time: int, end: RunEnd) -> Self:
        if time < self.resumed or (self.ended is not None and time < self.ended):
            return self
        return replace(self, status=end.status, exit_code=end.exit_code, error=end.error, ended=time)
