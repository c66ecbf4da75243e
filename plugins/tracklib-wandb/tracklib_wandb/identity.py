"""`Identity`: who a run is and how it ended, as W&B's columns show it, and exactly in the config's key ``tracklib``."""

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
from tracklib_wandb.view import Vitals

__all__ = ["KEY", "NS", "Identity", "clean", "native_id", "native_project"]

KEY = "tracklib"
"""The key of the config by which a run is known to be tracklib's: W&B finds ``config.tracklib.status`` and the like."""

NS = 1_000_000_000
"""Nanoseconds in W&B's unit of time."""

_EXACT = "exact"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_BAD_IN_PROJECT = re.compile(r"[/\\#?%:\x00-\x1f\x7f\ud800-\udfff]")
_MAX_PROJECT = 128
_UNHOLDABLE = re.compile("[\x00\ud800-\udfff]")
_MAX_NAME = 128

_AGREE: Mapping[Status, frozenset[str]] = {
    "running": frozenset({"running", "pending", "preempting", "crashed"}),
    "stale": frozenset({"running", "pending", "preempting", "crashed"}),
    "finished": frozenset({"finished"}),
    "failed": frozenset({"failed"}),
    "killed": frozenset({"failed", "killed", "preempted"}),
    "crashed": frozenset({"failed", "crashed", "killed", "preempted"}),
}
"""The states of W&B that say nothing else than tracklib's: it calls crashed what sent nothing for minutes."""

_NATIVE: Mapping[str, Status] = {
    "finished": "finished",
    "failed": "failed",
    "crashed": "crashed",
    "killed": "killed",
    "preempted": "killed",
}


def native_id(project: str, run_id: str, *, moved: bool) -> str:
    """Return W&B's id of a run: its own, or a digest where W&B could not hold it or others may have the same.

    Args:
        moved: Whether the run goes to a project of another name, where other projects' runs go too.
    """
    if _ID.fullmatch(run_id) and not moved:
        return run_id
    return hashlib.sha256(dumps({"project": project, "run": run_id})).hexdigest()[:24]


def native_project(name: str) -> str:
    """Return the name of W&B's project; no two projects have the same."""
    if name.strip(".") and name == name.strip() and len(name) <= _MAX_PROJECT and not _BAD_IN_PROJECT.search(name):
        return name
    mark = hashlib.sha256(dumps({"project": name})).hexdigest()[:12]
    return f"{_BAD_IN_PROJECT.sub('-', name).strip()[:80]}-{mark}".lstrip("-")


def clean(text: str) -> str:
    """Return a text as W&B's own columns hold it."""
    return _UNHOLDABLE.sub("?", text)


@dataclass(frozen=True, slots=True)
class Identity(Standing):
    """A run's standing, which W&B's columns hold a part of.

    Attributes:
        parked: Whether whoever wrote last let go of the run while it went on, which W&B's log calls an end.
    """

    parked: bool = False

    @classmethod
    def within(cls, tree: object) -> Identity | None:
        """Return what `tree` was given, from the config's key `KEY`; ``None`` where tracklib did not write the run."""
        exact = tree.get(_EXACT) if isinstance(tree, Mapping) else None
        return cls.read(exact) if isinstance(exact, str) else None

    def tree(self) -> dict[str, Any]:
        """Return it as a part of the config: what people look for, and all of it, exactly."""
        shown = {
            "run_id": self.id,
            "project": self.project,
            "status": self.status,
            "attempt": self.attempt,
            "parent": self.parent,
            "exit_code": self.exit_code,
            "error": self.error,
        }
        cleaned = {key: clean(value) if isinstance(value, str) else value for key, value in shown.items()}
        return {**cleaned, _EXACT: self.text()}

    @property
    def native_name(self) -> str:
        """The name that W&B shows."""
        return clean(self.name or self.id)[:_MAX_NAME].strip() or native_id(self.project, self.id, moved=False)

    @property
    def native_exit_code(self) -> int:
        """The exit code by which W&B shows the run as finished or failed."""
        if self.status == "finished":
            return 0
        return self.exit_code or 1

    def info(self, vitals: Vitals) -> RunInfo:
        """Return who the run is; where somebody changed W&B's own column, that one counts."""
        agrees = vitals.state in _AGREE[self.status] or (self.parked and not self.is_over)
        status = self.status if agrees else _NATIVE.get(vitals.state, "running")
        native_end = None if vitals.ended is None else round(vitals.ended * NS)
        ended = self.ended if agrees else native_end if status != "running" else None
        return RunInfo(
            project=self.project,
            id=self.id,
            name=self.name if vitals.name == self.native_name else vitals.name,
            status=status,
            started=self.started,
            ended=ended,
            group=self.group if (vitals.group or None) == _shown(self.group) else vitals.group,
            job_type=self.job_type if (vitals.job_type or None) == _shown(self.job_type) else vitals.job_type,
            parent=self.parent,
            attempt=self.attempt,
            place=vitals.id,
            url=vitals.url,
        )


def _shown(text: str | None) -> str | None:
    return clean(text)[:_MAX_NAME] or None if text is not None else None
