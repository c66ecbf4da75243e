"""`Folder`: MLflow's file store of any version, read from the disk."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tracklib.backends.contract import Leftover
from tracklib.errors import BadValueError, ConfigError, RejectedError
from tracklib.model.query import RunQuery
from tracklib.model.records import Input
from tracklib_mlflow import tags
from tracklib_mlflow.folder.artifacts import Artifacts
from tracklib_mlflow.folder.disk import Disk, Entry
from tracklib_mlflow.folder.files import FolderFiles
from tracklib_mlflow.folder.lineage import model_ids, read_inputs, read_model
from tracklib_mlflow.folder.meta import META, lifecycle, read_meta, text
from tracklib_mlflow.folder.points import read_points
from tracklib_mlflow.folder.registry import read_registry
from tracklib_mlflow.folder.run import TAGS, FolderRun, open_run
from tracklib_mlflow.held import HeldModel, HeldRun
from tracklib_mlflow.identity import is_ours
from tracklib_mlflow.points import Identity, Native
from tracklib_mlflow.registered import Registered, Registry
from tracklib_mlflow.settings import MLflowSettings

__all__ = ["Folder"]

_TRASH = ".trash"
_MODELS = "models"
_NO_RUNS = frozenset({TAGS, "datasets", "traces", _MODELS})
_NO_EXPERIMENTS = frozenset({_TRASH, _MODELS})


@dataclass(frozen=True, slots=True)
class _Experiment:
    """An experiment.

    Attributes:
        problem: Why its ``meta.yaml`` does not say its name, for which its id stands then.
    """

    id: str
    folder: str
    name: str
    is_deleted: bool
    problem: str = ""


class Folder:
    """Reads ``mlruns``.

    A run whose folder is damaged is listed as failed, and raises when it is read.
    """

    def __init__(self, path: str, settings: MLflowSettings) -> None:
        if not os.path.isdir(path):
            raise ConfigError(f"expected a folder of MLflow's at {path}, got {_what(path)}")
        self._disk = Disk(path)
        self._settings = settings
        self._artifacts = Artifacts(self._disk)
        self._found: list[_Experiment] | None = None
        self._registry: Registry | None = None
        self.left_out: Counter[str] = Counter()

    def runs(self, query: RunQuery, /) -> Iterator[tuple[FolderRun, str]]:
        """Yield the runs that may satisfy a query, the oldest of each experiment first: a parent before its children."""
        self.left_out, self._found = Counter(), None
        for experiment in self._experiments():
            folders = (folder for folder in self._folders(experiment) if self._may_be(query, folder))
            found = (self._run(experiment, folder, is_listed=True) for folder in folders)
            meant = [run for run in found if run is not None and self._is_meant(experiment, run)]
            for run in sorted(meant, key=lambda run: (run.info.start_time or 0, run.info.run_id)):
                yield run, experiment.name

    def _is_meant(self, experiment: _Experiment, run: FolderRun) -> bool:
        is_deleted = experiment.is_deleted or run.info.lifecycle_stage == "deleted"
        if is_deleted and not self._settings.deleted:
            self.left_out["deleted runs"] += 1
            return False
        return True

    def run(self, place: str, /) -> tuple[FolderRun, str]:
        """Return the run of MLflow's own id."""
        for experiment in self._experiments():
            folder = f"{experiment.folder}/{place}"
            if place in ("", ".", "..") or "/" in place or os.sep in place or not os.path.isdir(folder):
                continue
            run = self._run(experiment, folder, is_listed=False)
            if run is None:
                continue
            if run.broken:
                raise RejectedError(f"the run {place} in {self._disk.root} cannot be read: {run.broken}")
            if experiment.problem:
                run.problems.append(experiment.problem)
            return run, experiment.name
        raise RejectedError(f"the folder {self._disk.root} holds no run {place!r}")

    def delete(self, place: str, /) -> bool:
        """Refuse: a folder is only read."""
        raise RejectedError(f"expected an MLflow server or database to delete the run {place} from, got a folder")

    def files(self, run: HeldRun, /) -> FolderFiles:
        """Return a run's artifacts."""
        held = _own(run)
        return self._artifacts.of(held.folder, held.info.artifact_uri, held.problems)

    def models(self, run: HeldRun, /) -> Iterator[HeldModel]:
        """Yield the models that MLflow 3 logged from a run."""
        held = _own(run)
        for model_id in model_ids(self._disk, held.folder, held.problems.append):
            folder = f"{os.path.dirname(held.folder)}/{_MODELS}/{model_id}"
            model = read_model(self._disk, folder, held.problems.append)
            if model is not None:
                files = self._artifacts.of(folder, model.location, held.problems)
                yield HeldModel(model_id, model.name, files, model.model_type, model.params, model.tags)

    def used_models(self, run: HeldRun, /) -> Iterator[Input]:
        """Yield the models of MLflow 3 that a run used."""
        for model_id in _own(run).inputs.model_ids:
            folders = (f"{experiment.folder}/{_MODELS}/{model_id}" for experiment in self._all_experiments())
            folder = next((folder for folder in folders if os.path.isdir(folder)), None)
            model = None if folder is None else read_model(self._disk, folder, _own(run).problems.append)
            name, source = (model_id, None) if model is None else (model.name, model.source_run_id)
            yield Input(name, "model", model_id, source)

    def registered(self, run: HeldRun, /) -> Mapping[str, Registered]:
        """Return what the folder's registry says of a run's artifacts."""
        if self._registry is None:
            self._registry = read_registry(self._disk, f"{self._disk.root}/{_MODELS}")
            self.left_out.update(self._registry.problems)
        return self._registry.of_run(_own(run).info.run_id)

    def history(self, run: HeldRun, key: str, /) -> Iterable[Native]:
        """Return all points of a metric; of a run of tracklib's, one that was sent twice once, as MLflow itself has it."""
        held = _own(run)
        points = read_points(self._disk, held.data.metrics[key], key, held.problems.append)
        return _once(points) if is_ours(run) else points

    def leftovers(self) -> Iterator[Leftover]:
        """Yield what the folder holds that belongs to no run: its registry, and the experiments' traces."""
        for kind, folder in self._beside_runs():
            for entry in self._disk.entries(folder, lambda _: None):
                if entry.is_folder:
                    yield Leftover(kind, entry.name)

    def _beside_runs(self) -> Iterator[tuple[str, str]]:
        yield "registered model", f"{self._disk.root}/{_MODELS}"
        yield from (("trace", f"{experiment.folder}/traces") for experiment in self._experiments())

    def problems(self, run: HeldRun, /) -> Sequence[str]:
        """Return what could not be read of a run so far."""
        return _own(run).problems

    def page(self, run: HeldRun, /) -> str | None:
        """Return nothing: a folder has no pages."""
        _ = run
        return None

    def _experiments(self) -> list[_Experiment]:
        """Return the experiments that are meant."""
        wanted = self._settings.experiment
        return [experiment for experiment in self._all_experiments() if wanted in (None, experiment.name)]

    def _all_experiments(self) -> list[_Experiment]:
        """Return all experiments, as they were at the last `runs`.

        Raises:
            ConfigError: There is none at all.
        """
        if self._found is None:
            places = (self._disk.root, False), (f"{self._disk.root}/{_TRASH}", True)
            found = [
                self._experiment(entry, is_deleted=is_deleted)
                for folder, is_deleted in places
                for entry in self._subfolders(folder, _NO_EXPERIMENTS)
            ]
            self._found = [experiment for experiment in found if experiment is not None]
        if not self._found:
            hint = f"; did you mean {self._disk.root}/mlruns?" if os.path.isdir(f"{self._disk.root}/mlruns") else ""
            raise ConfigError(f"expected a folder of MLflow's, as mlruns is, got none at {self._disk.root}{hint}")
        return self._found

    def _experiment(self, entry: Entry, *, is_deleted: bool) -> _Experiment | None:
        try:
            meta = read_meta(self._disk, entry.path)
        except FileNotFoundError:
            # Beside a database, MLflow keeps artifacts in folders of this shape; such a one holds no runs.
            if not any(os.path.exists(f"{run.path}/{META}") for run in self._subfolders(entry.path, _NO_RUNS)):
                return None
            meta, problem = {}, f"{entry.name} has no {META}"
        except BadValueError as error:
            meta, problem = {}, str(error)
        else:
            problem = ""
        name = text(meta, "name")
        if name is None:
            problem = f"{problem or f'{entry.name}/{META} names no experiment'}; its id stands for its name"
        return _Experiment(
            entry.name, entry.path, name or entry.name, is_deleted or lifecycle(meta) == "deleted", problem
        )

    def _folders(self, experiment: _Experiment) -> Iterator[str]:
        return (entry.path for entry in self._subfolders(experiment.folder, _NO_RUNS))

    def _subfolders(self, folder: str, left: frozenset[str]) -> list[Entry]:
        found = self._disk.entries(folder, self._leave)
        return [entry for entry in found if entry.is_folder and entry.name not in left]

    def _leave(self, problem: str) -> None:
        self.left_out[problem] += 1

    def _may_be(self, query: RunQuery, folder: str) -> bool:
        """Tell whether a folder may be the run of a query's ids, looking at one file at most."""
        name = os.path.basename(folder)
        if query.place is not None and name != query.place:
            return False
        if query.id is None or query.id == name:
            return True
        try:
            return self._disk.content(f"{folder}/{TAGS}/{tags.KEY}", 64) == tags.run_key(query.id).encode()
        except OSError:
            return False

    def _run(self, experiment: _Experiment, folder: str, *, is_listed: bool) -> FolderRun | None:
        try:
            run = open_run(self._disk, folder, experiment.id, is_listed=is_listed)
        except FileNotFoundError:
            return None
        if not is_listed and not run.broken:
            return read_inputs(self._disk, run)
        return run


def _own(run: HeldRun) -> FolderRun:
    assert isinstance(run, FolderRun), "a folder is asked for its own runs"
    return run


def _once(points: Iterable[Native]) -> Iterator[Native]:
    seen: set[Identity] = set()
    for point in points:
        if point.identity not in seen:
            seen.add(point.identity)
            yield point


def _what(path: str) -> str:
    return "a file" if os.path.exists(path) else "nothing"
