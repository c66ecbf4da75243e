"""Values: what an attribute's one value is in tracklib, so that its type can be told again.

| Neptune | tracklib |
|---|---|
| float, int, string, bool | the same |
| datetime | ``{"datetime": "2025-01-02T03:04:05.006Z"}``, in UTC |
| string set | the list of its texts, sorted |

No other attribute is an object or a list.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from tracklib.typing import JSON, Step
from tracklib_neptune.parts import Row

__all__ = ["exact_step", "iso", "single"]

_EPOCH = dt.datetime(1970, 1, 1)
_MICROSECOND, _MILLISECOND = 1_000, 1_000_000


def single(row: Row) -> JSON:
    """Return the value of an attribute that has one."""
    value = row.value
    if row.kind == "datetime":
        return {"datetime": iso(value)}
    if row.kind == "string_set":
        return sorted(item for item in value if isinstance(item, str))
    found: JSON = value
    return found


def iso(nanoseconds: int) -> str:
    """Return a time in ISO 8601, in milliseconds, as Neptune keeps it, or finer where it is."""
    try:
        moment = _EPOCH + dt.timedelta(microseconds=nanoseconds // _MICROSECOND)
    except OverflowError:
        return f"{nanoseconds} ns since 1970-01-01T00:00:00Z"
    whole = nanoseconds % _MILLISECOND == 0
    return f"{moment.isoformat(timespec='milliseconds' if whole else 'microseconds')}Z"


def exact_step(step: Decimal) -> tuple[Step, bool]:
    """Return a step as a number, and whether the number gives the very step back.

    A decimal of six places that a 64-bit float came from is nearest to that float. Only a step that never was a float can
    be between two of them.
    """
    if step == (whole := int(step)):
        return whole, True
    number = float(step)
    return number, Decimal(number).quantize(Decimal("0.000001")) == step.quantize(Decimal("0.000001"))
