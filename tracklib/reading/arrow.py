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

__all__ = ["batches", "is_utf8", "needed", "schema"]


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


def schema(columns: Columns) -> Any:
    """Return the Arrow schema of a table."""
    arrow = needed("pyarrow", what="an Arrow table")
    types = {
        "text": arrow.string(),
        "int": arrow.int64(),
        "double": arrow.float64(),
        "time": arrow.timestamp("ns", tz="UTC"),
    }
    return arrow.schema([(column.name, types[column.kind]) for column in columns])


def batches(columns: Columns, rows: Iterable[tuple[Any, ...]], size: int) -> Iterator[Any]:
    """Yield record batches of at most so many rows."""
    arrow = needed("pyarrow", what="an Arrow table")
    fields = schema(columns)
    prepare: dict[str, Callable[[Any], Any]] = {"text": _text, "int": _as_it_is, "double": _double, "time": _time}
    ready = [prepare[column.kind] for column in columns]
    source = iter(rows)
    while chunk := list(itertools.islice(source, size)):
        values = [list(map(make, column)) for make, column in zip(ready, zip(*chunk, strict=True), strict=True)]
        arrays = [arrow.array(held, field.type) for held, field in zip(values, fields, strict=True)]
        yield arrow.record_batch(arrays, schema=fields)


def _as_it_is(value: int | None) -> int | None:
    return value


def is_utf8(text: str) -> bool:
    """Tell whether a text can be written as UTF-8: one with half a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(value: str | None) -> str | None:
    r"""Return a text as UTF-8 can hold it: half a surrogate pair is written ``\udXXX``."""
    if value is None or value.isascii() or is_utf8(value):
        return value
    return value.encode("utf-8", "backslashreplace").decode()


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
