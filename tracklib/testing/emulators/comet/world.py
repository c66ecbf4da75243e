"""What the answers are made of: the state, the contents of files, the settings, and the errors that Comet gives."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tracklib.testing.emulators.blobs import Blobs
from tracklib.testing.emulators.comet.state import Experiment, Project, State
from tracklib.testing.emulators.exchange import Reply, Request

__all__ = ["Refused", "Route", "World", "now"]


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """Raised in order to answer as Comet does: 400 with ``msg`` and ``sdk_error_code``."""

    def __init__(self, message: str, code: int = 0, *, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


@dataclass(slots=True)
class World:
    """The server's knowledge and settings.

    Attributes:
        workspace: The one that experiments go to where none is named.
        sampled_above: How many points of a metric are read back in full; more are thinned out to as many (15,000 on
            Comet: comet.com/docs/v2/guides/experiment-management/limits-and-performance).
    """

    state: State
    blobs: Blobs
    url: str
    workspace: str
    username: str
    sampled_above: int = 15_000

    def experiment(self, key: str) -> Experiment:
        """Return an experiment.

        Raises:
            Refused: There is none of this key.
        """
        found = self.state.experiments.get(key)
        if found is None:
            raise Refused(f"no experiment has the key {key}", 90204)
        return found

    def project_of(self, experiment: Experiment) -> Project:
        """Return the project of an experiment."""
        return self.state.project(experiment.workspace, experiment.project)


Route = Callable[[World, Request], "dict[str, Any] | list[Any] | Reply"]


def now() -> int:
    """Return the time in milliseconds since 1970."""
    return int(time.time() * 1000)
