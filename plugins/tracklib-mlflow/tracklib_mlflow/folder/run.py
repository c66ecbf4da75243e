"""`FolderRun`: one run of a folder, with the attributes of MLflow's own `Run`, as far as they are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tracklib.errors import BadValueError
from tracklib_mlflow import tags
from tracklib_mlflow.folder.disk import Disk
from tracklib_mlflow.folder.meta import lifecycle, read_meta, run_status, text, whole_number
from tracklib_mlflow.folder.subset import Value

__all__ = ["ARTIFACTS", "Dataset", "DatasetInput", "FolderRun", "Inputs", "RunData", "RunDetails", "Tag", "open_run"]

ARTIFACTS, METRICS, PARAMS, TAGS = "artifacts", "metrics", "params", "tags"

_LARGEST_TEXT = 64 << 20
# mlflow.entities.SourceType, as versions before 1.0 wrote it into meta.yaml; since then it is a tag.
_SOURCE_TYPES = {1: "NOTEBOOK", 2: "JOB", 3: "PROJECT", 4: "LOCAL"}
_OLD_TAGS = {
    tags.USER: "user_id",
    tags.SOURCE_NAME: "source_name",
    tags.GIT_COMMIT: "source_version",
    "mlflow.project.entryPoint": "entry_point_name",
}


@dataclass(frozen=True, slots=True)
class RunDetails:
    """Who a run is: `mlflow.entities.RunInfo`."""

    run_id: str
    experiment_id: str
    run_name: str = ""
    status: str = "FAILED"
    start_time: int | None = None
    end_time: int | None = None
    lifecycle_stage: str = "active"
    artifact_uri: str = ""


@dataclass(frozen=True, slots=True)
class RunData:
    """What a run holds: `mlflow.entities.RunData`; of each metric the path of its file."""

    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of an input."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset: `mlflow.entities.Dataset`."""

    name: str
    digest: str
    source_type: str
    source: str


@dataclass(frozen=True, slots=True)
class DatasetInput:
    """A dataset that a run used."""

    dataset: Dataset
    tags: tuple[Tag, ...]


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a run used."""

    dataset_inputs: tuple[DatasetInput, ...] = ()


@dataclass(frozen=True, slots=True)
class FolderRun:
    """A run.

    Attributes:
        folder: Where it lies.
        broken: Why it cannot be read; empty where it can.
        problems: What could not be read of it so far.
    """

    folder: str
    info: RunDetails
    data: RunData = field(default_factory=RunData)
    inputs: Inputs = field(default_factory=Inputs)
    broken: str = ""
    problems: list[str] = field(default_factory=list)


def open_run(disk: Disk, folder: str, experiment_id: str, *, is_listed: bool) -> FolderRun:
    """Return the run of a folder; a damaged one says so.

    Args:
        is_listed: Only who it is matters: its params, metrics and most of its tags are not read.

    Raises:
        FileNotFoundError: It is no folder of a run: it has no ``meta.yaml``, and nothing else that a run has.
    """
    run_id = folder.rpartition("/")[2]
    problems: list[str] = []
    try:
        meta = read_meta(disk, folder, is_known=is_listed)
        held = _read_texts(disk, f"{folder}/{TAGS}", problems.append, _is_identity if is_listed else None)
        info = _details(meta, run_id, experiment_id, held)
    except FileNotFoundError:
        if not {METRICS, PARAMS, TAGS} & {entry.name for entry in disk.entries(folder, problems.append)}:
            raise
        return FolderRun(folder, RunDetails(run_id, experiment_id), broken="it has no meta.yaml", problems=problems)
    except BadValueError as error:
        return FolderRun(folder, RunDetails(run_id, experiment_id), broken=str(error), problems=problems)
    held = _old_tags(meta) | held
    if is_listed:
        return FolderRun(folder, info, RunData(tags=held), problems=problems)
    params = _read_texts(disk, f"{folder}/{PARAMS}", problems.append)
    if _is_old(meta):
        params = {key: value.strip() for key, value in params.items()}  # as its own reader did: there was a line feed
    metrics = dict(disk.walk(f"{folder}/{METRICS}", problems.append))
    return FolderRun(folder, info, RunData(params, held, metrics), problems=problems)


def _details(meta: Mapping[str, Value], run_id: str, experiment_id: str, held: Mapping[str, str]) -> RunDetails:
    told = text(meta, "run_id", "run_uuid")
    if told != run_id:
        raise BadValueError(f"its meta.yaml is that of another run, {told!r:.60}")
    return RunDetails(
        run_id,
        experiment_id,
        text(meta, "run_name") or held.get(tags.RUN_NAME) or text(meta, "name") or "",
        run_status(meta),
        whole_number(meta, "start_time"),
        whole_number(meta, "end_time"),
        lifecycle(meta),
        text(meta, "artifact_uri") or "",
    )


def _is_identity(key: str) -> bool:
    return key.startswith("tracklib.") or key in (tags.RUN_NAME, tags.PARENT_RUN)


def _read_texts(
    disk: Disk, folder: str, problem: Callable[[str], None], wanted: Callable[[str], bool] | None = None
) -> dict[str, str]:
    """Return the texts of a folder's files by their names; ``wanted`` is asked for the first part of each."""
    found = {}
    for key, path in disk.walk(folder, problem, wanted=wanted):
        try:
            found[key] = disk.content(path, _LARGEST_TEXT, is_known=True).decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            problem(f"{disk.name(path)} cannot be read: {error}")
    return found


def _is_old(meta: Mapping[str, Value]) -> bool:
    """Tell whether a version before 1.0 wrote a run: those know no ``run_id``."""
    return "run_id" not in meta


def _old_tags(meta: Mapping[str, Value]) -> dict[str, str]:
    """Return as tags what versions before 1.0 wrote into meta.yaml; later ones leave it empty there, or repeat it."""
    if not _is_old(meta):
        return {}
    found = {tag: value for tag, name in _OLD_TAGS.items() if (value := text(meta, name)) is not None}
    kind = meta.get("source_type")
    if isinstance(kind, int) and kind in _SOURCE_TYPES:
        found["mlflow.source.type"] = _SOURCE_TYPES[kind]
    listed = meta.get("tags")
    for item in listed if isinstance(listed, list) else ():
        if isinstance(item, dict) and (key := text(item, "key", "_key")) is not None:
            found[key] = text(item, "value", "_value") or ""
    return found
