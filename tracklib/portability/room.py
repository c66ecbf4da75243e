"""Room: whether a fault comes of a disk that is full, for which nobody need wait."""

from __future__ import annotations

import errno

__all__ = ["is_full", "tells_of_full"]

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_WORDS = ("no space left on device", "disk is full", "disk quota exceeded")
"""What systems say of it, and SQLite, where a library passes on the words alone."""


def is_full(error: BaseException | None) -> bool:
    """Tell whether an exception, or what it was raised from, says that a disk is full."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if (isinstance(error, OSError) and error.errno in _FULL) or tells_of_full(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def tells_of_full(words: str) -> bool:
    """Tell whether words say that a disk is full."""
    low = words.lower()
    return any(known in low for known in _WORDS)
