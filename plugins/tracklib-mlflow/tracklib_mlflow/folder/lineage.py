"""Lineage: which datasets a run used, and which models MLflow 3 logged from it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator, Mapping

from tracklib.errors import BadValueError
from tracklib_mlflow.folder.disk import Disk
from tracklib_mlflow.folder.meta import read_meta, text
from tracklib_mlflow.folder.run import Dataset, DatasetInput, FolderRun, Inputs, Tag
from tracklib_mlflow.folder.subset import Value

__all__ = ["model_ids", "read_inputs", "read_model"]


def read_inputs(disk: Disk, run: FolderRun) -> FolderRun:
    """Return a run with the datasets that it used."""
    datasets = f"{os.path.dirname(run.folder)}/datasets"
    found = []
    for meta in _metas(disk, f"{run.folder}/inputs", run.problems.append):
        if meta.get("source_type") != "DATASET":
            continue
        dataset = _dataset(disk, datasets, text(meta, "source_id"), run.problems.append)
        if dataset is not None:
            held = meta.get("tags")
            tags = tuple(Tag(key, str(value)) for key, value in held.items()) if isinstance(held, dict) else ()
            found.append(DatasetInput(dataset, tags))
    return dataclasses.replace(run, inputs=Inputs(tuple(found)))


def model_ids(disk: Disk, run: str, problem: Callable[[str], None]) -> Iterator[str]:
    """Yield the ids of the models that a run's folder names."""
    for meta in _metas(disk, f"{run}/outputs", problem):
        found = text(meta, "destination_id")
        if found is not None and meta.get("destination_type") == "MODEL_OUTPUT" and _is_name(found):
            yield found


def read_model(disk: Disk, folder: str, problem: Callable[[str], None]) -> str | None:
    """Return a model's name; ``None`` where it is not there."""
    meta = _meta(disk, folder, problem)
    return None if meta is None else text(meta, "name") or os.path.basename(folder)


def _dataset(disk: Disk, datasets: str, dataset_id: str | None, problem: Callable[[str], None]) -> Dataset | None:
    if dataset_id is None or not _is_name(dataset_id):
        problem("an input that the run used has no dataset")
        return None
    meta = _meta(disk, f"{datasets}/{dataset_id}", problem)
    if meta is None:
        return None
    name, digest, kind, source = (text(meta, word) or "" for word in ("name", "digest", "source_type", "source"))
    return Dataset(name, digest, kind, source)


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


def _is_name(text: str) -> bool:
    return text not in ("", ".", "..") and not set(text) & set("/\\\0")
