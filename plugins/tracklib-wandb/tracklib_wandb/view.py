"""`RunView`: one run as W&B holds it, with the same face whether a server holds it or an offline directory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

__all__ = ["RunView", "StoredArtifact", "StoredFile", "Vitals"]


@dataclass(frozen=True, slots=True)
class Vitals:
    """Who the run is, in W&B's words.

    Attributes:
        state: ``running``, ``finished``, ``failed``, ``crashed``, ``killed`` or ``preempted``.
        created, ended: Seconds since the epoch; ``ended`` is ``None`` where it is not known.
    """

    entity: str
    project: str
    id: str
    name: str
    state: str
    created: float
    ended: float | None = None
    exit_code: int | None = None
    group: str | None = None
    job_type: str | None = None
    tags: tuple[str, ...] = ()
    notes: str = ""
    sweep: str | None = None
    user: str | None = None
    host: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of a run or of an artifact; ``reference`` is where it lies, if it is not held."""

    path: str
    size: int
    digest: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class StoredArtifact:
    """One version of an artifact that the run made or used."""

    name: str
    type: str
    version: str | None
    files: tuple[StoredFile, ...]
    aliases: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""
    created: float | None = None


class RunView(Protocol):
    """Everything that W&B holds of one run. Rows of history are never sampled; a key that was not logged is left out."""

    @property
    def vitals(self) -> Vitals:
        """Who the run is."""
        ...

    def config(self) -> Mapping[str, Any]:
        """Return the config, without the ``{"value": ...}`` around each key; ``_wandb`` is left out."""
        ...

    def summary(self) -> Mapping[str, Any]:
        """Return the summary; non-finite numbers are floats."""
        ...

    def history(self) -> Iterator[Mapping[str, Any]]:
        """Yield the rows in the order of ``_step``, with ``_step``, ``_timestamp``, ``_runtime``; non-finite are floats."""
        ...

    def events(self) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of system metrics."""
        ...

    def console(self) -> Iterator[tuple[str, str, float | None]]:
        """Yield stream, text and time of each line that was printed."""
        ...

    def metadata(self) -> Mapping[str, Any]:
        """Return ``wandb-metadata.json``: host, Python, git, ...; empty where there is none."""
        ...

    def files(self) -> Iterator[StoredFile]:
        """Yield the files of the run."""
        ...

    def open_file(self, path: str, /) -> BinaryIO:
        """Open a file of the run."""
        ...

    def logged(self) -> Iterator[StoredArtifact]:
        """Yield the artifacts that the run made."""
        ...

    def used(self) -> Iterator[StoredArtifact]:
        """Yield the artifacts that the run used."""
        ...

    def open_artifact_file(self, artifact: StoredArtifact, path: str, /) -> BinaryIO:
        """Open a file of an artifact."""
        ...
