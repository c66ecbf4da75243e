"""`MLflowSource`: the read half; gives the runs of a place, and everything in each."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from typing import BinaryIO, cast

from tracklib.backends.capabilities import Capabilities
from tracklib.errors import RejectedError
from tracklib.model.query import RunQuery
from tracklib.model.records import FileRef, Position, Record
from tracklib.model.run import RunInfo
from tracklib_mlflow import location
from tracklib_mlflow.capabilities import CAPABILITIES
from tracklib_mlflow.held import HeldRun, Store
from tracklib_mlflow.identity import info_of
from tracklib_mlflow.reading import RunReader
from tracklib_mlflow.settings import MLflowSettings

__all__ = ["MLflowSource"]

_WRITER = "mlflow"


class MLflowSource:
    """Reads runs from MLflow, those that tracklib wrote and all others.

    A folder (``mlruns``) is read from the disk, without MLflow; everything else by MLflow's client. Records carry the
    writer ``mlflow`` and a running number; their order is that of the kinds, not of the times.
    """

    def __init__(self, settings: MLflowSettings) -> None:
        self._settings = settings.resolved()
        self._opened: Store | None = None
        self._reader: tuple[str, RunReader] | None = None

    @property
    def capabilities(self) -> Capabilities:
        """What MLflow holds, and how well."""
        return CAPABILITIES

    def runs(self, query: RunQuery, /) -> Iterator[RunInfo]:
        """Yield the runs that a query selects; deleted ones are not among them."""
        for run, experiment in self._store.runs(query):
            info = self._info(run, experiment)
            if query.matches(info):
                yield info

    @property
    def left_out(self) -> Mapping[str, int]:
        """What the last `runs` did not yield though it is there, and how often, in words: deleted runs, ..."""
        return self._store.left_out

    def read(self, run: RunInfo, /, after: Position | None = None) -> Iterator[Record]:
        """Yield the records of a run; with ``after``, those behind that position."""
        done = (after or {}).get(_WRITER, 0)
        place = self._place(run)
        for seq, (time, body) in enumerate(self._open(place, fresh=True).bodies(), 1):
            if seq > done:
                yield Record(_WRITER, seq, time, body)

    def open_file(self, run: RunInfo, file: FileRef, /) -> BinaryIO:
        """Open the content of a file that a record of this run names."""
        place = self._place(run)
        contents = self._open(place).contents
        if not contents.knows(file):
            for _ in contents.read(0):
                pass
        if not contents.knows(file):
            raise RejectedError(f"MLflow's run {place} holds no file {file.path!r} of the digest {file.sha256}")
        with contents.fetched(file) as path, path.open("rb") as source:
            copy = tempfile.TemporaryFile()  # noqa: SIM115  the caller closes it
            shutil.copyfileobj(source, copy)
        copy.seek(0)
        return cast("BinaryIO", copy)

    def delete(self, run: RunInfo, /) -> str:
        """Remove a run, as MLflow does: it is out of sight, and can be restored until somebody collects it for good."""
        if not self._store.delete(self._place(run)):
            return ""
        return f"MLflow keeps deleted runs until `mlflow gc`, and the experiment of {run.project!r}"

    @property
    def _store(self) -> Store:
        if self._opened is None:
            self._opened = _open_store(self._settings)
        return self._opened

    def _info(self, run: HeldRun, experiment: str) -> RunInfo:
        return info_of(run, experiment, self._store.page(run), self._store.files(run).text)

    def _place(self, run: RunInfo) -> str:
        """Return MLflow's id of a run."""
        if run.place is not None:
            return run.place
        found = next(self.runs(RunQuery(project=run.project, id=run.id)), None)
        if found is None or found.place is None:
            raise RejectedError(f"MLflow holds no run {run.id!r} of the project {run.project!r}")
        return found.place

    def _open(self, place: str, *, fresh: bool = False) -> RunReader:
        """Return a run's reader; the last one is kept, as files are asked for after the records that name them."""
        if fresh or self._reader is None or self._reader[0] != place:
            run, experiment = self._store.run(place)
            self._reader = place, RunReader(self._store, run, self._info(run, experiment))
        return self._reader[1]


def _open_store(settings: MLflowSettings) -> Store:
    folder = location.folder(settings.tracking_uri or "")
    if folder is not None:
        from tracklib_mlflow.folder.store import Folder

        return Folder(folder, settings)
    from tracklib_mlflow.service import Service

    return Service(settings)
