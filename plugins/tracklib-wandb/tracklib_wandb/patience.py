"""Patience: a request that may work later is made again, when the server says, or after growing pauses."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from tracklib.errors import TransientError

__all__ = ["TRIES", "patiently", "pause"]

TRIES = 8
_FIRST, _LONGEST = 0.5, 60.0

_T = TypeVar("_T")


def patiently(call: Callable[[], _T]) -> _T:
    """Return what a call returns, made again while it may work later.

    Raises:
        TransientError: It still does not after eight tries.
    """
    for tried in range(TRIES - 1):
        try:
            return call()
        except TransientError as error:
            pause(tried, error)
    return call()


def pause(tried: int, error: TransientError) -> None:
    """Wait as long as the server asked for, or, with each try, about twice as long as before."""
    wait = error.retry_after
    if wait is None:
        wait = random.uniform(0.5, 1.0) * min(_LONGEST, _FIRST * 2**tried)  # noqa: S311  no secret
    time.sleep(min(wait, 10 * _LONGEST))
