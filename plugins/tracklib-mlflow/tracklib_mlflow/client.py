"""`Client`: MLflow's client, each call in the surroundings that it needs and behind the border."""

from __future__ import annotations

import importlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from tracklib.backends.importing import SDK, import_sdk
from tracklib_mlflow.border import ExistsError, MissingError, border
from tracklib_mlflow.loudness import hush, keep_addresses
from tracklib_mlflow.points import Native
from tracklib_mlflow.registered import Registered, Registry
from tracklib_mlflow.surroundings import surroundings

if TYPE_CHECKING:
    from mlflow.entities import Experiment, Run
    from mlflow.tracking import MlflowClient

    from tracklib_mlflow.settings import MLflowSettings

__all__ = ["Client"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

_SDK = SDK("MLflow", ("mlflow-skinny", "mlflow"), (2, 18), "pip install -U 'mlflow-skinny>=2.18'")

_MAX_METRICS = 1000
_MAX_OTHERS = 100
_PAGE = 1000
_ACTIVE, _ALL = 1, 3  # mlflow.entities.ViewType


class Client:
    """What tracklib asks of MLflow; never the fluent API, never its asynchronous one.

    Raises, from every method: what `tracklib_mlflow.border.border` names.
    """

    def __init__(self, settings: MLflowSettings) -> None:
        self.settings = settings
        self._secrets = settings.secrets()
        self._variables = settings.variables()
        self._server: tuple[int, ...] | None = None
        with self.calling("connecting"):
            _probe(settings)
            tracking, self.entities = _sdk("mlflow.tracking"), _sdk("mlflow.entities")
            self.raw: MlflowClient = tracking.MlflowClient(settings.connection(), settings.registry_connection())
            keep_addresses(self.raw)

    def version(self) -> str:
        """Return the version of MLflow's client."""
        return str(_sdk("mlflow.version").VERSION)

    def server_version(self) -> tuple[int, ...]:
        """Return the numbers of the server's version; none where what answers is no MLflow that tells it."""
        if self._server is None:
            with self.calling("asking for the server's version"):
                where = _sdk("mlflow.utils.credentials").get_default_host_creds(self.settings.connection())
                reply = _sdk("mlflow.utils.rest_utils").http_request(where, "/version", "GET")
            told = re.match(r"(\d+)\.(\d+)\.", reply.text) if reply.status_code == 200 else None
            self._server = tuple(map(int, told.groups())) if told else ()
        return self._server

    @contextmanager
    def calling(self, doing: str, *, patient: bool = False) -> Iterator[None]:
        """Open the border and the surroundings for calls of MLflow.

        Args:
            patient: Files move in it, and a store behind the server may take its time.
        """
        variables = self._variables | (self.settings.patience() if patient else {})
        with border(doing, self._secrets), surroundings(variables):
            yield

    def call(self, doing: str, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Call a function of MLflow's."""
        with self.calling(doing):
            return function(*args, **kwargs)

    def experiment(self, name: str) -> Experiment | None:
        """Return an experiment by its name, deleted ones too."""
        return self.call(f"looking up the experiment {name!r}", self.raw.get_experiment_by_name, name)

    def experiments(self) -> Iterator[Experiment]:
        """Yield all experiments, deleted ones only where the settings ask for them."""
        token: str | None = None
        view = _ALL if self.settings.deleted else _ACTIVE
        while True:
            search = self.raw.search_experiments
            page = self.call("listing experiments", search, view, max_results=_PAGE, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def run(self, run_id: str) -> Run:
        """Return a run, deleted ones too."""
        return self.call(f"reading the run {run_id}", self.raw.get_run, run_id)

    def find_run(self, run_id: str) -> Run | None:
        """Return a run, or `None` where there is none of this id."""
        try:
            return self.run(run_id)
        except MissingError:
            return None

    def runs(self, experiment_ids: Sequence[str], condition: str = "") -> Iterator[Run]:
        """Yield the runs of experiments that satisfy a condition in MLflow's grammar, oldest first."""
        token: str | None = None
        view = _ALL if self.settings.deleted else _ACTIVE
        order = ["attributes.start_time ASC"]
        while True:
            page = self.call(
                "searching runs", self.raw.search_runs, list(experiment_ids), condition, view, _PAGE, order, token
            )
            yield from page
            token = page.token
            if not token:
                return

    def history(self, run_id: str, key: str) -> list[Native]:
        """Return all points of a metric, never sampled."""
        history = self.call(f"reading the metric {key!r}", self.raw.get_metric_history, run_id, key)
        return [Native(key, float(item.value), item.step, item.timestamp) for item in history]

    def registry(self) -> Registry:
        """Return which artifacts of which runs are versions of registered models, asked for once."""
        registry, aliases = Registry(), defaultdict(list)
        for model in self._all("registered models", self.raw.search_registered_models):
            for alias, version in (getattr(model, "aliases", None) or {}).items():  # since MLflow 2.3
                aliases[model.name, str(version)].append(str(alias))
        for item in self._all("model versions", self.raw.search_model_versions):
            version = Registered(str(item.name), str(item.version), tuple(aliases[item.name, str(item.version)]))
            registry.enter(version, item.run_id, str(item.source))
        return registry

    def _all(self, what: str, search: Callable[..., Any]) -> Iterator[Any]:
        token: str | None = None
        while True:
            page = self.call(f"listing {what}", search, max_results=_PAGE, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def log_points(self, run_id: str, points: Sequence[Native]) -> None:
        """Write points; those that MLflow has already stay as they are."""
        unique = list({point.identity: point for point in points}.values())
        for start in range(0, len(unique), _MAX_METRICS):
            self._log_points(run_id, unique[start : start + _MAX_METRICS])

    def _log_points(self, run_id: str, points: Sequence[Native]) -> None:
        """Write the points of one request.

        Before 3.17, MLflow takes a NaN that it has already for a new one and trips over its own primary key, which
        fails the whole request (measured with 2.18); then the points that it has are looked for by halves.
        """
        metrics = [self.entities.Metric(point.key, point.value, point.time, point.step) for point in points]
        try:
            self.call("logging metrics", self.raw.log_batch, run_id, metrics=metrics)
        except ExistsError:
            are_there = len(points) == 1
        else:
            return
        if not are_there:
            middle = len(points) // 2
            self._log_points(run_id, points[:middle])
            self._log_points(run_id, points[middle:])

    def log_params(self, run_id: str, params: Mapping[str, str]) -> None:
        """Write params that MLflow does not have yet."""
        items = [self.entities.Param(key, value) for key, value in params.items()]
        for start in range(0, len(items), _MAX_OTHERS):
            part = items[start : start + _MAX_OTHERS]
            self.call("logging params", self.raw.log_batch, run_id, params=part)

    def set_tags(self, run_id: str, tags: Mapping[str, str | None]) -> None:
        """Set tags; ``None`` removes one."""
        items = [self.entities.RunTag(key, value) for key, value in tags.items() if value is not None]
        for start in range(0, len(items), _MAX_OTHERS):
            part = items[start : start + _MAX_OTHERS]
            self.call("setting tags", self.raw.log_batch, run_id, tags=part)
        for key in [key for key, value in tags.items() if value is None]:
            self._delete_tag(run_id, key)

    def _delete_tag(self, run_id: str, key: str) -> None:
        try:
            self.call("removing a tag", self.raw.delete_tag, run_id, key)
        except MissingError:  # gone already, as the caller wishes; a run that is gone speaks up at the next call
            return


def _sdk(module: str) -> Any:
    found = import_sdk(module, _SDK)
    hush()
    return found


def _probe(settings: MLflowSettings) -> None:
    """Connect to a database server once: MLflow's store tries ten times, for minutes, before it says that it can't."""
    uri = settings.connection()
    if not settings.is_database() or uri.startswith("sqlite"):
        return
    sqlalchemy = importlib.import_module("sqlalchemy")
    engine = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.pool.NullPool)
    try:
        engine.connect().close()
    finally:
        engine.dispose()
