"""`Comparison`: what comparing two copies of a run found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

__all__ = ["DETAILED", "Comparison", "Curve", "Difference"]

DETAILED = 1000
"""Differences of one kind that are told in detail."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which two copies differ.

    Attributes:
        kind: ``point``, ``param``, ``tag``, ``summary``, ``artifact``, ``file``, ``status``, ...
        key: The metric, param, tag or artifact.
        left, right: What each side holds, as text; ``None`` where it holds nothing.
    """

    kind: str
    key: str
    left: str | None
    right: str | None
    step: str | None = None
    time: int | None = None

    def __str__(self) -> str:
        place = f"{self.kind} {self.key}" if self.key else self.kind
        step = f" step {self.step}" if self.step is not None else ""
        return f"{place}{step}: {_or_missing(self.left)} != {_or_missing(self.right)}"


def _or_missing(text: str | None) -> str:
    return "(missing)" if text is None else text


@dataclass(frozen=True, slots=True)
class Curve:
    """One metric on both sides.

    Attributes:
        a, b: Steps and values, finite ones, at most some hundreds.
        first: The first differing point.
        others: How many points more differ.
    """

    key: str
    a: list[tuple[float, float]]
    b: list[tuple[float, float]]
    first: Difference
    others: int


@dataclass(slots=True)
class Comparison:
    """What comparing two copies found.

    Attributes:
        counts: How many points, params, tags, summary values, artifacts and files of the left side were compared.
        differences: The real ones, the first thousand of each kind in detail.
        found: How many real differences there are of each kind.
        declared: For each transformation that the capabilities declare, how many things it concerns; these are equal
            after it.
        curves: Metrics in which the two differ, for a drawing.
    """

    counts: dict[str, int] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)
    found: Counter[str] = field(default_factory=Counter)
    declared: Counter[str] = field(default_factory=Counter)
    curves: list[Curve] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether there is no real difference."""
        return not self.found

    def add(self, difference: Difference) -> None:
        """Take in a real difference."""
        self.found[difference.kind] += 1
        if self.found[difference.kind] <= DETAILED:
            self.differences.append(difference)
