"""Scalars: what a metric's value and a step may be, and how each becomes an exact Python number."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, SupportsIndex, cast

from tracklib.errors import BadValueError
from tracklib.typing import Number, Step

if TYPE_CHECKING:
    from decimal import Decimal
    from fractions import Fraction

__all__ = ["describe", "number", "step_number", "timestamp_ns"]


def describe(value: object) -> str:
    """Name a value for a message: its type and, where short, the value itself."""
    text = _shortened(value)
    return f"{type(value).__name__} {text}" if text else type(value).__name__


def _shortened(value: object, limit: int = 60) -> str:
    try:
        text = repr(value)
    except Exception as error:
        return f"(its repr raised {type(error).__name__})"
    return text if len(text) <= limit else text[: limit - 3] + "..."


def number(value: object) -> Number:
    """Return the exact Python number that a scalar stands for.

    Floats of any width are widened exactly, bools become 0 and 1, and a container of one element is that element.

    Raises:
        BadValueError: It is no number, or one that no float holds exactly (a ``Decimal`` such as 0.1).
    """
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, (str, bytes, complex)) or value is None:
        raise BadValueError(f"expected a number, got {describe(value)}")
    if type(value).__name__ in ("Decimal", "Fraction"):
        return _exact_float(cast("Decimal | Fraction", value))
    return _unboxed(value)


def _exact_float(value: Decimal | Fraction) -> Number:
    if not math.isfinite(value):
        return float(value)
    if value == int(value):
        return int(value)
    if float(value) != value:
        raise BadValueError(
            f"expected a number that a float holds exactly, got {describe(value)}; pass float(...) of it"
        )
    return float(value)


def _unboxed(value: object) -> Number:
    """Read a framework's scalar: ``item()`` for arrays and tensors, ``__index__`` and ``__float__`` for the rest."""
    if (item := getattr(value, "item", None)) is not None:
        return _from_item(value, item)
    if hasattr(value, "__index__"):
        return int(cast("SupportsIndex", value).__index__())
    if hasattr(value, "__float__"):
        return float(cast("float", value))
    raise BadValueError(f"expected a number, got {describe(value)}")


def _from_item(value: object, item: object) -> Number:
    try:
        inner = item() if callable(item) else item
    except Exception as error:
        shape = getattr(value, "shape", None)
        size = f" of shape {tuple(shape)}" if shape is not None else ""
        raise BadValueError(f"expected one number, got {type(value).__name__}{size}") from error
    if isinstance(inner, (bool, int, float)):
        return number(inner)
    if type(inner) is type(value):  # numpy's longdouble gives itself back: no Python number holds it
        return _narrowed(value)
    raise BadValueError(f"expected a number, got {describe(value)}")


def _narrowed(value: object) -> float:
    narrow = float(cast("float", value))
    if narrow != value and narrow == narrow:  # noqa: PLR0124  NaN is the only value that differs from itself
        raise BadValueError(
            f"expected a number that a float holds exactly, got {describe(value)}; pass float(...) of it"
        )
    return narrow


def step_number(value: object) -> Step:
    """Return a step as a Python number.

    Raises:
        BadValueError: It is no int and no finite float.
    """
    try:
        step = number(value)
    except BadValueError as error:
        raise BadValueError(f"expected a step that is an int or a finite float, got {describe(value)}") from error
    if isinstance(step, float) and not math.isfinite(step):
        raise BadValueError(f"expected a step that is an int or a finite float, got {describe(value)}")
    return step


def timestamp_ns(value: object) -> int:
    """Return a time given in seconds since the epoch as nanoseconds, exactly.

    Raises:
        BadValueError: It is no finite number.
    """
    seconds = number(value)
    if isinstance(seconds, int):
        return seconds * 1_000_000_000
    if not math.isfinite(seconds):
        raise BadValueError(f"expected a timestamp in seconds since 1970, got {describe(value)}")
    from decimal import Decimal  # costs more to import than it takes to begin a run

    # The shortest decimal is what the caller wrote: 0.1 s is 100,000,000 ns, not 100,000,000.0000000055.
    return round(Decimal(repr(seconds)) * 1_000_000_000)
