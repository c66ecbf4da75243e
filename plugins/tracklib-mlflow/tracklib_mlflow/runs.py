"""Runs: experiments and runs at MLflow, found or made, so that one run of tracklib's is one run there."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from tracklib.errors import RejectedError, TransientError
from tracklib.model.run import RunInfo
from tracklib_mlflow import tags, texts
from tracklib_mlflow.border import ExistsError
from tracklib_mlflow.client import Client
from tracklib_mlflow.points import NS
from tracklib_mlflow.wire import Wire

if TYPE_CHECKING:
    from mlflow.entities import Run

__all__ = [
    "check_active",
    "display_name",
    "experiment_name",
    "identity",
    "milliseconds",
    "of_id",
    "open_experiment",
    "open_run",
    "remove_twins",
    "without_twins",
]

_MAX_EXPERIMENT_NAME = 256
"""MLflow allows 500, but its own column has 256, which PostgreSQL enforces."""

_MAX_RUN_NAME = 250
"""Characters of MLflow's own column, which PostgreSQL enforces."""

_LOOK_AGAIN = 60.0
_UNHOLDABLE = re.compile("[\x00\ud800-\udfff]")


def milliseconds(nanoseconds: int) -> int:
    """Return a time as MLflow holds it; 0 would mean "now" to it."""
    return max(1, nanoseconds // NS)


def experiment_name(project: str) -> str:
    """Return the experiment of a project; the project's name itself stands in a tag of each run."""
    if project and len(project) <= _MAX_EXPERIMENT_NAME and not _UNHOLDABLE.search(project):
        return project
    mark = f"~{texts.digest(project)}~"
    return _UNHOLDABLE.sub("?", project[: _MAX_EXPERIMENT_NAME - len(mark)]) + mark


def open_experiment(client: Client, name: str) -> str:
    """Return the id of an experiment, which is made where there is none; many processes may do so at once.

    Raises:
        TransientError: It was deleted, and MLflow gives its name to no other; somebody has to restore it.
    """
    found = client.experiment(name)
    if found is None:
        try:
            return str(client.call(f"creating the experiment {name!r}", _create_experiment, client, name))
        except ExistsError:  # another process was faster
            found = client.experiment(name)
    if found is None or found.lifecycle_stage != "active":
        where = f": restore it with `mlflow experiments restore --experiment-id {found.experiment_id}`" if found else ""
        raise TransientError(f"the experiment {name!r} was deleted in MLflow{where}", retry_after=_LOOK_AGAIN)
    return str(found.experiment_id)


def _create_experiment(client: Client, name: str) -> str:
    """Create an experiment; with a database and no server, its files go below the root of the settings.

    Left to itself, MLflow would take the working directory of whichever process comes first.
    """
    root = client.settings.artifact_root
    if root is None or not client.settings.is_database():
        return client.raw.create_experiment(name)
    folder = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:60].strip(".-") or "experiment"
    return client.raw.create_experiment(name, artifact_location=f"{root}/{folder}-{texts.digest(name)[:8]}")


def display_name(name: str) -> str:
    """Return a run's name as MLflow's own column takes it."""
    return _UNHOLDABLE.sub("?", name)[:_MAX_RUN_NAME]


def open_run(client: Client, info: RunInfo, vendor_id: str | None, *, is_begun: bool) -> Run:
    """Return the run at MLflow: the one that is remembered, or is found by its tags, or a new one.

    Args:
        is_begun: Records are confirmed already, which a new run would lack.

    Raises:
        TransientError: It was deleted; somebody has to restore it.
        RejectedError: It is gone for good, with records that would not come again.
    """
    remembered = client.find_run(vendor_id) if vendor_id is not None else None
    if remembered is None and vendor_id is not None and is_begun:
        raise RejectedError(
            f"the run {info.id!r}, MLflow's {vendor_id}, is no longer in MLflow; to deliver all of it again, remove its "
            "receipt"
        )
    if remembered is None:
        experiment_id = open_experiment(client, client.settings.experiment or experiment_name(info.project))
        remembered = _oldest(client, experiment_id, info) or _create_run(client, experiment_id, info)
    check_active(remembered)
    return remembered


