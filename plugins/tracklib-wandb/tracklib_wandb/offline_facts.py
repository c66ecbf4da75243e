"""`Facts`: what the log of a run says of it besides rows, output and load."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tracklib_wandb.messages import KIND, DecodeError, as_mapping, seconds
from tracklib_wandb.tokens import exact_again, parse
from tracklib_wandb.view import StoredArtifact, StoredFile

__all__ = ["Facts"]


@dataclass(slots=True)
class Facts:
    """What the logs of one run say, the last word on each thing.

    Attributes:
        summary: The values' JSON by path; without what the SDK made of the rows, unless that is asked for or defined.
        exit_code: Of the last log; ``None`` while that has no end.
        unreadable: How many records are of a known kind, and hold what cannot be read.
    """

    entity: str = ""
    project: str = ""
    id: str = ""
    name: str = ""
    notes: str = ""
    tags: tuple[str, ...] = ()
    group: str | None = None
    job_type: str | None = None
    sweep: str | None = None
    host: str | None = None
    started: float | None = None
    exit_code: int | None = None
    preempting: bool = False
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[tuple[str, ...], str] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    saved: set[str] = field(default_factory=set)
    made: list[StoredArtifact] = field(default_factory=list)
    used: list[StoredArtifact] = field(default_factory=list)
    unreadable: int = 0

    def apply(self, kind: int, content: bytes, messages: Any) -> None:
        """Take in a record; of a kind that says nothing here, nothing."""
        if (found := _READERS.get(kind)) is None:
            return
        name, read = found
        try:
            read(self, getattr(messages, name).FromString(content))
        except (DecodeError, ValueError):
            self.unreadable += 1

    @property
    def defines_summaries(self) -> bool:
        """Whether a metric's summary is anything else than its last value."""
        return any("summary" in metric for metric in self.metrics)

    def tree(self) -> dict[str, Any]:
        """Return the summary as a tree."""
        root: dict[str, Any] = {}
        for path, text in self.summary.items():
            node = root
            for part in path[:-1]:
                child = node.get(part)
                if not isinstance(child, dict):
                    child = node[part] = {}
                node = child
            try:
                node[path[-1]] = parse(text)
            except ValueError:
                self.unreadable += 1
        return root


def _run(facts: Facts, run: Any) -> None:
    """Take in who the run is; each such record says all of it anew."""
    facts.id = run.run_id or facts.id
    facts.entity, facts.project = run.entity or facts.entity, run.project or facts.project
    facts.name = run.display_name or facts.name
    facts.notes, facts.tags = run.notes, tuple(run.tags)
    facts.group, facts.job_type = run.run_group or facts.group, run.job_type or facts.job_type
    facts.sweep, facts.host = run.sweep_id or facts.sweep, run.host or facts.host
    began = seconds(run.start_time)
    if began is not None:
        facts.started = began if facts.started is None else min(facts.started, began)
    _config(facts, run.config)
    if run.git.commit or run.git.remote_url:
        facts.metadata.setdefault("git", {"remote": run.git.remote_url, "commit": run.git.commit})


def _config(facts: Facts, config: Any) -> None:
    for item in config.update:
        *above, last = tuple(item.nested_key) or (item.key,)
        node = facts.config
        for part in above:
            child = node.get(part)
            if not isinstance(child, dict):
                child = node[part] = {}
            node = child
        before, value = node.get(last), parse(item.value_json)
        if node is facts.config and last == "_wandb" and isinstance(before, dict) and isinstance(value, dict):
            node[last] = {**before, **value}  # the SDK's program adds to it what the log tells apart: its charts
        else:
            node[last] = exact_again(before, value)
    for item in config.remove:
        *above, last = tuple(item.nested_key) or (item.key,)
        node = facts.config
        for part in above:
            node = node.get(part, {})
        node.pop(last, None)


def _summary(facts: Facts, summary: Any) -> None:
    known = facts.summary
    for item in summary.update:
        path = tuple(item.nested_key) or (item.key,)
        if path not in known:
            _make_room(known, path)
        known[path] = item.value_json
    for item in summary.remove:
        path = tuple(item.nested_key) or (item.key,)
        for below in [other for other in known if other[: len(path)] == path]:
            del known[below]


def _make_room(known: dict[tuple[str, ...], str], path: tuple[str, ...]) -> None:
    """Drop what stands below a path that takes a whole value, and take apart a value that stands above it."""
    for other in [other for other in known if other[: len(path)] == path]:
        del known[other]
    for length in range(1, len(path)):
        if (text := known.pop(path[:length], None)) is not None and text.startswith("{"):
            known.update({(*path[:length], key): json.dumps(value) for key, value in parse(text).items()})


def _environment(facts: Facts, environment: Any) -> None:
    facts.metadata.update(as_mapping(environment))


def _metric(facts: Facts, metric: Any) -> None:
    told = as_mapping(metric)
    name = told.get("name"), told.get("globName")
    facts.metrics = [each for each in facts.metrics if (each.get("name"), each.get("globName")) != name]
    facts.metrics.append(told)


def _alert(facts: Facts, alert: Any) -> None:
    facts.alerts.append({"title": alert.title, "text": alert.text, "level": alert.level})


def _files(facts: Facts, files: Any) -> None:
    facts.saved.update(item.path for item in files.files)


def _exit(facts: Facts, end: Any) -> None:
    facts.exit_code = end.exit_code


def _preempting(facts: Facts, _: Any) -> None:
    facts.preempting = True


def _made(facts: Facts, artifact: Any) -> None:
    facts.made.append(
        StoredArtifact(
            name=artifact.name,
            type=artifact.type,
            version=None,
            files=tuple(map(_entry, artifact.manifest.contents)),
            aliases=tuple(artifact.aliases),
            metadata=_mapping(artifact.metadata),
            description=artifact.description,
            digest=artifact.digest or None,
            run=facts.id or None,
            handle=(artifact.client_id, artifact.sequence_client_id),
        )
    )


def _entry(entry: Any) -> StoredFile:
    return StoredFile(entry.path, entry.size, entry.digest or None, entry.ref or None, entry.local_path or None)


def _mapping(text: str) -> Mapping[str, Any]:
    value = parse(text) if text else {}
    return value if isinstance(value, dict) else {"metadata": value}


def _used(facts: Facts, used: Any) -> None:
    name, _, version = used.name.partition(":")
    facts.used.append(StoredArtifact(name, used.type, version or None, (), handle=used.id))


_READERS: dict[int, tuple[str, Callable[[Facts, Any], None]]] = {
    KIND.RUN: ("RunRecord", _run),
    KIND.CONFIG: ("ConfigRecord", _config),
    KIND.SUMMARY: ("SummaryRecord", _summary),
    KIND.AUTO_SUMMARY: ("SummaryRecord", _summary),
    KIND.ENVIRONMENT: ("EnvironmentRecord", _environment),
    KIND.METRIC: ("MetricRecord", _metric),
    KIND.ALERT: ("AlertRecord", _alert),
    KIND.FILES: ("FilesRecord", _files),
    KIND.EXIT: ("RunExitRecord", _exit),
    KIND.PREEMPTING: ("RunPreemptingRecord", _preempting),
    KIND.ARTIFACT: ("ArtifactRecord", _made),
    KIND.USED: ("UseArtifactRecord", _used),
}
