"""`Reader`: the runs of a place as tables, and the files that they name."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union, get_args

from tracklib.errors import ConfigError, RejectedError, RunStateError, UsageError
from tracklib.messages import nearest
from tracklib.model.query import RunQuery
from tracklib.model.run import RunInfo
from tracklib.portability.choice import Choice
from tracklib.portability.places import Place, open_place
from tracklib.reading.columnar import is_columnar, point_batches
from tracklib.reading.columns import LABELS, TABLES, TableName
from tracklib.reading.rows import Row, rows_of, run_row
from tracklib.reading.table import RunTable, Table
from tracklib.typing import PathLike, Status

if TYPE_CHECKING:
    from tracklib.backends.contract import Source
    from tracklib.model.records import Record

__all__ = ["Moment", "Reader", "Runs", "open"]

Moment: TypeAlias = Union[dt.datetime, float, str]
"""A time: seconds since 1970-01-01 UTC, a date and time of the standard library, or one as ISO 8601 writes it."""

Runs: TypeAlias = Union[str, RunInfo, Mapping[str, Any], Iterable[Union[str, RunInfo, Mapping[str, Any]]], None]
"""Which runs: an id or ``project/id``, what `Reader.run` returns, a row of a table, or several of these; ``None``: all."""


def open(place: str = "local") -> Reader:  # noqa: A001  as the library's users call it: tracklib.open
    """Open a place to read its runs, wherever they are: nothing is copied, and nothing is written.

    Args:
        place: As commands take it: ``local:FOLDER``, ``mlflow:http://host:5000#experiment``, ``aim:./repo``, ...; the
            configured journal root where omitted.

    Raises:
        MissingPluginError: The backend is not installed; the message says which package to install.
        ConfigError: The text is no place, a setting is wrong, or the backend cannot be read.
        UsageError: It is no text.
    """
    if not isinstance(place, str):
        raise UsageError(f"expected a place such as 'local:FOLDER' or 'mlflow:http://host:5000', got {place!r}")
    return Reader(open_place(place))


class Reader:
    """The runs of a place.

    Each table is read when it is asked for its rows, run after run, and anew each time. Which runs it is about is said
    by an id or ``project/id``, by what `run` returns, by a table of runs, or by several of these; all where nothing is.

    Attributes:
        place: What was opened.
        source: The backend's read half.
    """

    def __init__(self, place: Place) -> None:
        spec = place.resolved.spec
        if spec.source is None:
            raise ConfigError(f"{spec.title} can't be read: its plugin {spec.distribution} only writes")
        self.place = place
        self.source: Source = place.source()

    @property
    def damaged(self) -> int:
        """How many lines of journals could not be believed so far, and were passed over; a vendor has none."""
        damage = getattr(self.source, "damage", None)
        return 0 if damage is None else damage.lines + damage.missing

    def runs(
        self,
        *,
        project: str | None = None,
        name: str | None = None,
        status: str | None = None,
        tag: str | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        labels: bool = False,
    ) -> RunTable:
        """Return the runs.

        Args:
            project, name, status: What a run must be.
            tag: Only runs with this tag; ``"team:vision"``: with this value. Each run is read for it.
            since, until: Only runs that started since, and before.
            labels: Also the columns ``tags`` and ``notes``. Each run is read for it.
        """
        if status is not None and status not in get_args(Status):
            raise UsageError(f"status: expected a run's status, got {status!r}{nearest(status, get_args(Status))}")
        key, colon, value = (tag or "").partition(":")
        if tag is not None and not key:
            raise UsageError(f"tag: expected a tag such as 'dev' or 'team:vision', got {tag!r}")
        tags = ((key, value if colon else None),) if tag is not None else ()
        query = RunQuery(project=project, name=name, status=status, since=_time(since), until=_time(until))

        def infos() -> Iterator[RunInfo]:
            return Choice(query, tags).runs(self.source)

        def labelled() -> Iterator[Row]:
            return self._rows("runs", infos())

        columns = TABLES["runs"]
        if labels:
            return RunTable((*columns, *LABELS), labelled, infos)
        return RunTable(columns, lambda: map(run_row, infos()), infos)

    def run(self, id: str, /) -> RunInfo:
        """Return one run by its id, by ``project/id``, or by the id under which the vendor keeps it.

        Raises:
            RunStateError: There is none.
            UsageError: There are several.
        """
        project, _, rest = id.rpartition("/")
        asked = [RunQuery(id=id), RunQuery(place=id)]
        asked += [RunQuery(project=project, id=rest), RunQuery(project=project, place=rest)] if project else []
        found = next((runs for query in asked if (runs := list(self.source.runs(query)))), [])
        if not found:
            raise RunStateError(f"expected a run of {self.place.text}, got {id!r}, which is not there")
        if len(found) > 1:
            names = ", ".join(f"{run.project}/{run.id}" for run in found[:5])
            raise UsageError(f"expected one run of {self.place.text}, got {id!r}, which may be {names}")
        return found[0]

    def params(self, runs: Runs = None, /) -> Table:
        """Return the params: one row for each leaf of a run's tree."""
        return self._table("params", runs)

    def summary(self, runs: Runs = None, /) -> Table:
        """Return the summary values."""
        return self._table("summary", runs)

    def tags(self, runs: Runs = None, /) -> Table:
        """Return the tags."""
        return self._table("tags", runs)

    def metrics(
        self, runs: Runs = None, /, *, keys: str | Collection[str] | None = None, since: Moment | None = None
    ) -> Table:
        """Return every point of the metrics.

        Args:
            runs: Of which runs.
            keys: Only metrics of these names.
            since: Only points since this time.
        """
        wanted = {keys} if isinstance(keys, str) else None if keys is None else set(keys)
        after = _time(since)
        places = {column.name: number for number, column in enumerate(TABLES["metrics"])}
        name, time = places["metric"], places["time"]

        def chosen(row: Row) -> bool:
            return (wanted is None or row[name] in wanted) and (after is None or row[time] >= after)

        def ready(size: int) -> Iterator[Any]:
            found = (point_batches(self.source, run, size=size, keys=wanted) for run in self.infos(runs))
            return itertools.chain.from_iterable(found)

        is_whole = wanted is None and after is None
        return Table(
            TABLES["metrics"],
            lambda: self._rows("metrics", runs) if is_whole else filter(chosen, self._rows("metrics", runs)),
            ready if after is None and is_columnar(self.source) else None,
        )

    def artifacts(self, runs: Runs = None, /, *, name: str | None = None) -> Table:
        """Return the artifacts, or those of one name: one row for each of their files."""
        if name is None:
            return self._table("artifacts", runs)
        return Table(TABLES["artifacts"], lambda: (row for row in self._rows("artifacts", runs) if row[2] == name))

    def media(self, runs: Runs = None, /) -> Table:
        """Return the media: one row for each of their files."""
        return self._table("media", runs)

    def system(self, runs: Runs = None, /) -> Table:
        """Return what was sampled of the machines."""
        return self._table("system", runs)

    def console(self, runs: Runs = None, /) -> Table:
        """Return what the processes printed."""
        return self._table("console", runs)

    def download(self, files: Mapping[str, Any] | Iterable[Mapping[str, Any]], to: PathLike) -> list[Path]:
        """Fetch files that rows of `artifacts` or `media` name, each to its path below a folder.

        What is fetched is checked against its digest, and nothing is written outside the folder.

        Args:
            files: A row, several of them, or a whole table.
            to: The folder; it is made where it is missing.

        Returns:
            Where each file is, in the order of the rows.

        Raises:
            UsageError: A row names no file that can be fetched, its path leads out of the folder, two rows have one
                path, or another file is there already.
            BackendError: The source does not give the file, or gives something else.
        """
        from tracklib.reading.downloads import download

        rows = [files] if isinstance(files, Mapping) else list(files)
        return download(self.source, [(self._info(row), row) for row in rows], Path(to))

    def rows(self, run: RunInfo, tables: Collection[TableName], /) -> Iterator[tuple[TableName, Row]]:
        """Yield the rows of several tables for one run, which is read once; the run's own with its tags and notes.

        Raises:
            RejectedError: The run is there and cannot be read.
        """
        try:
            yield from rows_of(run, self._records(run, tables), tables)
        except RejectedError as error:
            raise RejectedError(f"the run {run.project}/{run.id} can't be read: {error}") from error

    def infos(self, runs: Runs = None, /) -> Iterator[RunInfo]:
        """Yield the runs that are meant."""
        if runs is None:
            yield from self.source.runs(RunQuery())
        elif isinstance(runs, RunTable):
            yield from runs.infos()
        elif isinstance(runs, (str, RunInfo, Mapping)):
            yield self._info(runs)
        else:
            yield from map(self._info, runs)

    def _info(self, run: str | RunInfo | Mapping[str, Any]) -> RunInfo:
        if isinstance(run, RunInfo):
            return run
        if isinstance(run, str):
            return self.run(run)
        project, name = run.get("project"), run.get("run", run.get("id"))
        if not isinstance(project, str) or not isinstance(name, str):
            raise UsageError(f"expected a row with the project and id of a run, got one with {', '.join(run)}")
        found = next(iter(self.source.runs(RunQuery(project=project, id=name))), None)
        if found is None:
            raise RunStateError(f"expected a run of {self.place.text}, got {project}/{name}, which is not there")
        return found

    def _records(self, run: RunInfo, tables: Collection[TableName]) -> Iterator[Record]:
        """Return the records that tables are made of; the points are left out where they are many and not wanted."""
        others = getattr(self.source, "other_records", None)  # few sources have it
        if "metrics" in tables or others is None:
            return self.source.read(run)
        found: Iterator[Record] = others(run)
        return found

    def _table(self, name: TableName, runs: Runs) -> Table:
        return Table(TABLES[name], lambda: self._rows(name, runs))

    def _rows(self, name: TableName, runs: Runs) -> Iterator[Row]:
        return (row for run in self.infos(runs) for _, row in self.rows(run, (name,)))


def _time(moment: Moment | None) -> int | None:
    """Return a time in nanoseconds; one without a zone is the local one's."""
    if isinstance(moment, str):
        try:
            moment = dt.datetime.fromisoformat(moment.replace("Z", "+00:00"))
        except ValueError as error:
            raise UsageError(f"expected a date such as 2026-11-23, or one with a time, got {moment!r}") from error
    if isinstance(moment, dt.datetime):
        whole = moment.replace(microsecond=0)
        return round(whole.timestamp()) * 10**9 + moment.microsecond * 1000
    return None if moment is None else round(moment * 1e9)
