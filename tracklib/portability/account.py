"""The account: what comparing the runs of two places came to, in numbers."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tracklib.portability.parity import Half

__all__ = ["Account"]


@dataclass(slots=True)
class Account:
    """Counts of runs; it grows with weeks, users and projects, not with runs.

    Attributes:
        states: How many runs of each state of `Half`.
        weeks: The same for each ISO week (``2026-W48``) in which runs began, UTC.
        one_sided: How many runs are on one side only, by side, project and user.
        found: How many real differences of each kind.
        declared: How many things are changed as declared, by reason.
        compared: How many points, params, ... were compared.
    """

    states: Counter[str] = field(default_factory=Counter)
    weeks: dict[str, Counter[str]] = field(default_factory=dict)
    one_sided: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    declared: Counter[str] = field(default_factory=Counter)
    compared: Counter[str] = field(default_factory=Counter)

    def add(self, half: Half) -> None:
        """Take in one run."""
        self.states[half.state] += 1
        self.weeks.setdefault(_week(half.run.started), Counter())[half.state] += 1
        if half.state in ("only_a", "only_b"):
            self.one_sided[half.state, half.run.project, half.user] += 1
        self.found.update(half.comparison.found)
        self.declared.update(half.comparison.declared)
        self.compared.update(half.comparison.counts)

    @property
    def runs(self) -> int:
        """How many runs have a verdict: all but those that still go on at both places."""
        return self.states.total() - self.states["open"]

    @property
    def share(self) -> float:
        """How many of these are identical, in percent; a run that one place lacks is not."""
        return 100 * self.states["identical"] / self.runs if self.runs else 100.0

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        one_sided = [
            {"side": side.removeprefix("only_"), "project": project, "user": user, "runs": runs}
            for (side, project, user), runs in self.one_sided.most_common()
        ]
        return {
            "runs": self.runs,
            "percent_identical": self.share,
            "states": dict(self.states),
            "weeks": {week: dict(self.weeks[week]) for week in sorted(self.weeks)},
            "one_sided": one_sided,
            "compared": dict(self.compared),
            "found": dict(self.found),
            "declared": dict(self.declared),
        }


def _week(time: int) -> str:
    try:
        return dt.datetime.fromtimestamp(time // 10**9, dt.timezone.utc).strftime("%G-W%V")
    except (OverflowError, ValueError, OSError):  # a clock that was far off
        return "unknown"
