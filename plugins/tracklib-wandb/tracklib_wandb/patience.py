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
_PUT_OFF = 900.0
"""Seconds for which a server may put a request off, as those do whose limit is one of many minutes."""

_T = TypeVar("_T")


def patiently(call: Callable[[], _T]) -> _T:
    """Return what a call returns, made again while it may work later.

    Raises:
        TransientError: It still does not after eight tries, or after a quarter of an hour in which the server said when.
    """
    tried, waited = 0, 0.0
    while True:
        try:
            return call()
        except TransientError as error:
            is_put_off = bool(error.retry_after) and waited < _PUT_OFF
            tried += not is_put_off
            if tried >= TRIES:
                raise
            waited += pause(tried, error)


def pause(tried: int, error: TransientError) -> float:
    """Wait as long as the server asked for, or, with each try, about twice as long as before; return the seconds."""
    wait = error.retry_after
    if wait is None:
        wait = random.uniform(0.5, 1.0) * min(_LONGEST, _FIRST * 2**tried)  # noqa: S311  no secret
    wait = min(wait, 10 * _LONGEST)
    time.sleep(wait)
    return wait
