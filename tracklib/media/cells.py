"""Cells: any value as what a table holds exactly, or as its text where it has no other form."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, TypeAlias, cast

from tracklib.model.media import Cell
from tracklib.model.scalars import number
from tracklib.model.trees import to_json

__all__ = ["Tell", "cell"]

Tell: TypeAlias = Callable[[str], None]

_MISSING = frozenset({"NaTType", "NAType"})
"""What pandas has for a time or a value that is not there."""


def cell(value: Any, tell: Tell) -> Cell:
    """Return a value as a table's cell; ``tell`` is called where it could not be kept as it is."""
    kind = type(value)
    if value is None or kind in (bool, float, str, bytes):
        return cast("Cell", value)
    if isinstance(value, (str, int, float)):  # too long an integer, or a subclass, such as numpy's
        return to_json(value, "", _telling(tell))
    if kind.__name__ in _MISSING:
        return None
    if isinstance(value, (dt.date, dt.time, dt.timedelta)):
        return _time(value, tell)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if getattr(getattr(value, "dtype", None), "kind", "") in ("M", "m") and not getattr(value, "shape", (0,)):
        return _of_numpy(value, tell)
    if not getattr(value, "shape", (0,)) and hasattr(value, "item"):
        return number(value) if kind.__name__ not in ("bool", "bool_") else bool(value)
    return to_json(value, "", _telling(tell))


def _telling(tell: Tell) -> Callable[[str, str], None]:
    return lambda place, problem: tell(f"{place} {problem}".strip())


def _time(value: Any, tell: Tell) -> Cell:
    """Return a time as one of the standard library's, whose finest unit is the microsecond."""
    if getattr(value, "nanosecond", 0) or getattr(value, "nanoseconds", 0):  # of pandas
        tell("holds nanoseconds; recorded as text")
        return str(value.isoformat())
    if isinstance(value, dt.datetime):
        return dt.datetime.fromisoformat(value.isoformat())
    if isinstance(value, dt.timedelta):
        return dt.timedelta(value.days, value.seconds, value.microseconds)
    assert isinstance(value, (dt.date, dt.time))
    return value


def _of_numpy(value: Any, tell: Tell) -> Cell:
    wanted = "datetime64[us]" if value.dtype.kind == "M" else "timedelta64[us]"
    narrow = value.astype(wanted)
    if value != value:  # noqa: PLR0124  NaT
        return None
    found = narrow.item()
    if narrow != value or isinstance(found, int):  # finer than microseconds; beyond the years that Python has
        tell("is no time that Python holds exactly; recorded as text")
        return str(value)
    return _time(found, tell)
