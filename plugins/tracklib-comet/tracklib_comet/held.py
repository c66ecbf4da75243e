"""`HeldPoints`: what Comet may hold already of what is about to be sent.

Comet shows a point twice that it is sent twice, and nothing in a batch tells it so. Where an earlier attempt may have got
through (a relay that was killed, an answer that was lost), it is asked first.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from tracklib_comet.experiment import Line, Shown, Writing
from tracklib_comet.points import number

__all__ = ["HeldOutput", "HeldPoints"]

_ROOM = 120_000_000_000
"""Nanoseconds by which two machines' clocks may differ."""

_Place = tuple[object, int, object]


class HeldPoints:
    """Knows which points may have been sent before, and asks Comet about those.

    Args:
        experiment: Where they go.
    """

    def __init__(self, experiment: Writing) -> None:
        self._experiment = experiment
        self._since = 0 if experiment.is_new else time.time_ns()
        self._held: dict[str, set[_Place]] | None = None

    def suspect(self) -> None:
        """Take note that a call broke off: whatever was recorded until now may be there."""
        self._since, self._held = time.time_ns(), None

    def missing(self, points: Sequence[Shown], recorded: int) -> list[Shown]:
        """Return the points that Comet lacks.

        Args:
            recorded: When the first of them was recorded, in nanoseconds; what came later than the last call that broke
                off, or the opening, was never sent.
        """
        if not points or not self._since:
            return list(points)
        if recorded > self._since + _ROOM:
            self._held = None
            return list(points)
        if self._held is None:
            view = self._experiment.view()
            self._held = {name: {_held(p.step, p.value, p.time) for p in held} for name, held, _ in view.points()}
        held = self._held
        return [point for point in points if _held(point.step, point.value, point.time) not in held.get(point.name, ())]


class HeldOutput:
    """Knows which lines may have been sent before."""

    def __init__(self, experiment: Writing) -> None:
        self._experiment = experiment
        self._is_suspect = not experiment.is_new

    def suspect(self) -> None:
        """Take note that a call broke off."""
        self._is_suspect = True

    def missing(self, lines: Sequence[Line]) -> list[Line]:
        """Return the lines that are not yet at the end of what Comet holds."""
        if not self._is_suspect or not lines:
            return list(lines)
        held = self._experiment.view().output()
        self._is_suspect = False
        texts = [line.text for line in lines]
        there = next((n for n in range(len(texts), 0, -1) if held.endswith("".join(texts[:n]))), 0)
        return list(lines[there:])


def _held(step: object, value: float | str, time: int) -> _Place:
    read = number(value) if isinstance(value, str) else value
    try:
        return step, time, "NaN" if read is None or read != read else float(read)  # noqa: PLR0124
    except OverflowError:
        return step, time, read
