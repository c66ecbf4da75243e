"""Steps: W&B's ``_step``, which must rise, for a caller's steps, which need not."""

from __future__ import annotations

from tracklib.typing import Step

__all__ = ["Steps"]

_FIRST, _JUMP = 10_000_000, 100_000
"""How far from the last row a step may be. W&B's own readers ask for rows by ranges of a thousand steps: they would never
come to the end of a run whose steps are numbers of tokens."""


class Steps:
    """Chooses the ``_step`` of each row: the caller's while it rises, else the next that is free.

    Args:
        last: The last that the run has; -1 where it has none.
    """

    def __init__(self, last: int) -> None:
        self._last = last

    def next(self, wanted: Step) -> int:
        """Return the ``_step`` of the next row."""
        farthest = self._last + (_JUMP if self._last >= 0 else _FIRST)
        if (isinstance(wanted, int) or wanted.is_integer()) and self._last < wanted <= farthest:
            self._last = int(wanted)
        else:
            self._last += 1
        return self._last
