"""Steps: W&B's ``_step``, which must rise, for a caller's steps, which need not."""

from __future__ import annotations

from tracklib.typing import Step

__all__ = ["Steps"]

_MAX = 2**53
"""Beyond it, W&B's pages could not tell one step from the next."""


class Steps:
    """Chooses the ``_step`` of each row: the caller's while it rises, else the next that is free.

    Args:
        last: The last that the run has; -1 where it has none.
    """

    def __init__(self, last: int) -> None:
        self._last = last

    def next(self, wanted: Step) -> int:
        """Return the ``_step`` of the next row."""
        is_whole = isinstance(wanted, int) or wanted.is_integer()
        if is_whole and self._last < wanted <= _MAX:
            self._last = int(wanted)
        else:
            self._last += 1
        return self._last
