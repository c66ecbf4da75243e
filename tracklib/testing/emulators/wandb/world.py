"""What the answers are made of: the state, the contents of files, and where the server is."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tracklib.testing.emulators.blobs import Blobs
from tracklib.testing.emulators.wandb.state import Run, State

__all__ = ["World", "text"]


@dataclass(slots=True)
class World:
    """The server's knowledge and settings.

    Attributes:
        entity: The team that the user writes to by default.
        features: Names of server features that are declared on. With none, an SDK takes its oldest paths.
        parquet: Whether the history of ended runs is served as Parquet files, as the cloud does for exported runs.
        organization: The one that the team belongs to; None where it belongs to none.
    """

    state: State
    blobs: Blobs
    url: str
    entity: str
    username: str
    features: frozenset[str] = field(default_factory=frozenset)
    parquet: bool = False
    organization: str | None = None

    def storage_url(self, key: str) -> str:
        """Return the address at which a file is uploaded and downloaded."""
        return f"{self.url}/storage/{quote(key)}"

    def file_key(self, run: Run, name: str) -> str:
        """Return the key of a run's file."""
        return f"runs/{run.path}/{name}"

    def file_names(self, run: Run) -> list[str]:
        """Return the names of a run's files, sorted."""
        prefix = self.file_key(run, "")
        return [key.removeprefix(prefix) for key in self.blobs.keys(prefix)]


def text(value: Any) -> str:
    """Return a value as GraphQL's ``JSONString``."""
    return json.dumps(value, allow_nan=False)
