"""Scalars: what a metric's value and a step may be, and how each becomes an exact Python number."""

from __future__ import annotations

import math
import reprlib
from typing import TYPE_CHECKING, SupportsIndex, cast

from tracklib.errors import BadValueError
from tracklib.typing import Number, Step

if TYPE_CHECKING:
    from decimal import Decimal
    from fractions import Fraction

__all__ = ["MAX_BITS", "MAX_DIGITS", "describe", "describe_error", "number", "step_number", "timestamp_ns"]

MAX_DIGITS = 4300
"""What Python itself writes and reads of an integer, by default."""

MAX_BITS = 14_284
"""Of an integer of `MAX_DIGITS` digits."""

_MAX_TIME = 2**63
"""Nanoseconds since 1970: until 2262."""

_SHORT = 60
_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = _repr.maxlong = _SHORT
_repr.maxlevel = 3


def describe(value: object) -> str:
    """Name a value for a message: its type and, where short, the value itself."""
    text = _shortened(value)
    return f"{type(value).__name__} {text}" if text else type(value).__name__


def _shortened(value: object) -> str:
    try:
        text = _repr.repr(value)  # a plain repr of what holds itself a few times over never returns
    except Exception as error:
        return f"(its repr raised {type(error).__name__})"
    return text if len(text) <= _SHORT else text[: _SHORT - 3] + "..."


def describe_error(error: BaseException) -> str:
    """Name an error for a message: its type and text."""
    try:
        text = str(error)
    except Exception:
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def number(value: object) -> Number:
    """Return the exact Python number that a scalar stands for.

    Floats of any width are widened exactly, bools become 0 and 1, and a container of one element is that element.

    Raises:
        BadValueError: It is no number, or one that no float holds exactly (a ``Decimal`` such as 0.1).
    """
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int):
        return _bounded(int(value), value)
    if value is None or isinstance(value, (str, bytes, complex, type)):
        raise BadValueError(f"expected a number, got {describe(value)}")
    try:
        found = _exact(value) if _is_exact_type(value) else _unboxed(value)
    except BadValueError:
        raise
    except Exception as error:  # a value's own code may raise anything
        raise BadValueError(f"reading {describe(value)} raised {describe_error(error)}") from error
    return _bounded(found, value)


def _bounded(found: Number, value: object) -> Number:
    if isinstance(found, int) and found.bit_length() > MAX_BITS:
        raise BadValueError(f"expected an integer of at most {MAX_DIGITS} digits, got {describe(value)}")
    return found


def _is_exact_type(value: object) -> bool:
    """Tell a Decimal or Fraction, or a kind of one; ``decimal`` takes longer to import than a run takes to begin."""
    return any(kind.__name__ in ("Decimal", "Fraction") for kind in type(value).__mro__)


def _exact(value: object) -> Number:
    return _of_decimal(cast("Decimal", value)) if hasattr(value, "adjusted") else _of_fraction(cast("Fraction", value))


def _of_decimal(value: Decimal) -> Number:
    if value.is_snan():
        raise BadValueError(f"expected a number, got {describe(value)}")
    if not value.is_finite() or value.is_zero():
        return float(value) if value.is_signed() or not value.is_finite() else 0
    if value.adjusted() >= MAX_DIGITS:
        raise BadValueError(f"expected an integer of at most {MAX_DIGITS} digits, got {describe(value)}")
    if value.adjusted() < -MAX_DIGITS or value != value.to_integral_value():
        return _held(float(value), value)
    return int(value)


def _of_fraction(value: Fraction) -> Number:
    if value.denominator == 1:
        return value.numerator
    try:
        return _held(float(value), value)
    except OverflowError:
        return _held(math.inf, value)


def _held(narrow: float, value: object) -> float:
    """Return a float that equals the value, or refuse it."""
    if narrow != value and narrow == narrow:  # noqa: PLR0124  NaN is the only value that differs from itself
        raise BadValueError(
            f"expected a number that a float holds exactly, got {describe(value)}; pass float(...) of it"
        )
    return narrow


def _unboxed(value: object) -> Number:
    """Read a framework's scalar: ``item()`` for arrays and tensors, ``__index__`` and ``__float__`` for the rest."""
    if getattr(getattr(value, "dtype", None), "kind", "") in ("M", "m"):  # numpy's times, which may pose as integers
        raise BadValueError(f"expected a number, got {describe(value)}")
    if any(kind.__name__ == "MaskedArray" for kind in type(value).__mro__) and value.mask.any():  # type: ignore[attr-defined]  # numpy's
        raise BadValueError(f"expected a number, got {describe(value)}, where what is masked is unknown")
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
        return _held(float(cast("float", value)), value)
    raise BadValueError(f"expected a number, got {describe(value)}")


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
        BadValueError: It is no number, or beyond the years 1677 to 2262, which 64 bits of nanoseconds reach.
    """
    try:
        time = _nanoseconds(value)
    except (ValueError, ArithmeticError) as error:
        raise BadValueError(f"expected a timestamp in seconds since 1970, got {describe(value)}") from error
    if not -_MAX_TIME <= time < _MAX_TIME:
        raise BadValueError(f"expected a timestamp in seconds since 1970, got {describe(value)}")
    return time


def _nanoseconds(value: object) -> int:
    if _is_exact_type(value):
        exact = cast("Decimal", value)
        return round(exact * 1_000_000_000) if abs(exact) < _MAX_TIME else _MAX_TIME
    seconds = number(value)
    if isinstance(seconds, int):
        return seconds * 1_000_000_000
    from decimal import Decimal  # costs more to import than it takes to begin a run

    # The shortest decimal is what the caller wrote: 0.1 s is 100,000,000 ns, not 100,000,000.0000000055.
    return round(Decimal(repr(seconds)) * 1_000_000_000)
