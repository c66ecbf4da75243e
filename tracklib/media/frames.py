"""Frames: the columns and rows of whatever has some."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from tracklib.errors import BadValueError
from tracklib.media.arrays import as_array, homes, is_array
from tracklib.model.scalars import describe

__all__ = ["Raw", "columns_and_rows", "is_frame"]

Raw: TypeAlias = tuple[list[str], list[Sequence[Any]]]
"""The names of columns, and rows as they were given."""

_LIBRARIES = frozenset({"pandas", "polars", "pyarrow"})


def is_frame(value: object) -> bool:
    """Tell whether a value is a data frame of pandas or polars, or a table of Arrow."""
    return type(value).__name__ in ("DataFrame", "Table") and bool(homes(value) & _LIBRARIES)


def columns_and_rows(data: Any, columns: Any) -> Raw:
    """Return the columns and rows of a frame, an array, lists, or objects by name.

    Raises:
        BadValueError: It has none, or rows of another length.
    """
    if columns is not None and (isinstance(columns, str) or not isinstance(columns, Iterable)):
        raise BadValueError(f"expected a list of columns' names, got {describe(columns)}")
    if is_frame(data):
        return _of_frame(data, columns)
    if is_array(data) and len(data.shape) == 2:
        return _of_rows(as_array(data).tolist(), columns)
    if isinstance(data, Mapping):
        return _of_columns(data, columns)
    if data is None:
        return _of_rows([], columns)
    if isinstance(data, (str, bytes)) or not isinstance(data, Iterable):
        raise BadValueError(f"expected a data frame, rows, or columns by name, got {describe(data)}")
    rows = list(data)
    if rows and all(isinstance(row, Mapping) for row in rows):
        names = list(columns) if columns is not None else list(dict.fromkeys(name for row in rows for name in row))
        return _of_rows([[row.get(name) for name in names] for row in rows], names)
    return _of_rows(rows, columns)


def _of_frame(frame: Any, columns: Iterable[object] | None) -> Raw:
    if "pandas" in homes(frame):
        names = list(frame.columns)
        series = [_of_series(frame.iloc[:, place]) for place in range(len(names))]
    elif "polars" in homes(frame):
        names, series = list(frame.columns), [column.to_list() for column in frame.get_columns()]
    else:
        names, series = list(frame.column_names), [column.to_pylist() for column in frame.columns]
    wanted = list(columns) if columns is not None else names
    if missing := [name for name in wanted if name not in names]:
        raise BadValueError(f"expected columns of the frame, got {', '.join(map(repr, missing))} which it lacks")
    chosen = series if columns is None else [series[names.index(name)] for name in wanted]
    return [str(name) for name in wanted], list(zip(*chosen, strict=True))


def _of_series(series: Any) -> list[Any]:
    """Return a column of pandas; where it is neither of numbers nor of objects, NaN is what is missing."""
    values: list[Any] = series.tolist()
    if series.dtype.kind in "fc" or str(series.dtype) == "object":
        return values
    return [None if isinstance(value, float) and value != value else value for value in values]  # noqa: PLR0124  NaN


def _of_columns(data: Mapping[Any, Any], columns: Iterable[object] | None) -> Raw:
    names = list(columns) if columns is not None else list(data)
    try:
        series = [list(data[name]) for name in names]
    except (KeyError, TypeError) as error:
        raise BadValueError(f"expected a list of cells for each column, got {describe(data)}") from error
    if len({len(column) for column in series}) > 1:
        lengths = ", ".join(f"{len(column)} in {name!r}" for name, column in zip(names, series, strict=True))
        raise BadValueError(f"expected columns of one length, got {lengths}")
    return [str(name) for name in names], list(zip(*series, strict=True))


def _of_rows(rows: list[Any], columns: Iterable[object] | None) -> Raw:
    if wrong := [row for row in rows if isinstance(row, (str, bytes)) or not isinstance(row, Sequence)]:
        raise BadValueError(f"expected rows that are lists of cells, got {describe(wrong[0])}")
    width = len(rows[0]) if rows else 0
    names = [str(name) for name in columns] if columns is not None else [str(place) for place in range(width)]
    for place, row in enumerate(rows):
        if len(row) != len(names):
            raise BadValueError(f"expected {len(names)} cells in row {place}, got {len(row)}")
    return names, rows
