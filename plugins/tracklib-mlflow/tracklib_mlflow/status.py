"""Statuses: MLflow knows four; a tag keeps which of tracklib's is meant."""

from __future__ import annotations

from tracklib.typing import Status

__all__ = ["held", "read"]

_HELD: dict[Status, str] = {
    "running": "RUNNING",
    "finished": "FINISHED",
    "failed": "FAILED",
    "crashed": "FAILED",
    "killed": "KILLED",
    "stale": "RUNNING",
}
_READ: dict[str, Status] = {
    "RUNNING": "running",
    "SCHEDULED": "running",
    "FINISHED": "finished",
    "FAILED": "failed",
    "KILLED": "killed",
}


def held(status: Status) -> str:
    """Return MLflow's word for a status."""
    return _HELD[status]


def read(native: str, tag: str | None) -> Status:
    """Return the status of a run; the tag counts where it agrees with MLflow's own word, which others may change."""
    for status, word in _HELD.items():
        if status == tag and word == native:
            return status
    return _READ.get(native, "running")
