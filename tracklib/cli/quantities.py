"""Quantities: times, durations, sizes and numbers, as people write and read them."""

from __future__ import annotations

import datetime as dt
import math
import re
import time
from decimal import Decimal
from typing import get_args

from tracklib.errors import UsageError
from tracklib.messages import nearest
from tracklib.typing import Number, Status

__all__ = [
    "bytes_text",
    "duration",
    "duration_text",
    "iso_time",
    "local_time",
    "moment",
    "number_text",
    "plural",
    "size",
    "status_of",
    "timeout",
]

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_BYTES = {
    "b": 1,
    **{f"{p}b": 1000**n for n, p in enumerate("kmgt", 1)},
    **{f"{p}ib": 1024**n for n, p in enumerate("kmgt", 1)},
}
_QUANTITY = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", re.IGNORECASE)


def _quantity(text: str, units: dict[str, int], example: str) -> float:
    match = _QUANTITY.fullmatch(text)
    unit = match[2].lower() if match else ""
    if match is None or unit not in units:
        raise UsageError(f"expected {example}, got {text!r}")
    return float(match[1]) * units[unit]


def duration(text: str) -> float:
    """Return the seconds of ``90s``, ``15m``, ``12h``, ``7d`` or ``2w``.

    Raises:
        UsageError: It is none.
    """
    return _quantity(text, _SECONDS, "a time such as 90s, 15m, 12h, 7d or 2w")


def timeout(text: str) -> float:
    """Return the seconds of ``30``, ``5m`` or ``inf``.

    Raises:
        UsageError: It is none.
    """
    if text.strip().lower() == "inf":
        return math.inf
    return _quantity(text, {"": 1, **_SECONDS}, "seconds, a time such as 5m, or inf")


def size(text: str) -> int:
    """Return the bytes of ``500MB`` or ``10GiB``.

    Raises:
        UsageError: It is none.
    """
    return int(_quantity(text, _BYTES, "a size such as 500MB, 10GB or 10GiB"))


def moment(text: str) -> int:
    """Return a time in nanoseconds since the epoch: so long ago (``7d``), or a date (``2026-11-23``, local time).

    Raises:
        UsageError: It is neither.
    """
    try:
        return int(dt.datetime.fromisoformat(text).timestamp() * 1e9)
    except ValueError:
        ago = _quantity(text, _SECONDS, "a time ago such as 12h or 7d, or a date such as 2026-11-23")
        return time.time_ns() - int(ago * 1e9)


def status_of(text: str, option: str) -> str:
    """Return a run's status as an option named it.

    Raises:
        UsageError: It is none.
    """
    if text not in get_args(Status):
        raise UsageError(f"{option}: expected a run's status, got {text!r}{nearest(text, get_args(Status))}")
    return text


def local_time(nanoseconds: int) -> str:
    """Write a time for people, in the local time zone."""
    try:
        return dt.datetime.fromtimestamp(nanoseconds // 10**9).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, ValueError, OSError):  # a clock that was far off
        return f"{nanoseconds} ns"


def iso_time(nanoseconds: int | None) -> str | None:
    """Write a time for programs: ISO 8601 in UTC with all nine digits."""
    if nanoseconds is None:
        return None
    seconds, rest = divmod(nanoseconds, 10**9)
    try:
        whole = dt.datetime.fromtimestamp(seconds, dt.timezone.utc).isoformat()[:19]
    except (OverflowError, ValueError, OSError):
        return f"{nanoseconds} ns"
    return f"{whole}.{rest:09d}Z"


def duration_text(seconds: float) -> str:
    """Write a duration in its two largest units."""
    if seconds < 60:
        return f"{max(seconds, 0.0):.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours:02d} h"
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def lasted(started: int, ended: int | None) -> str:
    """Write how long a run lasted, or lasts so far."""
    return duration_text(((ended if ended is not None else time.time_ns()) - started) / 1e9)


def bytes_text(count: float) -> str:
    """Write a size in decimal units."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(count) < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def number_text(value: Number) -> str:
    """Write a metric's value: an integer of up to 12 digits whole, all else with six of them."""
    if isinstance(value, int) and abs(value) < 10**12:
        return str(value)
    try:
        return f"{value:.6g}"
    except OverflowError:  # an integer beyond all floats
        return f"{Decimal(value):.6g}"


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """Write ``1 run`` or ``2,345 runs``."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"
