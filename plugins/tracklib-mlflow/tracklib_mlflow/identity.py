"""Identities: a run of MLflow's as the run that tracklib knows."""

from __future__ import annotations

from collections.abc import Mapping

from tracklib.model.run import RunInfo
from tracklib_mlflow import status, tags, texts
from tracklib_mlflow.held import HeldRun
from tracklib_mlflow.names import Lookup
from tracklib_mlflow.points import NS
from tracklib_mlflow.runs import display_name, milliseconds

__all__ = ["info_of", "is_ours"]


def is_ours(run: HeldRun) -> bool:
    """Tell whether tracklib wrote a run."""
    return tags.RUN_ID in run.data.tags and tags.KEY in run.data.tags


def info_of(run: HeldRun, experiment: str, url: str | None, lookup: Lookup) -> RunInfo:
    """Return who a run is: what tracklib wrote of it, wherever MLflow's own columns still agree."""
    held = {key: texts.whole(value, lookup) for key, value in run.data.tags.items() if key.startswith("tracklib.")}
    state = status.read(run.info.status, held.get(tags.STATUS))
    started = _exact(held.get(tags.STARTED), run.info.start_time)
    return RunInfo(
        project=held.get(tags.PROJECT, experiment),
        id=held.get(tags.RUN_ID, run.info.run_id),
        name=_name(run, held),
        status=state,
        started=started or 0,
        ended=None if run.info.status in ("RUNNING", "SCHEDULED") else _exact(held.get(tags.ENDED), run.info.end_time),
        group=held.get(tags.GROUP),
        job_type=held.get(tags.JOB_TYPE),
        parent=held.get(tags.PARENT, run.data.tags.get(tags.PARENT_RUN)),
        attempt=int(held.get(tags.ATTEMPT, 1)),
        place=run.info.run_id,
        url=url,
    )


def _name(run: HeldRun, held: Mapping[str, str]) -> str:
    """Return a run's name; MLflow's own counts where somebody renamed the run there."""
    name, shown = held.get(tags.NAME), run.info.run_name or ""
    if name is not None and shown == display_name(name or held.get(tags.RUN_ID, "")):
        return name
    return shown


def _exact(tag: str | None, held: int | None) -> int | None:
    """Return a time in nanoseconds: the tag's, where MLflow's own still is its milliseconds."""
    if tag is not None and held == milliseconds(int(tag)):
        return int(tag)
    return None if held is None else held * NS
