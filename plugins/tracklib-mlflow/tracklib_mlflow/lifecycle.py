"""The lifecycle: starts and ends of a run's processes, as MLflow's status, times and tags.

Records may come again after a crash, or those of one process after those of the next. What counts is when they were
written: an end from before the latest start, or before the latest end, changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tracklib.backends.contract import Outcome, accepted
from tracklib.model.records import Context, Record, RunEnd, RunStart
from tracklib.typing import JSON
from tracklib_mlflow import companions as kinds
from tracklib_mlflow import status, tags, texts
from tracklib_mlflow.companions import record_fields
from tracklib_mlflow.runs import display_name, milliseconds
from tracklib_mlflow.wire import Wire
from tracklib_mlflow.writers import Desk

__all__ = ["Lifecycle"]


class Lifecycle:
    """Writes starts, what was learned of the surroundings later, and ends."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        held = desk.run.data.tags
        self._tags = set(held)
        self._name = desk.run.info.run_name
        self._is_running = desk.run.info.status in ("RUNNING", "SCHEDULED")
        self._resumed = int(held.get(tags.RESUMED, 0))
        self._ended = int(held.get(tags.ENDED, 0))

    def write(self, records: Sequence[Record]) -> list[Outcome]:
        """Write them, in order."""
        for record in records:
            if isinstance(record.body, RunStart):
                self._start(record, record.body)
            elif isinstance(record.body, Context):
                self._desk.companions.hold(kinds.RECORDS, record, record_fields(record))
                self._set(_git_tags(record.body.values))
            elif isinstance(record.body, RunEnd):
                self._end(record, record.body)
        return [accepted() for _ in records]

    def _start(self, record: Record, start: RunStart) -> None:
        self._desk.companions.hold(kinds.RECORDS, record, record_fields(record))
        if record.time < self._resumed:
            return
        client, run_id = self._desk.client, self._desk.run_id
        if start.name and (name := display_name(start.name)) != self._name:
            client.call("renaming the run", client.raw.update_run, run_id, name=name)
            self._name = name
        if not self._is_running and self._ended < record.time:
            client.call("resuming the run", client.raw.update_run, run_id, status="RUNNING")
            self._set({tags.STATUS: "running"})
            self._is_running = True
        self._set({**_start_tags(start), tags.RESUMED: str(record.time)})
        self._resumed = record.time

    def _end(self, record: Record, end: RunEnd) -> None:
        if record.time < self._resumed or record.time < self._ended:
            return
        client, run_id = self._desk.client, self._desk.run_id
        self._set(
            {
                tags.STATUS: end.status,
                tags.EXIT_CODE: None if end.exit_code is None else str(end.exit_code),
                tags.ERROR: end.error,
                tags.ENDED: str(record.time),
            }
        )
        word = status.held(end.status)
        self._is_running = word == "RUNNING"
        if self._is_running:
            client.call("setting the status", client.raw.update_run, run_id, status=word)
        else:
            client.call("ending the run", client.raw.set_terminated, run_id, word, milliseconds(record.time))
        self._ended = record.time

    def _set(self, values: Mapping[str, str | None]) -> None:
        """Set tags in full; of those that are to go, only the ones that are there."""
        wire = Wire()
        held = {
            key: None if text is None else wire.value(text, texts.MAX_TAG)
            for key, text in values.items()
            if text is not None or key in self._tags
        }
        self._desk.put_texts(wire)
        self._desk.client.set_tags(self._desk.run_id, held)
        self._tags = (self._tags | set(held)) - {key for key, text in held.items() if text is None}


def _start_tags(start: RunStart) -> dict[str, str | None]:
    """Return the tags that a start sets; some of them MLflow's own, whose pages then show them."""
    return {
        tags.NAME: start.name,
        tags.GROUP: start.group,
        tags.JOB_TYPE: start.job_type,
        tags.PARENT: start.parent,
        tags.ATTEMPT: str(start.attempt),
        tags.USER: _text(start.context, "user"),
        tags.SOURCE_NAME: _text(start.context, "source") or _text(start.context, "script"),
        **_git_tags(start.context),
    }


def _git_tags(context: Mapping[str, JSON]) -> dict[str, str | None]:
    git = context.get("git")
    if not isinstance(git, Mapping):
        return {}
    found = {tags.GIT_COMMIT: "commit", tags.GIT_BRANCH: "branch", tags.GIT_REMOTE: "remote"}
    return {tag: _text(git, key) for tag, key in found.items()}


def _text(tree: Mapping[str, JSON], key: str) -> str | None:
    value = tree.get(key)
    return value if isinstance(value, str) and value else None
