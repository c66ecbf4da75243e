"""Arrow: rows as record batches, for whoever has pyarrow."""

from __future__ import annotations

import importlib
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tracklib.errors import ConfigError
from tracklib.reading.columns import Columns
from tracklib.typing import Number

__all__ = ["batches", "is_utf8", "needed", "schema", "utf8"]


def needed(*modules: str, what: str) -> Any:
    """Import libraries that tracklib itself does without, and return the first one.

    Raises:
        ConfigError: One is not installed; the message says how it is.
    """
    try:
        first, *_ = [importlib.import_module(name) for name in modules]
    except ImportError as error:
        raise ConfigError(f"{what} needs {' and '.join(modules)}: pip install {' '.join(modules)} ({error})") from error
    return first


def schema(columns: Columns, zone: str | None = "UTC") -> Any:
    """Return the Arrow schema of a table, with the zone that its times name."""
    arrow = needed("pyarrow", what="an Arrow table")
    types = {
        "text": arrow.string(),
        "int": arrow.int64(),
        "double": arrow.float64(),
        "time": arrow.timestamp("ns", tz=zone),
    }
    return arrow.schema([(column.name, types[column.kind]) for column in columns])


def batches(columns: Columns, rows: Iterable[tuple[Any, ...]], size: int, *, zone: str | None = "UTC") -> Iterator[Any]:
    """Yield record batches of at most so many rows."""
    arrow = needed("pyarrow", what="an Arrow table")
    fields = schema(columns, zone)
    source = iter(rows)
    while chunk := list(itertools.islice(source, size)):
        columns_of = zip(columns, fields, zip(*chunk, strict=True), strict=True)
        arrays = [_array(arrow, column.kind, field.type, values) for column, field, values in columns_of]
        yield arrow.record_batch(arrays, schema=fields)


def _array(arrow: Any, kind: str, type: Any, values: tuple[Any, ...]) -> Any:
    """Return a column; its values are looked at one by one only where Arrow does not take them as they are."""
    try:
        return arrow.array(values, type)
    except (UnicodeEncodeError, OverflowError, arrow.ArrowInvalid):
        fit: dict[str, Callable[[Any], Any]] = {"text": _text, "double": _double, "time": _time}
        return arrow.array([fit[kind](value) for value in values], type)


def is_utf8(text: str) -> bool:
    """Tell whether a text can be written as UTF-8: one with half a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def utf8(text: str) -> str:
    r"""Return a text as UTF-8 can hold it: half a surrogate pair is written ``\udXXX``."""
    return text if text.isascii() or is_utf8(text) else text.encode("utf-8", "backslashreplace").decode()


def _text(value: str | None) -> str | None:
    return None if value is None else utf8(value)


def _double(value: Number | None) -> float | None:
    """Return a number as a double; beyond all doubles, an infinity: its digits stand in the column beside it."""
    if value is None:
        return None
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, value)


def _time(value: int | None) -> int | None:
    """Return a time; none where 64 bits do not hold it, which is before 1677 or after 2262."""
    return value if value is not None and -(2**63) < value < 2**63 else None
