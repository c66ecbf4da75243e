"""`Identity`: who a run is and how it ended, as Aim's columns and params show it, and exactly beside that."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tracklib.model.codec import dumps
from tracklib.model.run import RunInfo
from tracklib.model.standing import Standing
from tracklib.typing import Status
from tracklib_aim.points import NS

__all__ = ["KEY", "Identity", "clean", "run_hash"]

KEY = "tracklib"
"""The param under which Aim's pages and queries find what Aim has no column for: ``run.tracklib.status``."""

_EXACT = "exact"
_UNHOLDABLE = re.compile("[\x00\ud800-\udfff]")


def run_hash(project: str, run_id: str) -> str:
    """Return Aim's hash of a run: it follows from project and id, so any machine finds the same run."""
    return hashlib.sha256(dumps({"project": project, "run": run_id})).hexdigest()[:24]


def clean(text: str) -> str:
    """Return a text as Aim's own columns hold it."""
    return _UNHOLDABLE.sub("?", text)


@dataclass(frozen=True, slots=True)
class Identity(Standing):
    """A run's standing, which Aim's columns hold a part of."""

    @classmethod
    def within(cls, tree: object) -> Identity | None:
        """Return what `tree` was given; ``None`` where tracklib did not write the run."""
        exact = tree.get(_EXACT) if isinstance(tree, Mapping) else None
        return cls.read(exact) if isinstance(exact, str) else None

    def tree(self) -> dict[str, Any]:
        """Return it as params, each a leaf: what people look for, and all of it, exactly."""
        shown = {
            "run_id": self.id,
            "project": self.project,
            "status": self.status,
            "attempt": self.attempt,
            "group": self.group,
            "job_type": self.job_type,
            "parent": self.parent,
            "exit_code": self.exit_code,
            "error": self.error,
        }
        cleaned = {key: clean(value) if isinstance(value, str) else value for key, value in shown.items()}
        return {**cleaned, _EXACT: self.text()}

    @property
    def end_time(self) -> float | None:
        """Return Aim's time of the end, in seconds."""
        return self.ended / NS if self.is_over and self.ended is not None else None

    def info(self, native: Mapping[str, Any], place: str) -> RunInfo:
        """Return who the run is; where somebody changed Aim's own column, that one counts.

        Args:
            native: ``name``, ``experiment``, ``created`` and ``end_time`` as Aim holds them.
        """
        held_end = native["end_time"]
        is_same_end = held_end == self.end_time
        ended = self.ended if is_same_end and self.is_over else None if held_end is None else round(held_end * NS)
        status: Status = self.status if is_same_end else "running" if held_end is None else "finished"
        return RunInfo(
            project=self.project if native["experiment"] == _shown(self.project) else native["experiment"] or "",
            id=self.id,
            name=self.name if native["name"] == _shown(self.name or self.id) else native["name"] or "",
            status=status,
            started=self.started if native["created"] == _seconds(self.started) else round(native["created"] * NS),
            ended=ended,
            group=self.group,
            job_type=self.job_type,
            parent=self.parent,
            attempt=self.attempt,
            place=place,
        )


def _shown(text: str) -> str | None:
    return clean(text) or None


def _seconds(nanoseconds: int) -> float:
    """Return a time as SQLite's column has it, in whole microseconds."""
    return nanoseconds // 1000 / 1_000_000
