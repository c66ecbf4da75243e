"""What the server knows, as plain Python: experiments, assets and artifacts of Comet."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ArtifactVersion", "Asset", "Experiment", "Project", "RegistryModel", "State"]


@dataclass(slots=True)
class Project:
    """A project of a workspace."""

    workspace: str
    name: str
    id: str
    notes: str = ""
    views: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class RegistryModel:
    """A model of a workspace's registry, with its versions as Comet shows them."""

    id: str
    workspace: str
    name: str
    versions: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Experiment:
    """One experiment, as its clients have told of it.

    Attributes:
        start, end: Milliseconds since 1970; None where not told.
        points: The metrics in the order in which they came, each as Comet reads it back: ``metricName``,
            ``metricValue`` (a text), ``timestamp`` (milliseconds), ``step``, ``epoch``, ``runContext``, ``offset``.
            A batch that comes twice is there twice: nothing in it tells the server so.
        parameters, others: By name, the value as a text, and the time in milliseconds.
        output: Lines as sent: ``output``, ``stderr``, ``offset``, ``localTimestamp``.
        models: By name, the ids of the assets.
    """

    key: str
    workspace: str
    project: str
    start: int
    end: int | None = None
    name: str | None = None
    running: bool = True
    crashed: bool = False
    error: str | None = None
    archived: bool = False
    offline: bool = False
    tags: list[str] = field(default_factory=list)
    points: list[dict[str, Any]] = field(default_factory=list)
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)
    others: dict[str, dict[str, Any]] = field(default_factory=dict)
    output: list[dict[str, Any]] = field(default_factory=list)
    html: str = ""
    code: str = ""
    graph: str = ""
    file_path: str | None = None
    system_details: dict[str, Any] = field(default_factory=dict)
    dependencies: list[dict[str, Any]] = field(default_factory=list)
    models: dict[str, list[str]] = field(default_factory=dict)
    notifications: list[dict[str, Any]] = field(default_factory=list)

    def series(self, name: str) -> list[tuple[int | None, str]]:
        """Return the steps and values of one metric."""
        return [(point["step"], point["metricValue"]) for point in self.points if point["metricName"] == name]


@dataclass(slots=True)
class Asset:
    """One file, held under `key` of the blobs; a remote one is a `link` alone."""

    id: str
    experiment: str
    name: str
    type: str
    created_at: int
    size: int = 0
    step: int | None = None
    context: str | None = None
    metadata: str | None = None
    link: str | None = None
    artifact_version: str | None = None
    params: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The key of its content."""
        return f"assets/{self.id}"


@dataclass(slots=True)
class ArtifactVersion:
    """One version of an artifact, open until its state says ``CLOSED``."""

    id: str
    artifact: str
    workspace: str
    project: str
    name: str
    type: str
    version: str
    experiment: str
    state: str = "OPEN"
    metadata: str | None = None
    aliases: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    consumers: list[str] = field(default_factory=list)


@dataclass(slots=True)
class State:
    """Everything that the server knows, but for the contents of files.

    Attributes:
        experiments: By key, in the order of creation.
        assets: By id, in the order of arrival.
        versions: By id, in the order of creation.
        projects: By ``workspace/name``.
        registry: By id, in the order of creation.
    """

    experiments: dict[str, Experiment] = field(default_factory=dict)
    assets: dict[str, Asset] = field(default_factory=dict)
    versions: dict[str, ArtifactVersion] = field(default_factory=dict)
    projects: dict[str, Project] = field(default_factory=dict)
    registry: dict[str, RegistryModel] = field(default_factory=dict)

    def project(self, workspace: str, name: str) -> Project:
        """Return a project, made where it is not there."""
        return self.projects.setdefault(f"{workspace}/{name}", Project(workspace, name, uuid.uuid4().hex))

    def assets_of(self, experiment: str) -> list[Asset]:
        """Return the assets of an experiment, in the order of arrival."""
        return [asset for asset in self.assets.values() if asset.experiment == experiment]