def check_active(run: Run) -> None:
    """Raise where somebody deleted a run: its records wait, for they are as good as ever.

    Raises:
        TransientError: It was deleted.
    """
    if run.info.lifecycle_stage != "active":
        run_id = run.info.run_id
        remedy = f"restore it with `mlflow runs restore --run-id {run_id}`"
        raise TransientError(f"the run {run_id} was deleted in MLflow: {remedy}", retry_after=_LOOK_AGAIN)


def of_id(client: Client, experiment_ids: list[str], run_id: str) -> list[Run]:
    """Return the runs that are one run of tracklib's."""
    condition = f"tags.`{tags.KEY}` = '{tags.run_key(run_id)}'"
    return list(client.runs(experiment_ids, condition)) if experiment_ids else []


def _oldest(client: Client, experiment_id: str, info: RunInfo) -> Run | None:
    project = texts.as_held(info.project, texts.MAX_TAG)
    found = [run for run in of_id(client, [experiment_id], info.id) if run.data.tags.get(tags.PROJECT) == project]
    return min(found, key=_rank, default=None)


def _rank(run: Run) -> tuple[bool, int, str]:
    """Return what several runs of one id are ordered by: the one that was written to comes first, then the oldest."""
    return not _is_begun(run), int(run.data.tags.get(tags.CREATED, 0)), run.info.run_id


def _is_begun(run: Run) -> bool:
    """Tell whether anything was written to a run since it was made."""
    return tags.RESUMED in run.data.tags or bool(run.data.metrics) or bool(run.data.params)


def without_twins(runs: Iterable[Run]) -> Iterator[Run]:
    """Leave out empty runs beside one of the same id: MLflow made them when nobody waited any more for its answer."""
    begun: set[tuple[str | None, ...]] = set()
    waiting: list[Run] = []
    for run in runs:
        if tags.KEY in run.data.tags and not _is_begun(run):
            waiting.append(run)
            continue
        begun.add(_who(run))
        yield run
    yield from (run for run in waiting if _who(run) not in begun)


def _who(run: Run) -> tuple[str | None, ...]:
    return run.info.experiment_id, run.data.tags.get(tags.KEY), run.data.tags.get(tags.PROJECT)


def remove_twins(client: Client, run: Run, info: RunInfo) -> None:
    """Delete the empty twins of a run that was written to."""
    same = [other for other in of_id(client, [run.info.experiment_id], info.id) if _who(other) == _who(run)]
    if any(other.info.run_id == run.info.run_id and _is_begun(other) for other in same):
        for twin in (other for other in same if not _is_begun(other)):
            client.call("removing a second run of one id", client.raw.delete_run, twin.info.run_id)


def _create_run(client: Client, experiment_id: str, info: RunInfo) -> Run:
    """Create a run; where another process did so at the same time, the older one stays."""
    wanted = identity(info)[0]
    if (parent := _parent_run(client, experiment_id, info)) is not None:
        wanted[tags.PARENT_RUN] = parent
    wanted[tags.CREATED] = str(time.time_ns())
    run = client.call(
        "creating the run",
        client.raw.create_run,
        experiment_id,
        start_time=milliseconds(info.started),
        tags=wanted,
        run_name=wanted[tags.RUN_NAME],
    )
    oldest = _oldest(client, experiment_id, info)
    if oldest is None or oldest.info.run_id == run.info.run_id:
        return run
    client.call("removing a second run of one id", client.raw.delete_run, run.info.run_id)
    return oldest


def identity(info: RunInfo) -> tuple[dict[str, str], Wire]:
    """Return the tags that say who a run is, and the companion texts behind them."""
    wire = Wire()
    named: Mapping[str, str | None] = {
        tags.RUN_NAME: display_name(info.name or info.id),
        tags.NAME: info.name,
        tags.RUN_ID: info.id,
        tags.PROJECT: info.project,
        tags.GROUP: info.group,
        tags.JOB_TYPE: info.job_type,
        tags.PARENT: info.parent,
        tags.ATTEMPT: str(info.attempt),
        tags.STARTED: str(info.started),
        tags.KEY: tags.run_key(info.id),
    }
    return {key: wire.value(value, texts.MAX_TAG) for key, value in named.items() if value is not None}, wire


def _parent_run(client: Client, experiment_id: str, info: RunInfo) -> str | None:
    """Return the id of the parent's run, in whose row MLflow's table then shows this one."""
    if info.parent is None:
        return None
    found = of_id(client, [experiment_id], info.parent)
    return str(found[0].info.run_id) if found else None
