"""`MLflowSource`: the read half; gives the runs of a place, and everything in each."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from tracklib.backends.capabilities import Capabilities
from tracklib.backends.contract import Leftover
from tracklib.errors import RejectedError
from tracklib.model.query import RunQuery
from tracklib.model.records import FileRef, Position, Record
from tracklib.model.run import RunInfo
from tracklib_mlflow.capabilities import CAPABILITIES
from tracklib_mlflow.client import Client
from tracklib_mlflow.files import Files
from tracklib_mlflow.identity import info_of
from tracklib_mlflow.leftovers import leftovers
from tracklib_mlflow.reading import RunReader
from tracklib_mlflow.runs import of_id
from tracklib_mlflow.settings import MLflowSettings

if TYPE_CHECKING:
    from mlflow.entities import Run

__all__ = ["MLflowSource"]

_WRITER = "mlflow"
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,255}\Z")
_EXPERIMENTS_AT_ONCE = 200


class MLflowSource:
    """Reads runs from MLflow, those that tracklib wrote and all others.

    Records carry the writer ``mlflow`` and a running number; their order is that of the kinds, not of the times.
    """

    def __init__(self, settings: MLflowSettings) -> None:
        self._settings = settings.resolved()
        self._connected: Client | None = None
        self._reader: tuple[str, RunReader] | None = None

    @property
    def capabilities(self) -> Capabilities:
        """What MLflow holds, and how well."""
        return CAPABILITIES

    def runs(self, query: RunQuery, /) -> Iterator[RunInfo]:
        """Yield the runs that a query selects; deleted ones are not among them."""
        names = self._experiments()
        for run in self._candidates(query, list(names)):
            if run.info.lifecycle_stage == "active" and run.info.experiment_id in names:
                info = self._info(run, names[run.info.experiment_id])
                if query.matches(info):
                    yield info

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

    def leftovers(self) -> Iterator[Leftover]:
        """Yield what the place holds that belongs to no run."""
        return leftovers(self._client, list(self._experiments()))

    @property
    def _client(self) -> Client:
        if self._connected is None:
            self._connected = Client(self._settings)
        return self._connected

    def _experiments(self) -> dict[str, str]:
        """Return the names of the experiments that are meant, by their ids."""
        wanted = self._settings.experiment
        if wanted is None:
            return {str(item.experiment_id): str(item.name) for item in self._client.experiments()}
        found = self._client.experiment(wanted)
        return {str(found.experiment_id): wanted} if found is not None else {}

    def _candidates(self, query: RunQuery, experiment_ids: list[str]) -> Iterator[Run]:
        """Yield the runs that may satisfy a query, asking MLflow for as few as its own search can name."""
        wanted = {query.place, query.id} - {None}
        if query.place is not None or query.id is not None:
            found = [run for run in map(self._find, wanted) if run is not None]
            ours = of_id(self._client, experiment_ids, query.id) if query.id is not None else []
            yield from {run.info.run_id: run for run in (*ours, *found)}.values()
            return
        for start in range(0, len(experiment_ids), _EXPERIMENTS_AT_ONCE):
            yield from self._client.runs(experiment_ids[start : start + _EXPERIMENTS_AT_ONCE])

    def _find(self, run_id: str | None) -> Run | None:
        """Return the run of MLflow's own id; what cannot be one is not asked for."""
        return self._client.find_run(run_id) if run_id is not None and _RUN_ID.match(run_id) else None

    def _info(self, run: Run, experiment: str) -> RunInfo:
        files = Files(self._client, str(run.info.artifact_uri), Path(tempfile.gettempdir()))
        return info_of(run, experiment, self._settings.page(run.info.experiment_id, run.info.run_id), files.text)

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
            run = self._client.run(place)
            experiment = self._client.call(
                "reading the experiment", self._client.raw.get_experiment, run.info.experiment_id
            )
            self._reader = place, RunReader(self._client, run, self._info(run, str(experiment.name)))
        return self._reader[1]
