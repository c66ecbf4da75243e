"""`Table`: rows that are read when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from tracklib.errors import UsageError
from tracklib.reading.columns import Columns
from tracklib.reading.rows import Row

if TYPE_CHECKING:
    from tracklib.model.run import RunInfo

__all__ = ["RunTable", "Table"]


class Table:
    """Rows of one kind, never sampled, read anew each time they are asked for.

    Iterating gives each row as a dict, with exact Python numbers and times in nanoseconds since 1970-01-01 UTC, and
    needs no library. ``batches()`` gives Arrow record batches, one in memory at a time; the others hold it all. Whatever
    takes Arrow data through its C stream interface takes the table itself.
    """

    def __init__(
        self, columns: Columns, rows: Callable[[], Iterator[Row]], arrow: Callable[[int], Iterator[Any]] | None = None
    ) -> None:
        self._columns = columns
        self._rows = rows
        self._arrow = arrow

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self._columns)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        names = self.columns
        return (dict(zip(names, row, strict=True)) for row in self._rows())

    def batches(self, rows: int = 65_536) -> Iterator[Any]:
        """Yield ``pyarrow.RecordBatch``, each of at most so many rows.

        Raises:
            UsageError: Less than one row is asked for.
            ConfigError: pyarrow is not installed.
        """
        from tracklib.reading.arrow import batches

        if rows < 1:
            raise UsageError(f"rows: expected 1 or more of them in a batch, got {rows!r}")
        return batches(self._columns, self._rows(), rows) if self._arrow is None else self._arrow(rows)

    def reader(self) -> Any:
        """Return a ``pyarrow.RecordBatchReader``, which reads as it is read.

        Raises:
            ConfigError: pyarrow is not installed.
        """
        from tracklib.reading.arrow import needed, schema

        arrow = needed("pyarrow", what="an Arrow table")
        return arrow.RecordBatchReader.from_batches(schema(self._columns), self.batches())

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.reader().__arrow_c_stream__(requested_schema)

    def to_arrow(self) -> Any:
        """Return a ``pyarrow.Table``.

        Raises:
            ConfigError: pyarrow is not installed.
        """
        return self.reader().read_all()

    def to_pandas(self) -> Any:
        """Return a ``pandas.DataFrame``; integers that may be missing are pandas' own ``Int64``.

        Raises:
            ConfigError: pandas or pyarrow is not installed.
        """
        from tracklib.reading.arrow import needed

        pandas = needed("pandas", "pyarrow", what="a pandas frame")
        whole = self.to_arrow()
        integers = {kind: pandas.Int64Dtype() for kind in whole.schema.types if str(kind) == "int64"}
        return whole.to_pandas(types_mapper=integers.get)

    def to_polars(self) -> Any:
        """Return a ``polars.DataFrame``.

        Raises:
            ConfigError: polars or pyarrow is not installed.
        """
        from tracklib.reading.arrow import needed

        return needed("polars", "pyarrow", what="a polars frame").from_arrow(self.to_arrow())


class RunTable(Table):
    """A table of runs, which can be given to the other tables to say of which runs they are."""

    def __init__(
        self, columns: Columns, rows: Callable[[], Iterator[Row]], infos: Callable[[], Iterator[RunInfo]]
    ) -> None:
        super().__init__(columns, rows)
        self._infos = infos

    def infos(self) -> Iterator[RunInfo]:
        """Yield each run as `tracklib.model.run.RunInfo`, which tells its id at the vendor too."""
        return self._infos()
