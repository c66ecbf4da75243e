"""Parts: the rows of an export's Parquet files, a few thousand at a time, and only the columns that are asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, NamedTuple, cast

from tracklib.errors import RejectedError
from tracklib.model.codec import LONGEST

__all__ = ["SINGLE_TYPES", "Row", "ids_of", "read_rows"]

SINGLE_TYPES = frozenset({"float", "int", "string", "bool", "datetime", "string_set"})
"""The types of attributes that have one value: what neptune-exporter calls parameters."""

_ROWS = 4096
_TEXT = "string_value"
_SMALL = 1 << 20
_LARGEST_GROUP = 1 << 30
"""Bytes of texts in a group of rows; the exporter's whole parts have some 50 MB, compressed."""

_VALUES = {
    "float": "float_value", "int": "int_value", "string": "string_value", "bool": "bool_value",
    "datetime": "datetime_value", "string_set": "string_set_value", "float_series": "float_value",
    "string_series": "string_value", "histogram_series": "histogram_value", "file": "file_value",
    "file_series": "file_value", "file_set": "file_value", "artifact": "file_value",
}  # fmt: skip
_NANOSECONDS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_KEYS = ("attribute_path", "attribute_type")
_TIMES = ("step", "timestamp")


class Row(NamedTuple):
    """One value of one attribute.

    Attributes:
        kind: The attribute's type, in the exporter's words.
        step: ``None`` where the attribute has one value.
        time: Nanoseconds since the epoch.
        value: ``None`` where the column is null.
    """

    path: str
    kind: str
    step: Decimal | None
    time: int | None
    value: Any


def ids_of(paths: Iterable[str]) -> tuple[str, str]:
    """Return the project and the id of the run that parts hold.

    Raises:
        RejectedError: A part cannot be read, none names a run, or they name several.
    """
    found: tuple[str, str] | None = None
    for path in paths:
        ids = _first_ids(path)
        if found is not None and ids not in (None, found):
            raise RejectedError(f"{path} belongs to another run than the parts before it")
        found = found or ids
    if found is None:
        raise RejectedError("its parts name no run")
    return found


def _first_ids(path: str) -> tuple[str, str] | None:
    """Return the ids in the first row of a part, which may have none."""
    with _opened(path) as file:
        if file.num_row_groups == 0 or file.metadata.num_rows == 0:
            return None
        for batch in file.iter_batches(1, columns=["project_id", "run_id"]):
            project, run = (batch.column(name)[0].as_py() for name in ("project_id", "run_id"))
            if isinstance(project, str) and isinstance(run, str):
                return project, run
            break
    raise RejectedError(f"{path} names no run")


def read_rows(
    paths: Iterable[str], kinds: frozenset[str] | None = None, wanted: Callable[[str], bool] | None = None
) -> Iterator[Row]:
    """Yield the rows of parts.

    Args:
        kinds: The types of attributes that are meant; all where it is ``None``. Groups of rows that hold none of them,
            by the file's own statistics, are not read.
        wanted: Tells the paths of attributes that are meant.

    Raises:
        RejectedError: A part cannot be read.
    """
    for path in paths:
        with _opened(path) as file:
            groups = [number for number in range(file.num_row_groups) if _may_hold(file, number, kinds)]
            columns = [name for name in file.schema_arrow.names if name in _needed(kinds)]
            for name in _KEYS:
                if name not in columns:
                    raise RejectedError(f"{path} has no column {name}")
            for batch in _batches(path, file, groups, columns) if groups else ():
                yield from _rows_of(batch, kinds, wanted)


def _batches(path: str, file: Any, groups: list[int], columns: list[str]) -> Iterator[Any]:
    """Yield the rows of groups; a text that many rows have is held once.

    Raises:
        RejectedError: One of them is too large to be held.
    """
    sizes = [_size_of_texts(path, file, group) for group in groups] if _TEXT in columns else []
    if max(sizes, default=0) <= _SMALL:
        yield from file.iter_batches(_ROWS, row_groups=groups, columns=columns)
        return
    compute = importlib.import_module("pyarrow.compute")
    with _opened(path, read_dictionary=[_TEXT]) as careful:
        for batch in careful.iter_batches(_ROWS, row_groups=groups, columns=columns):
            longest = compute.max(compute.binary_length(batch.column(_TEXT).dictionary)).as_py() or 0
            if longest > LONGEST:
                raise RejectedError(
                    f"{path} holds a text of {longest:,} bytes, more than the {LONGEST:,} that are read"
                )
            yield batch


