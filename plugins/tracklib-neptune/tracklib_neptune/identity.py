"""Identities: who a run is, by what Neptune itself kept of it under ``sys/``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tracklib.model.run import RunInfo
from tracklib.typing import JSON, Status
from tracklib_neptune.layout import Held
from tracklib_neptune.parts import SINGLE_TYPES, Row, ids_of, read_rows
from tracklib_neptune.values import single

__all__ = ["SYS", "Identity", "read_identity"]

SYS = "sys/"

_SECOND = 1_000_000_000
_ACTIVE = frozenset({"active", "running"})


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a run is.

    Attributes:
        about: The single values below ``sys/``, by their paths.
        times: Those of them that are times, in nanoseconds.
    """

    held: Held
    project: str
    run_id: str
    about: Mapping[str, JSON] = field(default_factory=dict)
    times: Mapping[str, int] = field(default_factory=dict)

    def info(self) -> RunInfo:
        """Return the run's identity as tracklib knows it."""
        started = self.times.get("sys/creation_time", 0)
        return RunInfo(
            project=self.project,
            id=self.run_id,
            name=self.text("sys/name") or self.run_id,
            status=self._status(),
            started=started,
            ended=max(started, self._ended(started)),
            job_type=self.held.kind,
            parent=self.text("sys/forking/parent"),
            place=self.held.place,
        )

    def text(self, path: str) -> str | None:
        """Return a value that is a text."""
        value = self.about.get(path)
        return value if isinstance(value, str) and value else None

    def texts(self, path: str) -> list[str]:
        """Return a set of texts."""
        value = self.about.get(path)
        return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []

    def context(self) -> dict[str, JSON]:
        """Return what is known of the run's surroundings: its owner and host by tracklib's names, and all of ``sys/``."""
        named = {"user": self.text("sys/owner"), "host": self.text("sys/hostname")}
        return {**{key: value for key, value in named.items() if value is not None}, **self.about}

    def _status(self) -> Status:
        """Return the status; a run that was active when it was exported has no end of its own any more."""
        if self.about.get("sys/failed") is True:
            return "failed"
        return "crashed" if (self.text("sys/state") or "").lower() in _ACTIVE else "finished"

    def _ended(self, started: int) -> int:
        """Return when the run was last seen alive; Neptune keeps no time of its end."""
        seconds = self.about.get("sys/running_time")
        ran = (
            started + round(seconds * _SECOND) if isinstance(seconds, (int, float)) and _is_finite(seconds) else started
        )
        return self.times.get("sys/ping_time") or self.times.get("sys/modification_time") or ran


def _is_finite(value: float) -> bool:
    return abs(value) < 1e12


def read_identity(held: Held) -> Identity:
    """Read who a run is, without its series and files.

    Raises:
        RejectedError: A part of it cannot be read.
    """
    project, run_id = ids_of(held.parts)  # looks into each part: a half-written one is found before any is read
    about: dict[str, JSON] = {}
    times: dict[str, int] = {}
    for row in read_rows(held.parts, SINGLE_TYPES, _is_sys):
        if row.value is not None:
            about[row.path] = single(row)
            _note_time(row, times)
    return Identity(held, project, run_id, about, times)


def _note_time(row: Row, times: dict[str, int]) -> None:
    if row.kind == "datetime":
        times[row.path] = row.value


def _is_sys(path: str) -> bool:
    return path.startswith(SYS)
