"""Pixels: arrays of any numbers as levels that a picture has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tracklib.errors import BadValueError
from tracklib.media.arrays import numpy

__all__ = ["Range", "levels"]

Range = tuple[float, float]
"""The values that became black and white."""


def levels(array: Any, tell: Callable[[str], None]) -> tuple[Any, Range | None]:
    """Return an array's numbers as levels of 8 or 16 bits, and the range that they were scaled from.

    - bools are black and white; ``uint8`` and ``uint16`` stay as they are;
    - whole numbers from 0 to 255 are levels, whatever their type;
    - floats from 0 to 1 are scaled to 0 to 255;
    - anything else is scaled from its own lowest and highest value, which is told. NaN and infinities are black.

    Raises:
        BadValueError: It holds no real numbers.
    """
    np = numpy()
    if array.dtype.kind not in "biuf":
        raise BadValueError(f"expected an array of real numbers, got one of {array.dtype}")
    if array.dtype.kind == "b":
        return array.astype("u1") * np.uint8(255), None
    if array.dtype in (np.uint8, np.uint16):
        return array, None
    return _scaled(array, tell)


def _scaled(array: Any, tell: Callable[[str], None]) -> tuple[Any, Range | None]:
    np = numpy()
    finite = np.isfinite(array)
    if not finite.all():
        count = int(array.size - finite.sum())
        tell(f"{count:,} of {array.size:,} values of the picture are NaN or infinite; they are black")
        array = np.where(finite, array, array[finite].min() if finite.any() else 0)
    low, high = (float(array.min()), float(array.max())) if array.size else (0.0, 0.0)
    if array.dtype.kind == "f" and low >= 0 and high <= 1:
        return np.rint(array.astype("f8") * 255).astype("u1"), None
    if low >= 0 and high <= 255 and (array.dtype.kind != "f" or (array == np.rint(array)).all()):
        return array.astype("u1"), None
    tell(f"values from {low:g} to {high:g} are beyond 0 to 1 for floats, 0 to 255 for integers; scaled to their range")
    wide = array.astype("f8")
    # Halves, for the whole span may be more than a float holds.
    span = (high / 2 - low / 2) or 1.0
    return np.rint((wide / 2 - low / 2) / span * 255).astype("u1"), (low, high)
