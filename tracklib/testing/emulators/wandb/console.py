"""A run's output as the read API shows it."""

from __future__ import annotations

from typing import Any

from tracklib.testing.emulators.wandb.connections import connection
from tracklib.testing.emulators.wandb.state import Run

__all__ = ["log_lines"]


def log_lines(
    run: Run,
    *,
    first: int | None = None,
    last: int | None = None,
    after: str | None = None,
    useImprovedPagination: bool = False,
) -> dict[str, Any]:
    """Return lines from the beginning or the end."""
    numbered = list(enumerate(run.console))
    chosen = numbered[-last:] if last else numbered
    return connection(chosen, lambda pair: _line(*pair), first=first, after=after)


def _line(number: int, line: str) -> dict[str, Any]:
    """Take apart what the SDK sends: ``[ERROR ]<time> <text>``."""
    level, line = ("error", line.removeprefix("ERROR ")) if line.startswith("ERROR ") else ("info", line)
    timestamp, _, text = line.partition(" ")
    return {
        "__typename": "LogLine",
        "number": number,
        "timestamp": timestamp,
        "level": level,
        "label": None,
        "line": text,
    }
