"""Cells: what a query answers, as JSON, CSV and people can have it."""

from __future__ import annotations

import decimal
from collections.abc import Iterable, Iterator
from typing import Any

from tracklib.cli.quantities import iso_time
from tracklib.model.codec import metric_token

__all__ = ["rows"]

_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 1000, "ns": 1}
_AS_THEY_ARE = {"string", "large_string", "bool", "null"} | {
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
}
"""Types whose values JSON has exactly; they are not looked at one by one."""


def rows(batches: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield each row of record batches, as a list."""
    for batch in batches:
        yield from map(list, zip(*map(_values, batch.columns), strict=True))


def _values(column: Any) -> list[Any]:
    """Return a column's values; times, of which Python's own lack the nanoseconds, as text."""
    kind = str(column.type)
    if kind.startswith("timestamp"):
        factor = _NANOSECONDS[column.type.unit]
        return [iso_time(None if value is None else value * factor) for value in column.cast("int64").to_pylist()]
    values: list[Any] = column.to_pylist()
    if kind in _AS_THEY_ARE:
        return values
    if kind == "double":
        return [value if value is None or value - value == 0.0 else metric_token(value) for value in values]
    return list(map(_plain, values))


def _plain(value: Any) -> Any:
    """Return a value as JSON can have it, and exactly."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, decimal.Decimal):
        near = int(value) if value == value.to_integral_value() else float(value)
        return _plain(near) if decimal.Decimal(str(near)) == value else str(value)
    if isinstance(value, (int, float)):
        return metric_token(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return list(map(_plain, value))
    return value.hex() if isinstance(value, bytes) else str(value)
