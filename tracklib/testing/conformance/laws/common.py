"""What the laws share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tracklib.model.records import RunEnd
from tracklib.testing.conformance.cases import Case
from tracklib.testing.conformance.desk import Desk, Story
from tracklib.testing.conformance.verdict import Verdict

__all__ = ["END", "Law", "corpus"]

Law = Callable[[Desk], Iterator[Verdict]]

END = RunEnd("finished", 0)


def corpus(desk: Desk, cases: tuple[Case, ...]) -> Story:
    """Begin a run of which cases are told, and end it."""
    for case in cases:
        desk.keep(case.files)
    return desk.story(*(body for case in cases for body in case.bodies), end=END)
