"""`NeptuneSource`: the runs of an export, and everything in each."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

from tracklib.backends.capabilities import Capabilities
from tracklib.errors import ConfigError, RejectedError
from tracklib.model.query import RunQuery
from tracklib.model.records import FileRef, Position, Record
from tracklib.model.run import RunInfo
from tracklib_neptune.capabilities import CAPABILITIES
from tracklib_neptune.exported_files import ExportedFiles
from tracklib_neptune.identity import Identity, read_identity
from tracklib_neptune.layout import Held, held_runs
from tracklib_neptune.reading import RunReader
from tracklib_neptune.settings import NeptuneSettings

__all__ = ["NeptuneSource"]

_WRITER = "neptune"


class NeptuneSource:
    """Reads what neptune-exporter wrote.

    A run that is damaged is listed as failed, and raises when it is read. Records carry the writer ``neptune`` and a
    running number, in the order of the export's rows.

    Attributes:
        append_only: An export does not change; its records keep their numbers.
        left_out: What the last `runs` did not yield though it is there, and how often, in words.
    """

    append_only = True

    def __init__(self, settings: NeptuneSettings) -> None:
        self._settings = settings.resolved()
        self._reader: tuple[str, RunReader] | None = None
        self._known: dict[str, Held] = {}
        self.left_out: Counter[str] = Counter()

    @property
    def capabilities(self) -> Capabilities:
        """What an export gives back, and how well."""
        return CAPABILITIES

    def runs(self, query: RunQuery, /) -> Iterator[RunInfo]:
        """Yield the runs that a query selects, the oldest of each project first: a parent before what was forked from it.

        The models of a registry are runs of the job type ``model``, their versions of ``model version``.
        """
        self.left_out = Counter()
        projects: dict[str, list[Held]] = {}
        for held in self._held():
            if 0 in held.missing:
                self.left_out[f"{held.place}: its export was not finished"] += 1
            else:
                projects.setdefault(held.project, []).append(held)
        for of_project in projects.values():
            infos = (self._info(held) for held in of_project)
            yield from sorted(filter(query.matches, infos), key=lambda info: (info.started, info.place or ""))

    def read(self, run: RunInfo, /, after: Position | None = None) -> Iterator[Record]:
        """Yield the records of a run; with ``after``, those behind that position."""
        done = (after or {}).get(_WRITER, 0)
        for seq, (time, body) in enumerate(self._open(run, fresh=True).bodies(), 1):
            if seq > done:
                yield Record(_WRITER, seq, time, body)

    def open_file(self, run: RunInfo, file: FileRef, /) -> BinaryIO:
        """Open the content of a file that a record of this run names."""
        return self._open(run).open_file(file)

    def _held(self) -> list[Held]:
        """Look what the export holds."""
        data = self._settings.data
        if not os.path.isdir(data):
            raise ConfigError(f"expected a folder of neptune-exporter's at {data}, got nothing")
        self._known = {held.place: held for held in held_runs(data)}
        if not self._known:
            raise ConfigError(f"expected <project>/<run>_part_0.parquet of neptune-exporter's below {data}, got none")
        return list(self._known.values())

    def _info(self, held: Held) -> RunInfo:
        identity = self._identity(held)
        if identity is not None:
            return identity.info()
        name = held.place.rpartition("/")[2]
        return RunInfo(held.project, name, name, "failed", place=held.place, job_type=held.kind)

    def _open(self, run: RunInfo, *, fresh: bool = False) -> RunReader:
        """Return a run's reader; the last one is kept, as files are asked for after the records that name them."""
        identity = None if self._reader is not None and not fresh and self._reader[0] == run.place else self._find(run)
        if identity is not None:
            files = ExportedFiles(os.path.join(self._settings.files or "", identity.held.project))
            self._reader = identity.held.place, RunReader(identity, files)
        assert self._reader is not None
        return self._reader[1]

    def _find(self, run: RunInfo) -> Identity:
        if run.place is not None:
            if run.place not in self._known:
                self._held()
            if run.place in self._known:
                return read_identity(self._known[run.place])
            raise RejectedError(f"the export {self._settings.data} holds no run at {run.place!r}")
        for held in self._held():
            identity = self._identity(held)
            if identity is not None and (identity.project, identity.run_id) == (run.project, run.id):
                return identity
        raise RejectedError(f"the export {self._settings.data} holds no run {run.id!r} of the project {run.project!r}")

    def _identity(self, held: Held) -> Identity | None:
        try:
            return read_identity(held)
        except RejectedError:  # it is listed as failed, and whoever reads it hears why
            return None
