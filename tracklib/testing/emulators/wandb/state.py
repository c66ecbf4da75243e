"""What the server knows, as plain Python: runs, artifacts and projects of W&B.

A test reads these objects to see what arrived, by another path than any client's.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tracklib.testing.emulators.exchange import loads

__all__ = ["Artifact", "Project", "Run", "State", "Sweep", "View", "encoded_id", "iso"]


def encoded_id(*parts: str) -> str:
    """Return an opaque id as W&B's GraphQL has them: base64 of names and colons."""
    return base64.b64encode(":".join(parts).encode()).decode()


def iso(seconds: float) -> str:
    """Return a time in seconds since 1970 as W&B writes it, in UTC."""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1e6):06d}Z"


@dataclass(slots=True)
class Run:
    """One run, as its clients have told of it.

    Attributes:
        name: The id that the client chose (``Run.id`` of the SDK).
        state: ``running``, ``finished``, ``failed``, ``crashed``, ``killed``, ``pending`` or ``preempted``.
        config: As sent: ``{key: {"value": value}}``, the SDK's own ``_wandb`` among the keys.
        summary: The last one sent; NaN and the infinities as the texts ``NaN``, ``Infinity`` and ``-Infinity``.
        lines: By stream (``wandb-history.jsonl``, ``wandb-events.jsonl``, ``output.log``) the lines by number; None
            where a gap was left.
        requests: How many chunks of the stream came, the resent ones too.
        inputs, outputs: Ids of artifacts.
    """

    entity: str
    project: str
    name: str
    created_at: float
    display_name: str = ""
    state: str = "running"
    heartbeat_at: float = 0.0
    exit_code: int | None = None
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    notes: str | None = None
    description: str | None = None
    group: str | None = None
    job_type: str | None = None
    sweep: str | None = None
    host: str | None = None
    program: str | None = None
    commit: str | None = None
    repo: str | None = None
    user: str = ""
    lines: dict[str, list[str | None]] = field(default_factory=dict)
    uploaded: list[str] = field(default_factory=list)
    requests: int = 0
    stop_requested: bool = False
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)

    @property
    def path(self) -> str:
        """``entity/project/name``."""
        return f"{self.entity}/{self.project}/{self.name}"

    @property
    def id(self) -> str:
        """The id in GraphQL (``Run.storage_id`` of the SDK)."""
        return encoded_id("Run", "v1", self.name, self.project, self.entity)

    @property
    def history(self) -> list[dict[str, Any]]:
        """The rows of metrics, in the order of their lines."""
        return self.rows("wandb-history.jsonl")

    @property
    def events(self) -> list[dict[str, Any]]:
        """The rows of system metrics."""
        return self.rows("wandb-events.jsonl")

    @property
    def console(self) -> list[str]:
        """The lines of output, each with the prefix that the SDK gives it."""
        return [line for line in self.lines.get("output.log", []) if line is not None]

    @property
    def values(self) -> dict[str, Any]:
        """The config without its wrapping and without the SDK's own part."""
        wrapped = {key: value for key, value in self.config.items() if key != "_wandb"}
        return {key: value.get("value") if isinstance(value, dict) else value for key, value in wrapped.items()}

    def rows(self, stream: str) -> list[dict[str, Any]]:
        """Return the rows of a stream of JSON lines."""
        return [loads(line) for line in self.lines.get(stream, []) if line]


@dataclass(slots=True)
class Artifact:
    """One version of an artifact.

    Attributes:
        index: The number in ``v0``; None until it is committed.
        manifests: By manifest id the key of the blob that holds it.
        manifest: The id of the current one.
    """

    id: str
    entity: str
    project: str
    collection: str
    type: str
    digest: str
    created_at: float
    run: str
    index: int | None = None
    state: str = "PENDING"
    description: str | None = None
    metadata: str | None = None
    aliases: list[str] = field(default_factory=list)
    wanted_aliases: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    client_id: str | None = None
    history_step: int | None = None
    updated_at: float = 0.0
    manifests: dict[str, str] = field(default_factory=dict)
    manifest: str | None = None
    used_by: list[str] = field(default_factory=list)

    @property
    def collection_path(self) -> str:
        """``entity/project/collection``."""
        return f"{self.entity}/{self.project}/{self.collection}"


@dataclass(slots=True)
class Project:
    """A project; its number is what the SDK calls the internal id."""

    entity: str
    name: str
    number: int
    created_at: float

    @property
    def id(self) -> str:
        """The id in GraphQL."""
        return encoded_id("Project", "v1", self.name, self.entity)


@dataclass(slots=True)
class Sweep:
    """A search over configs; runs name the sweep that they are of."""

    entity: str
    project: str
    name: str
    created_at: float
    config: str = ""
    display_name: str = ""
    state: str = "PENDING"
    updated_at: float = 0.0

    @property
    def id(self) -> str:
        """The id in GraphQL."""
        return encoded_id("Sweep", "v1", self.name, self.project, self.entity)


@dataclass(slots=True)
class View:
    """A report, the draft of one, or a saved view of a project's runs, as its type says."""

    entity: str
    project: str
    name: str
    type: str
    created_at: float
    display_name: str = ""
    description: str = ""
    spec: str = "{}"
    updated_at: float = 0.0

    @property
    def id(self) -> str:
        """The id in GraphQL."""
        return encoded_id("View", self.type, self.name, self.project, self.entity)


@dataclass(slots=True)
class State:
    """Everything that the server knows, but for the contents of files.

    Attributes:
        runs: By ``entity/project/name``, in the order of creation.
        artifacts: By id, in the order of creation.
        projects: By ``entity/name``.
        sweeps, views: By GraphQL's id, in the order of creation.
        registries: Names of the organization's registries, as W&B has them: ``wandb-registry-models``.
        deleted: Paths of runs that were deleted: no other gets such an id.
    """

    runs: dict[str, Run] = field(default_factory=dict)
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    sweeps: dict[str, Sweep] = field(default_factory=dict)
    views: dict[str, View] = field(default_factory=dict)
    registries: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)

    def project(self, entity: str, name: str) -> Project:
        """Return a project, made where it is not there."""
        new = Project(entity, name, len(self.projects) + 1, time.time())
        return self.projects.setdefault(f"{entity}/{name}", new)

    def run_by_id(self, id: str) -> Run | None:
        """Return the run of a GraphQL id."""
        return next((run for run in self.runs.values() if run.id == id), None)

    def runs_of(self, project: Project) -> Iterator[Run]:
        """Yield the runs of a project, oldest first."""
        return (run for run in self.runs.values() if (run.entity, run.project) == (project.entity, project.name))

    def versions(self, entity: str, project: str, collection: str) -> list[Artifact]:
        """Return the committed versions of a collection, oldest first."""
        path = f"{entity}/{project}/{collection}"
        return [a for a in self.artifacts.values() if a.collection_path == path and a.state == "COMMITTED"]
