"""Numbers: what a column of doubles, or of 64 bits, holds of a number, and what it does not."""

from __future__ import annotations

import math

from tracklib.typing import Number

__all__ = ["HIGH", "SAFE", "digits", "fits", "nearest"]

HIGH = 2**63
"""64 bits hold less."""

SAFE = 2**53
"""Up to here, every integer is a double."""


def nearest(number: Number) -> float:
    """Return the nearest double; an integer beyond all doubles becomes an infinity, NaN the one quiet NaN."""
    try:
        value = float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf
    return math.nan if math.isnan(value) else value


def fits(integer: int) -> bool:
    """Tell whether 64 bits hold an integer."""
    return -HIGH <= integer < HIGH


def digits(number: Number) -> str | None:
    """Return an integer's digits where no double is equal to it; ``None`` for all other numbers."""
    if not isinstance(number, int) or -SAFE <= number <= SAFE:
        return None
    value = nearest(number)
    return None if math.isfinite(value) and int(value) == number else str(number)
