"""Queries: which runs of a place are meant."""

from __future__ import annotations

from dataclasses import dataclass

from tracklib.model.run import RunInfo

__all__ = ["RunQuery"]


@dataclass(frozen=True, slots=True)
class RunQuery:
    """Conditions that all hold; what is left out does not matter.

    Attributes:
        id: The caller's run id.
        place: The id under which the vendor keeps it.
        since, until: Nanoseconds since the epoch, of the run's start; ``until`` is exclusive.
    """

    project: str | None = None
    id: str | None = None
    place: str | None = None
    name: str | None = None
    status: str | None = None
    since: int | None = None
    until: int | None = None

    def matches(self, run: RunInfo, /) -> bool:
        """Tell whether a run is selected."""
        wanted = ((self.project, run.project), (self.id, run.id), (self.place, run.place), (self.name, run.name))
        if any(want is not None and want != have for want, have in (*wanted, (self.status, run.status))):
            return False
        return (self.since is None or run.started >= self.since) and (self.until is None or run.started < self.until)
