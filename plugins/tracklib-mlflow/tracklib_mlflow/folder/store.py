"""`Folder`: MLflow's file store of any version, read from the disk."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from tracklib.errors import BadValueError, ConfigError, RejectedError
from tracklib.model.query import RunQuery
from tracklib_mlflow import tags
from tracklib_mlflow.folder.disk import Disk, Entry
from tracklib_mlflow.folder.files import FolderFiles
from tracklib_mlflow.folder.lineage import model_ids, read_inputs, read_model
from tracklib_mlflow.folder.meta import META, lifecycle, read_meta, text
from tracklib_mlflow.folder.points import read_points
from tracklib_mlflow.folder.registry import Registry, read_registry
from tracklib_mlflow.folder.run import ARTIFACTS, TAGS, FolderRun, open_run
from tracklib_mlflow.held import HeldRun, Registered
from tracklib_mlflow.identity import is_ours
from tracklib_mlflow.points import Identity, Native
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
        self._registry: Registry | None = None
        self.left_out: Counter[str] = Counter()

    def runs(self, query: RunQuery, /) -> Iterator[tuple[FolderRun, str]]:
        """Yield the runs that may satisfy a query."""
        self.left_out = Counter()
        for experiment in self._experiments():
            for folder in self._folders(experiment):
                if not self._may_be(query, folder):
                    continue
                run = self._run(experiment, folder, is_listed=True)
                if run is None:
                    continue
                is_deleted = experiment.is_deleted or run.info.lifecycle_stage == "deleted"
                if is_deleted and not self._settings.deleted:
                    self.left_out["deleted runs"] += 1
                else:
                    yield run, experiment.name

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
        """Return a run's artifacts: those of its own folder, as its URI may be another machine's."""
        held = _own(run)
        folder = f"{held.folder}/{ARTIFACTS}"
        if held.info.artifact_uri and _lies_elsewhere(held) and not self._disk.entries(folder, lambda _: None):
            told = f"its artifacts lie at {held.info.artifact_uri}, outside of the folder, and are not read"
            if told not in held.problems:
                held.problems.append(told)
        return FolderFiles(self._disk, folder, held.problems.append)

    def models(self, run: HeldRun, /) -> Iterator[tuple[str, str, FolderFiles]]:
        """Yield the models that MLflow 3 logged from a run."""
        held = _own(run)
        for model_id in model_ids(self._disk, held.folder, held.problems.append):
            folder = f"{os.path.dirname(held.folder)}/{_MODELS}/{model_id}"
            name = read_model(self._disk, folder, held.problems.append)
            if name is not None:
                yield model_id, name, FolderFiles(self._disk, f"{folder}/{ARTIFACTS}", held.problems.append)

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

    def problems(self, run: HeldRun, /) -> Sequence[str]:
        """Return what could not be read of a run so far."""
        return _own(run).problems

    def page(self, run: HeldRun, /) -> str | None:
        """Return nothing: a folder has no pages."""
        _ = run
        return None

    def _experiments(self) -> list[_Experiment]:
        """Return the experiments that are meant.

        Raises:
            ConfigError: There is none at all.
        """
        active = self._subfolders(self._disk.root, _NO_EXPERIMENTS)
        found = [self._experiment(entry, is_deleted=False) for entry in active]
        trash = self._subfolders(f"{self._disk.root}/{_TRASH}", _NO_EXPERIMENTS)
        found += [self._experiment(entry, is_deleted=True) for entry in trash]
        known = [experiment for experiment in found if experiment is not None]
        if not known:
            hint = f"; did you mean {self._disk.root}/mlruns?" if os.path.isdir(f"{self._disk.root}/mlruns") else ""
            raise ConfigError(f"expected a folder of MLflow's, as mlruns is, got none at {self._disk.root}{hint}")
        wanted = self._settings.experiment
        return [experiment for experiment in known if wanted in (None, experiment.name)]

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


def _lies_elsewhere(run: FolderRun) -> bool:
    """Tell whether a run's artifacts were never in its own folder, wherever that was then."""
    parts = urlsplit(run.info.artifact_uri.replace("\\", "/"))
    is_local = parts.scheme in ("", "file") or len(parts.scheme) == 1  # a drive of Windows
    return not is_local or not parts.path.endswith(f"/{run.info.experiment_id}/{run.info.run_id}/{ARTIFACTS}")


def _what(path: str) -> str:
    return "a file" if os.path.exists(path) else "nothing"
