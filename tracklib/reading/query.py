"""Queries: SQL over the tables of a place, answered by DuckDB, which is let at nothing else.

What a query needs of the place is read into a database file in a folder of its own first. It is then opened for reading,
with every way to other files, to extensions, to the network and to its own settings shut.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from tracklib.errors import AuthError, ConfigError, RejectedError, TracklibError, UsageError
from tracklib.reading.arrow import batches, needed
from tracklib.reading.columnar import is_columnar, point_batches
from tracklib.reading.columns import LABELS, TABLES, Columns, TableName
from tracklib.reading.rows import Row, run_row

if TYPE_CHECKING:
    from tracklib.model.run import RunInfo
    from tracklib.reading.reader import Reader

__all__ = ["answer"]

_TYPES = {"text": "VARCHAR", "int": "BIGINT", "double": "DOUBLE", "time": "TIMESTAMP_NS"}
_LIMITS = {"memory_limit": "56MB", "threads": "1"}
"""What DuckDB keeps in memory. Beyond it are the libraries' own code, what each thread sorts, and about a megabyte that it
notes for a million points.

A lower limit was seen to save less than it was lowered by: the larger part is outside it (``tracklib.cli.memory``).
"""

_SHUT = {
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "python_enable_replacements": "false",
    "lock_configuration": "true",
}
_ASIDE = re.compile(r"\s*(describe|desc|show|explain)\b", re.IGNORECASE)
"""Queries about tables and queries, which no rows are read for."""

_LABELS = re.compile(r"\b(tags|notes|EMPTY_RESULT)\b", re.IGNORECASE)
"""What tells that a query needs a run's tags or notes: its words, the columns that DuckDB would read, or that it would read
none at all, since the table is empty when that is asked."""

_ROWS = 20_000
"""Rows of one table that are held before they are written down."""

_BATCH = 2_048
"""Rows of the answer that are held at once, as many as DuckDB has in hand itself; as objects of Python they take half a KB each."""


Watch: TypeAlias = "Callable[[Iterable[RunInfo]], Iterable[RunInfo]]"


@contextmanager
def answer(reader: Reader, query: str, *, watch: Watch = iter, unread: dict[str, str] | None = None) -> Iterator[Any]:
    """Answer a query with a ``pyarrow.RecordBatchReader``, which is good until the context ends.

    Args:
        reader: The place.
        query: One ``SELECT``; the tables are those of ``docs/reading.md``, ``runs`` with its tags and notes.
        watch: Sees the runs as they are read.
        unread: Takes each run that is there and cannot be read, with the reason: the answer lacks it. Where nothing is
            given, such a run is an error.

    Raises:
        RejectedError: A run cannot be read.
        UsageError: It is no query, or names what there is not.
        ConfigError: DuckDB is not installed.
    """
    duckdb = needed("duckdb", "pyarrow", what="SQL")
    wanted = _plan(duckdb, query)
    folder = Path(tempfile.mkdtemp(prefix="tracklib-sql-"))
    try:
        _spill(duckdb, folder / "place.duckdb", wanted, _Rows(reader, wanted, watch, unread))
        needed("pyarrow", what="SQL").default_memory_pool().release_unused()  # what reading took, answering needs
        config = {**_LIMITS, **_SHUT, "temp_directory": str(folder / "overflow")}
        with duckdb.connect(str(folder / "place.duckdb"), read_only=True, config=config) as base, _told(duckdb):
            relation = base.sql(query)
            stream = getattr(relation, "to_arrow_reader", None) or relation.fetch_arrow_reader
            yield stream(_BATCH)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _told(duckdb: Any) -> Iterator[None]:
    """Turn what DuckDB refuses into one of tracklib's errors."""
    try:
        yield
    except duckdb.Error as error:
        words = str(error).partition("\n\nLINE ")[0]  # behind it stands the query as this module wrapped it
        raise UsageError(f"the query can't be answered: {words}") from error


