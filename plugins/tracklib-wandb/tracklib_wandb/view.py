"""`RunView`: one run as W&B holds it, with the same face whether a server holds it or an offline directory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol

__all__ = ["RunView", "StoredArtifact", "StoredFile", "Vitals", "place_of"]


@dataclass(frozen=True, slots=True)
class Vitals:
    """Who the run is, in W&B's words.

    Attributes:
        state: ``running``, ``finished``, ``failed``, ``crashed``, ``killed`` or ``preempted``.
        created, ended: Seconds since the epoch; ``ended`` is ``None`` where it is not known.
        attempts: How often it was begun, as far as is known.
        sweep: The id of the sweep that it belongs to.
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
    attempts: int = 1


def place_of(vitals: Vitals) -> str:
    """Return how W&B itself names a run: ``entity/project/id``, without the entity where there is none."""
    return "/".join(part for part in (vitals.entity, vitals.project, vitals.id) if part)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of a run or of an artifact; ``reference`` is where it lies, if it is not held.

    Attributes:
        digest: The MD5 of its content in base64; of a reference, what W&B knows it by.
        place: Where this machine keeps it, as its log says; for the view alone.
    """

    path: str
    size: int
    digest: str | None = None
    reference: str | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True)
class StoredArtifact:
    """One version of an artifact that the run made or used.

    Attributes:
        version: ``v0``, ``v1``, ...; ``None`` until a server gave it one.
        run: The id of the run that made it, where that is known.
        handle: What the view finds it by.
    """

    name: str
    type: str
    version: str | None
    files: tuple[StoredFile, ...]
    aliases: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""
    created: float | None = None
    digest: str | None = None
    run: str | None = None
    handle: Any = field(default=None, compare=False)


class RunView(Protocol):
    """Everything that W&B holds of one run. Rows of history are never sampled; a key that was not logged is left out."""

    @property
    def vitals(self) -> Vitals:
        """Who the run is."""
        ...

    def config(self) -> Mapping[str, Any]:
        """Return the config, without the ``{"value": ...}`` around each key; ``_wandb`` is left out."""
        ...

    def internals(self) -> Mapping[str, Any]:
        """Return what the config holds under ``_wandb``: definitions of metrics and charts, class labels, versions."""
        ...

    def summary(self) -> Mapping[str, Any]:
        """Return the summary; non-finite numbers are floats."""
        ...

    def own_summary(self) -> Mapping[str, Any]:
        """Return the summary; what merely repeats the last value of the history may be left out."""
        ...

    def history(self) -> Iterator[Mapping[str, Any]]:
        """Yield the rows as they were logged, with ``_step``, ``_timestamp``, ``_runtime``; non-finite are floats.

        A nested key is a mapping in its row. ``None`` is a null that was logged, where the source can tell.
        """
        ...

    def events(self) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of system metrics by W&B's names, with ``_timestamp``."""
        ...

    def console(self) -> Iterator[tuple[str, str, float | None]]:
        """Yield stream, text and time of each line that was printed; the text has its line feed."""
        ...

    def metadata(self) -> Mapping[str, Any]:
        """Return ``wandb-metadata.json``: host, Python, git, ...; empty where there is none."""
        ...

    def files(self) -> Iterator[StoredFile]:
        """Yield the files of the run."""
        ...

    def open_file(self, path: str, /) -> BinaryIO:
        """Open a file of the run.

        Raises:
            RejectedError: There is none, or it must not be opened.
        """
        ...

    def logged(self) -> Iterator[StoredArtifact]:
        """Yield the artifacts that the run made."""
        ...

    def used(self) -> Iterator[StoredArtifact]:
        """Yield the artifacts that the run used."""
        ...

    def find_artifact(self, uri: str, /) -> StoredArtifact | None:
        """Return the artifact that a row of history means by ``wandb-client-artifact://<id>/<path>`` or its like."""
        ...

    def open_artifact_file(self, artifact: StoredArtifact, path: str, /) -> BinaryIO:
        """Open a file of an artifact.

        Raises:
            RejectedError: There is none, or it must not be opened.
        """
        ...

    def losses(self) -> Mapping[str, int]:
        """Return what could not be read so far, in words for people, and how often."""
        ...
