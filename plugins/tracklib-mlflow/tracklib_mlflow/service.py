"""`Service`: runs read from MLflow's server or database, by its own client."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from tracklib.model.query import RunQuery
from tracklib_mlflow.border import MissingError
from tracklib_mlflow.client import Client
from tracklib_mlflow.files import Files
from tracklib_mlflow.held import HeldRun, Registered
from tracklib_mlflow.points import Native
from tracklib_mlflow.runs import of_id, without_twins
from tracklib_mlflow.settings import MLflowSettings

__all__ = ["Service"]

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,255}\Z")
_EXPERIMENTS_AT_ONCE = 200


class Service:
    """Reads what MLflow's client gives."""

    left_out: Mapping[str, int] = {}

    def __init__(self, settings: MLflowSettings) -> None:
        self._settings = settings
        self._client = Client(settings)

    def runs(self, query: RunQuery, /) -> Iterator[tuple[HeldRun, str]]:
        """Yield the runs that may satisfy a query; deleted ones only where the settings ask for them."""
        names = self._experiments()
        for run in self._candidates(query, list(names)):
            is_meant = self._settings.deleted or run.info.lifecycle_stage == "active"
            if is_meant and run.info.experiment_id in names:
                yield run, names[run.info.experiment_id]

    def run(self, place: str, /) -> tuple[HeldRun, str]:
        """Return the run of MLflow's own id."""
        run = self._client.run(place)
        get = self._client.raw.get_experiment
        experiment = self._client.call("reading the experiment", get, run.info.experiment_id)
        return run, str(experiment.name)

    def delete(self, place: str, /) -> bool:
        """Delete the run of MLflow's own id."""
        try:
            self._client.call(f"deleting the run {place}", self._client.raw.delete_run, place)
        except MissingError:
            return False
        return True

    def files(self, run: HeldRun, /) -> Files:
        """Return a run's artifacts."""
        return self._files(str(run.info.artifact_uri))

    def models(self, run: HeldRun, /) -> Iterator[tuple[str, str, Files]]:
        """Yield the models that MLflow 3 logged from a run."""
        outputs = getattr(run, "outputs", None)
        for output in getattr(outputs, "model_outputs", None) or ():
            model = self._client.call("reading a model", self._client.raw.get_logged_model, output.model_id)
            yield str(output.model_id), str(model.name), self._files(str(model.artifact_location))

    def registered(self, run: HeldRun, /) -> Mapping[str, Registered]:
        """Return nothing: the aliases of a run's models are not asked for."""
        _ = run
        return {}

    def history(self, run: HeldRun, key: str, /) -> Iterable[Native]:
        """Return all points of a metric."""
        return self._client.history(run.info.run_id, key)

    def problems(self, run: HeldRun, /) -> Sequence[str]:
        """Return nothing: what the client cannot read, it raises for."""
        _ = run
        return ()

    def page(self, run: HeldRun, /) -> str | None:
        """Return the address of a run's page."""
        return self._settings.page(run.info.experiment_id, run.info.run_id)

    def _files(self, uri: str) -> Files:
        return Files(self._client, uri, Path(tempfile.gettempdir()))

    def _experiments(self) -> dict[str, str]:
        """Return the names of the experiments that are meant, by their ids."""
        wanted = self._settings.experiment
        if wanted is None:
            return {str(item.experiment_id): str(item.name) for item in self._client.experiments()}
        found = self._client.experiment(wanted)
        return {str(found.experiment_id): wanted} if found is not None else {}

    def _candidates(self, query: RunQuery, experiment_ids: list[str]) -> Iterator[HeldRun]:
        """Yield the runs that may satisfy a query, asking MLflow for as few as its own search can name."""
        wanted = {query.place, query.id} - {None}
        if query.place is not None or query.id is not None:
            found = [run for run in map(self._find, wanted) if run is not None]
            ours = of_id(self._client, experiment_ids, query.id) if query.id is not None else []
            yield from {run.info.run_id: run for run in (*without_twins(ours), *found)}.values()
            return
        for start in range(0, len(experiment_ids), _EXPERIMENTS_AT_ONCE):
            yield from without_twins(self._client.runs(experiment_ids[start : start + _EXPERIMENTS_AT_ONCE]))

    def _find(self, run_id: str | None) -> HeldRun | None:
        """Return the run of MLflow's own id; what cannot be one is not asked for."""
        return self._client.find_run(run_id) if run_id is not None and _RUN_ID.match(run_id) else None
