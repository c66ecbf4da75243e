"""The cut-over: what must hold before the old place is left, and what comparing the two places says of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tracklib.portability.parity import Half

__all__ = ["CRITERIA", "Criterion", "Measure"]


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that must hold.

    Attributes:
        measured: Whether comparing the two places tells; otherwise somebody says so, by name.
    """

    name: str
    text: str
    measured: bool


CRITERIA = (
    Criterion("runs", "every new run is in both places", measured=True),
    Criterion("metrics", "metrics and all that was logged beside them are identical", measured=True),
    Criterion("artifacts", "artifacts and media are there, byte for byte", measured=True),
    Criterion("consumers", "what reads the runs (dashboards, CI, reports) reads the new place", measured=False),
    Criterion("people", "those who use it are trained", measured=False),
)

_OF_FILES = frozenset(["artifact", "file", "content", "media"])
"""Kinds of differences that are the artifacts' affair."""


@dataclass(slots=True)
class Measure:
    """What comparing two places says of the criteria that can be measured.

    Attributes:
        states: How many runs of each state of `Half`.
        wrong: In how many runs each criterion fails.
        examples: The first runs in which it does.
    """

    states: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, half: Half) -> None:
        """Take in a run."""
        self.states[half.state] += 1
        kinds = half.comparison.found.keys()
        failing = {
            "runs": half.state in ("only_a", "only_b"),
            "metrics": half.state == "error" or bool(kinds - _OF_FILES),
            "artifacts": half.state == "error" or bool(kinds & _OF_FILES),
        }
        for name in (name for name, fails in failing.items() if fails):
            self.wrong[name] += 1
            if len(names := self.examples.setdefault(name, [])) < 5:
                names.append(f"{half.run.project}/{half.run.id}")

    def criteria(self, percent: float) -> dict[str, dict[str, Any]]:
        """Return for each criterion ``met, runs, wrong, examples``.

        Args:
            percent: Of the runs that are concerned, so many must be right.
        """
        judged = self.states.total() - self.states["open"]
        of_both = judged - self.states["only_a"] - self.states["only_b"]
        found = {}
        for name in (criterion.name for criterion in CRITERIA if criterion.measured):
            runs = judged if name == "runs" else of_both
            wrong = self.wrong[name]
            met = runs > 0 and 100 * (runs - wrong) >= percent * runs
            found[name] = {"met": met, "runs": runs, "wrong": wrong, "examples": self.examples.get(name, [])}
        return found