def _plan(duckdb: Any, query: str) -> dict[TableName, Columns]:
    """Return the tables that a query needs, with their columns; all the mistakes in it are found here."""
    # Without statistics: they would tell DuckDB that the tables are empty, and so that it needs none of their columns.
    config = {**_SHUT, "disabled_optimizers": "statistics_propagation"}
    with duckdb.connect(config=config) as base, _told(duckdb):
        for name, columns in _whole().items():
            base.execute(_create(name, columns))
        statements = base.extract_statements(query)
        words = [str(statement.type).rpartition(".")[2] for statement in statements]
        if len(words) != 1 or words[0] not in ("SELECT", "EXPLAIN", "MULTI"):
            raise UsageError(f"expected one SELECT, got {', '.join(words) or 'nothing'}")
        if words[0] == "MULTI":  # a PIVOT, which DuckDB makes two statements of
            return _whole()
        if _ASIDE.match(query):
            return {}
        tables = _tables_in(duckdb, base, query)
        steps = str(base.execute(f"EXPLAIN (FORMAT json) {query}").fetchall())
    chosen = {name: columns for name, columns in _whole().items() if name in tables}
    if "runs" in chosen and not _LABELS.search(query + steps):
        chosen["runs"] = TABLES["runs"]
    return chosen


def _tables_in(duckdb: Any, base: Any, query: str) -> set[str]:
    """Return the tables that a query names; too many, where DuckDB's own answer is none, as for ``JOIN ... USING``."""
    try:
        return set(base.get_table_names(query))
    except duckdb.Error:
        return {name for name in TABLES if re.search(rf"\b{name}\b", query, re.IGNORECASE)}


def _whole() -> dict[TableName, Columns]:
    return {**TABLES, "runs": (*TABLES["runs"], *LABELS)}


def _create(name: str, columns: Columns) -> str:
    fields = ", ".join(f'"{column.name}" {_TYPES[column.kind]}' for column in columns)
    return f'CREATE TABLE "{name}" ({fields})'


def _spill(duckdb: Any, path: Path, wanted: dict[TableName, Columns], rows: _Rows) -> None:
    """Write the tables that are wanted down, each run being read once."""
    with duckdb.connect(str(path), config={**_LIMITS, "temp_directory": str(path.with_suffix(".tmp"))}) as base:
        for name, columns in {**_whole(), **wanted}.items():
            base.execute(_create(name, columns))
        held: dict[TableName, list[Row]] = {name: [] for name in wanted}
        for name, row in rows if wanted else ():
            if not isinstance(row, tuple):
                _insert(base, name, row)
                continue
            held[name].append(row)
            if len(held[name]) >= _ROWS:
                _write(base, name, wanted[name], held[name])
        for name, left in held.items():
            _write(base, name, wanted[name], left)
        for run in rows.broken:
            for name in wanted:
                key = "id" if name == "runs" else "run"
                base.execute(f'DELETE FROM "{name}" WHERE project = ? AND "{key}" = ?', [run.project, run.id])  # noqa: S608


@dataclass(slots=True)
class _Rows:
    """The rows of all runs, as they are read.

    Attributes:
        broken: Runs that could not be read to their end, though some of their rows came.
    """

    reader: Reader
    wanted: dict[TableName, Columns]
    watch: Watch
    unread: dict[str, str] | None
    broken: list[RunInfo] = field(default_factory=list)

    def __iter__(self) -> Iterator[tuple[TableName, Any]]:
        """Yield each row with its table; points as whole batches where the source has them so."""
        is_listing = self.wanted.get("runs") == TABLES["runs"]
        others = [name for name in self.wanted if name != "runs" or not is_listing]
        for run in self.watch(self.reader.infos()):
            if is_listing:
                yield "runs", run_row(run)
            try:
                yield from self._of(run, others)
            except (AuthError, ConfigError):
                raise
            except Exception as error:  # a plugin's own fault in one run is no reason to leave out the others
                if self.unread is None:
                    raise
                name = f"{run.project}/{run.id}"
                words = str(error) if isinstance(error, TracklibError) else f"{type(error).__name__}: {error}"
                known = isinstance(error, RejectedError) and name in words
                self.unread[name] = words if known else f"the run {name} can't be read: {words}"
                self.broken.append(run)

    def _of(self, run: RunInfo, tables: list[TableName]) -> Iterator[tuple[TableName, Any]]:
        source = self.reader.source
        if "metrics" in tables and is_columnar(source):
            yield from (("metrics", batch) for batch in point_batches(source, run, size=_ROWS, zone=None))
            tables = [name for name in tables if name != "metrics"]
        if tables:
            yield from self.reader.rows(run, tables)


def _write(base: Any, name: str, columns: Columns, rows: list[Row]) -> None:
    for batch in batches(columns, rows, _ROWS, zone=None):
        _insert(base, name, batch)
    rows.clear()


def _insert(base: Any, name: str, batch: Any) -> None:
    base.from_arrow(needed("pyarrow", what="SQL").Table.from_batches([batch])).insert_into(name)