def _size_of_texts(path: str, file: Any, group: int) -> int:
    """Return how many bytes the texts of a group of rows have, each counted as often as the file holds it.

    Raises:
        RejectedError: They cannot but be too large.
    """
    about = file.metadata.row_group(group)
    for column in map(about.column, range(about.num_columns)):
        if column.path_in_schema == _TEXT:
            size = int(column.total_uncompressed_size)
            if size > min(_LARGEST_GROUP, max(LONGEST, about.num_rows * _SMALL)):
                raise RejectedError(
                    f"{path} holds {size:,} bytes of texts in {about.num_rows:,} rows, too much to be read"
                )
            return size
    return 0


class _Texts(Sequence[Any]):
    """Texts of a batch, each made when it is asked for: many rows may have the same huge one."""

    def __init__(self, column: Any) -> None:
        self._column = column

    def __len__(self) -> int:
        return len(self._column)

    def __getitem__(self, number: Any) -> Any:
        return self._column[number].as_py()


@contextmanager
def _opened(path: str, **options: Any) -> Iterator[Any]:
    """Open a Parquet file; what goes wrong with it is a rejection of what it holds."""
    arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    try:
        # By default all columns of the file are taken into memory first, which only helps with files far away.
        with parquet.ParquetFile(path, pre_buffer=False, **options) as file:
            yield file
    except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:
        words = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RejectedError(f"{path} cannot be read: {words}") from error


def _needed(kinds: frozenset[str] | None) -> set[str]:
    if kinds is None:
        return {*_KEYS, *_TIMES, *_VALUES.values()}
    times = () if kinds <= SINGLE_TYPES else _TIMES
    return {*_KEYS, *times, *(column for kind, column in _VALUES.items() if kind in kinds)}


def _may_hold(file: Any, group: int, kinds: frozenset[str] | None) -> bool:
    """Tell by the statistics of a group of rows whether it may hold attributes of some types."""
    if kinds is None:
        return True
    about = file.metadata.row_group(group)
    for number in range(about.num_columns):
        column = about.column(number)
        if column.path_in_schema == "attribute_type":
            known = column.statistics
            if known is None or not known.has_min_max:
                return True
            return any(known.min <= kind <= known.max for kind in kinds)
    return True


def _rows_of(batch: Any, kinds: frozenset[str] | None, wanted: Callable[[str], bool] | None) -> Iterator[Row]:
    columns = {name: batch.column(name) for name in batch.schema.names}
    paths, types = (columns[name].to_pylist() for name in _KEYS)
    steps = columns["step"].to_pylist() if "step" in columns else None
    times = _times(columns["timestamp"]) if "timestamp" in columns else None
    values: dict[str, Sequence[Any]] = {}
    for number, (path, kind) in enumerate(zip(paths, types, strict=True)):
        if path is None or kind is None or (kinds is not None and kind not in kinds):
            continue
        if wanted is not None and not wanted(path):
            continue
        column = _VALUES.get(kind, "")
        if column and column not in values:
            held = columns.get(column)
            values[column] = [None] * len(paths) if held is None else _values_of(held, kind)
        value = values[column][number] if column else None
        yield Row(path, kind, _step(steps[number] if steps else None), times[number] if times else None, value)


def _values_of(column: Any, kind: str) -> Sequence[Any]:
    if kind == "datetime":
        return _times(column)
    if not importlib.import_module("pyarrow").types.is_dictionary(column.type):
        return cast("Sequence[Any]", column.to_pylist())
    compute = importlib.import_module("pyarrow.compute")
    load = compute.sum(compute.take(compute.binary_length(column.dictionary), column.indices)).as_py() or 0
    return _Texts(column) if load > LONGEST else cast("Sequence[Any]", column.to_pylist())


def _step(value: object) -> Decimal | None:
    """Return a step; an exporter of another time may have written a float."""
    if value is None or isinstance(value, Decimal):
        return value
    return Decimal(repr(value)) if isinstance(value, (int, float)) else None


def _times(column: Any) -> list[int | None]:
    """Return times in nanoseconds, whatever unit the column has."""
    arrow = importlib.import_module("pyarrow")
    unit = getattr(column.type, "unit", None)
    if not arrow.types.is_timestamp(column.type) or unit is None:
        return [None] * len(column)
    factor = _NANOSECONDS[unit]
    return [None if value is None else value * factor for value in column.cast(arrow.int64()).to_pylist()]
