"""`OfflineRun`: a run as the logs and folders on this machine hold it."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from tracklib.errors import RejectedError
from tracklib_wandb.local_files import open_staged
from tracklib_wandb.messages import KIND, DecodeError, load_messages, seconds
from tracklib_wandb.offline_facts import Facts
from tracklib_wandb.offline_log import Damage, records
from tracklib_wandb.run_folders import RunFolders
from tracklib_wandb.tokens import parse
from tracklib_wandb.view import StoredArtifact, StoredFile, Vitals

__all__ = ["OfflineRun"]

_SILENT = 600.0
"""Seconds after which a log without an end counts as that of a run that crashed; a living SDK writes every 15."""

_TIMED = frozenset((KIND.HISTORY, KIND.STATS, KIND.OUTPUT_RAW, KIND.OUTPUT))
_STREAMS = {0: "stderr", 1: "stdout"}
_MAX_LINE = 1 << 16
_MAX_ASIDE = 16 << 20
"""Bytes of output and of samples that are kept from the first reading on; a log with more is read again for them."""

_NOT_OPENED = (
    "files that cannot be opened, or are links to outside of the folder that holds them and of the working folder"
)
_ASIDE = frozenset((KIND.STATS, KIND.OUTPUT_RAW, KIND.OUTPUT))


class OfflineRun:
    """Reads a run from its logs; each further one is the run begun again.

    The logs are read from their beginning at each question about rows, output or load, and are never held in memory.

    Args:
        logs: ``run-<id>.wandb`` files of one run, the oldest first.
    """

    def __init__(self, logs: Sequence[Path]) -> None:
        self._logs = tuple(logs)
        self._folders = RunFolders(self._logs)
        self._lost: Counter[str] = Counter()
        self._scanned: tuple[Facts, float | None] | None = None
        self._aside: list[tuple[int, bytes]] | None = None
        self._room = _MAX_ASIDE

    @property
    def logs(self) -> tuple[Path, ...]:
        """The files, the oldest first."""
        return self._logs

    @property
    def name(self) -> str:
        """The id that the first log's own name tells."""
        return self._logs[0].name.removeprefix("run-").removesuffix(".wandb")

    @cached_property
    def vitals(self) -> Vitals:
        """Who the run is, and how it ended as far as its last log says."""
        facts, last = self._scan()
        state, ended = self._state(facts, last)
        created = facts.started if facts.started is not None else self._logs[0].stat().st_mtime
        return Vitals(
            entity=facts.entity,
            project=facts.project or "uncategorized",  # what W&B calls the project of runs that name none
            id=facts.id,
            name=facts.name,
            state=state,
            created=created,
            ended=ended if ended is None else max(ended, created),
            exit_code=facts.exit_code,
            group=facts.group,
            job_type=facts.job_type,
            tags=facts.tags,
            notes=facts.notes,
            sweep=facts.sweep,
            user=self.metadata().get("username"),
            host=facts.host or self.metadata().get("host"),
            attempts=len(self._logs),
        )

    def config(self) -> Mapping[str, Any]:
        """Return the config, without ``_wandb``."""
        return {key: value for key, value in self._facts.config.items() if key != "_wandb"}

    def internals(self) -> Mapping[str, Any]:
        """Return what the SDK keeps in the config under ``_wandb``, with the definitions of metrics, and alerts."""
        own = self._facts.config.get("_wandb")
        told = dict(own) if isinstance(own, Mapping) else {}
        if self._facts.metrics:
            told["metrics"] = list(self._facts.metrics)
        if self._facts.alerts:
            told["alerts"] = list(self._facts.alerts)
        return told

    def summary(self) -> Mapping[str, Any]:
        """Return the summary."""
        messages, whole = load_messages(), Facts()
        for kind, content in self._records():
            if kind in (KIND.SUMMARY, KIND.AUTO_SUMMARY):
                whole.apply(kind, content, messages)
        return whole.tree()

    def own_summary(self) -> Mapping[str, Any]:
        """Return what of the summary may be more than the last values of the history."""
        return self._facts.tree()

    def history(self) -> Iterator[Mapping[str, Any]]:
        """Yield the rows in the order in which they were logged."""
        read = load_messages().HistoryRecord.FromString
        for kind, content in self._records():
            if kind == KIND.HISTORY:
                try:
                    yield _row(read(content))
                except (DecodeError, ValueError):
                    self._lost["rows of the history that cannot be read"] += 1

    def events(self) -> Iterator[Mapping[str, Any]]:
        """Yield the samples of the machine's load."""
        read = load_messages().StatsRecord.FromString
        for kind, content in self._set_aside():
            if kind == KIND.STATS:
                try:
                    yield _sample(read(content))
                except (DecodeError, ValueError):
                    self._lost["samples of system metrics that cannot be read"] += 1

    def console(self) -> Iterator[tuple[str, str, float | None]]:
        """Yield what was printed, line by line; the SDK recorded each write by itself."""
        read = load_messages().OutputRawRecord.FromString
        begun: dict[str, tuple[str, float | None]] = {}
        for kind, content in self._set_aside():
            if kind not in (KIND.OUTPUT_RAW, KIND.OUTPUT):  # both have the same members
                continue
            try:
                output = read(content)
            except (DecodeError, ValueError):
                self._lost["lines of output that cannot be read"] += 1
                continue
            stream = _STREAMS.get(output.output_type, "stdout")
            text, when = begun.pop(stream, ("", seconds(output.timestamp)))
            *lines, rest = (text + output.line).split("\n")
            for line in lines:
                yield stream, f"{line}\n", when
                when = seconds(output.timestamp)
            if len(rest) > _MAX_LINE:
                yield stream, rest, when
            elif rest:
                begun[stream] = rest, when
        yield from ((stream, text, when) for stream, (text, when) in begun.items())

    def metadata(self) -> Mapping[str, Any]:
        """Return what the SDK noted of machine and code; before version 0.17 it did so in a file alone."""
        return self._metadata

    def files(self) -> Iterator[StoredFile]:
        """Yield the files in the folders of the run; of one name, the last folder's."""
        for path in self._folders.paths():
            try:
                with self._folders.open(path) as file:
                    size = os.fstat(file.fileno()).st_size
            except RejectedError:
                self._lost[_NOT_OPENED] += 1
                continue
            yield StoredFile(path, size)

    def open_file(self, path: str, /) -> BinaryIO:
        """Open a file of the run."""
        return self._folders.open(path)

    def logged(self) -> Iterator[StoredArtifact]:
        """Yield the artifacts that the run made."""
        yield from self._facts.made

    def used(self) -> Iterator[StoredArtifact]:
        """Yield the artifacts that the run used."""
        yield from self._facts.used

    def find_artifact(self, uri: str, /) -> StoredArtifact | None:
        """Return the artifact that ``wandb-client-artifact://<client id>/<path>`` means."""
        _, _, rest = uri.partition("://")
        client = rest.partition("/")[0].partition(":")[0]
        return next((made for made in reversed(self._facts.made) if made.handle and client in made.handle), None)

    def open_artifact_file(self, artifact: StoredArtifact, path: str, /) -> BinaryIO:
        """Open a file of an artifact."""
        entry = next((file for file in artifact.files if file.path == path), None)
        if entry is None or entry.reference:
            raise RejectedError(f"the artifact {artifact.name!r} holds no file {path!r}")
        return open_staged(entry, self._folders.staging)

    def losses(self) -> Mapping[str, int]:
        """Return what could not be read."""
        lost = Counter(self._lost)
        if self._scanned is not None and self._scanned[0].unreadable:
            lost["records of the log that cannot be read"] += self._scanned[0].unreadable
        return lost

    # -- the log

    @property
    def _facts(self) -> Facts:
        return self._scan()[0]

    def _scan(self) -> tuple[Facts, float | None]:
        """Return what the logs say, and the time of their last row, sample or output."""
        if self._scanned is None:
            self._lost, self._aside, self._room = Counter(), [], _MAX_ASIDE
            facts = Facts()
            times = [self._scan_log(path, facts) for path in self._logs]
            facts.id = facts.id or self.name  # the beginning is lost, or not written yet
            self._scanned = facts, max((time for time in times if time is not None), default=None)
        return self._scanned

    def _scan_log(self, path: Path, facts: Facts) -> float | None:
        messages, damage, last = load_messages(), Damage(), {}
        facts.exit_code, facts.preempting = None, False
        for kind, content in records(path, damage):
            if kind in _TIMED:
                last[kind] = content
                if kind in _ASIDE:
                    self._keep(kind, content)
            elif kind != KIND.AUTO_SUMMARY or facts.defines_summaries:
                facts.apply(kind, content, messages)
        self._note(damage)
        times = (_time(kind, content, messages) for kind, content in last.items())
        return max((time for time in times if time is not None), default=None)

    def _keep(self, kind: int, content: bytes) -> None:
        """Keep a record for later, unless there are too many."""
        if self._aside is not None:
            self._room -= len(content)
            self._aside.append((kind, content))
            if self._room < 0:
                self._aside = None

    def _set_aside(self) -> Iterable[tuple[int, bytes]]:
        """Return the records of output and of samples."""
        self._scan()
        return self._records() if self._aside is None else self._aside

    def _note(self, damage: Damage) -> None:
        if damage.records:
            self._lost["records of the log that are damaged"] += damage.records
        if damage.torn:
            self._lost["bytes at the end of the log that are no whole record"] += damage.torn

    def _records(self) -> Iterator[tuple[int, bytes]]:
        for path in self._logs:
            yield from records(path, Damage())  # what is damaged was counted by the scan

    def _state(self, facts: Facts, last: float | None) -> tuple[str, float | None]:
        if facts.exit_code is not None:
            return "finished" if facts.exit_code == 0 else "failed", last
        if facts.preempting:
            return "preempted", last
        if time.time() - self._logs[-1].stat().st_mtime < _SILENT:
            return "running", None
        return "crashed", last

    @cached_property
    def _metadata(self) -> Mapping[str, Any]:
        try:
            with self.open_file("wandb-metadata.json") as file:
                told = json.loads(file.read())
        except (RejectedError, ValueError):
            told = None
        return {**(told if isinstance(told, dict) else {}), **self._facts.metadata}


def _row(record: Any) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for item in record.item:
        path = item.nested_key
        value = parse(item.value_json)
        if len(path) <= 1:
            row[path[0] if path else item.key] = value
            continue
        node = row
        for part in path[:-1]:
            child = node.get(part)
            if not isinstance(child, dict):
                child = node[part] = {}
            node = child
        node[path[-1]] = value
    if "_step" not in row:
        row["_step"] = record.step.num
    return row


def _sample(record: Any) -> dict[str, Any]:
    return {**{item.key: parse(item.value_json) for item in record.item}, "_timestamp": seconds(record.timestamp)}


def _time(kind: int, content: bytes, messages: Any) -> float | None:
    """Return the time of a record; ``None`` where it cannot be read."""
    try:
        if kind == KIND.HISTORY:
            value = _row(messages.HistoryRecord.FromString(content)).get("_timestamp")
            return float(value) if isinstance(value, (int, float)) else None
        name = "StatsRecord" if kind == KIND.STATS else "OutputRawRecord"
        return seconds(getattr(messages, name).FromString(content).timestamp)
    except (DecodeError, ValueError):
        return None
