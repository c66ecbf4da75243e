"""Tags: the keys that belong to MLflow and to tracklib, and what becomes of the caller's own.

A caller's tag whose key begins like one of these is escaped, so that neither can ever be taken for the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TypeAlias

from tracklib.model.records import Notes, Record, Summary, Tags
from tracklib.typing import JSON, Number
from tracklib_mlflow import texts
from tracklib_mlflow.names import Lookup, decode, encode

__all__ = ["Key", "foreign", "labels", "run_key", "summary", "summary_metrics", "user"]

Key: TypeAlias = tuple[str, str]
"""A key as a beginning that is ours and an encoded name, which may yet have to be shortened."""

RESERVED = ("mlflow.", "tracklib.")

RUN_NAME = "mlflow.runName"
NOTE = "mlflow.note.content"
PARENT_RUN = "mlflow.parentRunId"
USER = "mlflow.user"
SOURCE_NAME = "mlflow.source.name"
GIT_COMMIT = "mlflow.source.git.commit"
GIT_BRANCH = "mlflow.source.git.branch"
GIT_REMOTE = "mlflow.source.git.repoURL"

KEY = "tracklib.key"
RUN_ID = "tracklib.run_id"
PROJECT = "tracklib.project"
NAME = "tracklib.name"
GROUP = "tracklib.group"
JOB_TYPE = "tracklib.job_type"
PARENT = "tracklib.parent"
ATTEMPT = "tracklib.attempt"
CREATED = "tracklib.created"
STARTED = "tracklib.started"
RESUMED = "tracklib.resumed"
ENDED = "tracklib.ended"
STATUS = "tracklib.status"
EXIT_CODE = "tracklib.exit_code"
ERROR = "tracklib.error"

SUMMARY = "tracklib.summary."
SUMMARY_METRIC = "tracklib.summary/"
PARAM = "tracklib.param."


def run_key(run_id: str) -> str:
    """Return what a run is searched by: MLflow's search grammar has no way to quote every id."""
    return hashlib.sha256(texts.to_bytes(run_id)).hexdigest()[:32]


def labels(record: Record) -> dict[Key, str | None]:
    """Return the tags, in full, that a record of tags, notes or summary sets; ``None`` removes one."""
    body = record.body
    if isinstance(body, Notes):
        return {("", NOTE): body.text}
    if isinstance(body, Summary):
        return {(SUMMARY, encode(key)): texts.to_json(value) for key, value in body.values.items()}
    assert isinstance(body, Tags)
    return {("", encode(key, reserved=RESERVED)): value for key, value in body.values.items()}


def summary_metrics(record: Record) -> dict[Key, Number]:
    """Return the numbers of a summary, for MLflow's tables to show and to sort by."""
    if not isinstance(record.body, Summary):
        return {}
    return {
        (SUMMARY_METRIC, encode(key)): value
        for key, value in record.body.values.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def user(held: Mapping[str, str], lookup: Lookup) -> dict[str, str]:
    """Return the caller's own tags."""
    return {
        decode(key, lookup): texts.whole(value, lookup) for key, value in held.items() if not key.startswith(RESERVED)
    }


def foreign(held: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of a run that tracklib did not write, but for those that are read as something else."""
    return {key: value for key, value in held.items() if key not in (RUN_NAME, NOTE, PARENT_RUN)}


def summary(held: Mapping[str, str], lookup: Lookup) -> dict[str, JSON]:
    """Return the summary."""
    return {
        decode(key[len(SUMMARY) :], lookup): texts.from_text(texts.whole(value, lookup))
        for key, value in held.items()
        if key.startswith(SUMMARY)
    }
