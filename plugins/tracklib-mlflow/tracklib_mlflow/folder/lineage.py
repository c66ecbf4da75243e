"""Lineage: which datasets a run used, and which models MLflow 3 logged from it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping

from tracklib.errors import BadValueError
from tracklib_mlflow.folder.disk import Disk
from tracklib_mlflow.folder.meta import read_meta, text
from tracklib_mlflow.folder.run import PARAMS, TAGS, Dataset, DatasetInput, FolderRun, Inputs, Tag, read_texts
from tracklib_mlflow.folder.subset import Value

__all__ = ["LoggedModel", "is_name", "model_ids", "read_inputs", "read_model"]


@dataclasses.dataclass(frozen=True, slots=True)
class LoggedModel:
    """A model of MLflow 3.

    Attributes:
        source_run_id: The run that made it.
        location: Where its files were when it was logged.
    """

    name: str
    source_run_id: str | None
    location: str
    model_type: str | None
    params: Mapping[str, str]
    tags: Mapping[str, str]


def read_inputs(disk: Disk, run: FolderRun) -> FolderRun:
    """Return a run with the datasets and models that it used."""
    datasets = f"{os.path.dirname(run.folder)}/datasets"
    found, models = [], []
    for meta in _metas(disk, f"{run.folder}/inputs", run.problems.append):
        source = text(meta, "source_id")
        if meta.get("source_type") == "MODEL" and source is not None and is_name(source):
            models.append(source)
        if meta.get("source_type") != "DATASET":
            continue
        dataset = _dataset(disk, datasets, source, run.problems.append)
        if dataset is not None:
            held = meta.get("tags")
            tags = tuple(Tag(key, str(value)) for key, value in held.items()) if isinstance(held, dict) else ()
            found.append(DatasetInput(dataset, tags))
    return dataclasses.replace(run, inputs=Inputs(tuple(found), tuple(models)))


def model_ids(disk: Disk, run: str, problem: Callable[[str], None]) -> Iterator[str]:
    """Yield the ids of the models that a run's folder names."""
    for meta in _metas(disk, f"{run}/outputs", problem):
        found = text(meta, "destination_id")
        if found is not None and meta.get("destination_type") == "MODEL_OUTPUT" and is_name(found):
            yield found


def read_model(disk: Disk, folder: str, problem: Callable[[str], None]) -> LoggedModel | None:
    """Return a model; ``None`` where it is not there."""
    meta = _meta(disk, folder, problem)
    if meta is None:
        return None
    name = text(meta, "name") or os.path.basename(folder)
    params, tags = (read_texts(disk, f"{folder}/{kind}", problem) for kind in (PARAMS, TAGS))
    location = text(meta, "artifact_location") or ""
    return LoggedModel(name, text(meta, "source_run_id"), location, text(meta, "model_type"), params, tags)


def _dataset(disk: Disk, datasets: str, dataset_id: str | None, problem: Callable[[str], None]) -> Dataset | None:
    if dataset_id is None or not is_name(dataset_id):
        problem("an input that the run used has no dataset")
        return None
    meta = _meta(disk, f"{datasets}/{dataset_id}", problem)
    if meta is None:
        return None
    return Dataset(*(text(meta, field.name) or "" for field in dataclasses.fields(Dataset)))


def _metas(disk: Disk, folder: str, problem: Callable[[str], None]) -> Iterator[Mapping[str, Value]]:
    for entry in disk.entries(folder, problem):
        if entry.is_folder and (meta := _meta(disk, entry.path, problem)) is not None:
            yield meta


def _meta(disk: Disk, folder: str, problem: Callable[[str], None]) -> Mapping[str, Value] | None:
    try:
        return read_meta(disk, folder)
    except FileNotFoundError:
        problem(f"{disk.name(folder)} is named, and is not there")
    except BadValueError as error:
        problem(str(error))
    return None


def is_name(text: str) -> bool:
    """Tell whether a text names something in a folder, and no other place."""
    return text not in ("", ".", "..") and not set(text) & set("/\\\0")
