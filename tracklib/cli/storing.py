"""Storing: artifacts that were set aside, as the commands show them and see to them."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tracklib.cli.quantities import bytes_text
from tracklib.cli.selection import id_of, label, project_of
from tracklib.delivery import launch, porter
from tracklib.delivery.active import active_runs, mark
from tracklib.delivery.settled import settle
from tracklib.journal.layout import Root, RunFolder
from tracklib.journal.staging import is_pending, staged

__all__ = ["Waiting", "store", "waiting_of"]

_POLL = 0.1
_STARTS = 5


@dataclass(frozen=True, slots=True)
class Waiting:
    """An artifact that is set aside and not stored yet.

    Attributes:
        left: Bytes of the files that are not stored.
    """

    folder: RunFolder
    name: str
    size: int
    left: int

    def __str__(self) -> str:
        size = f"{bytes_text(self.left)} of {bytes_text(self.size)}"
        return f"{label(self.folder)}: artifact {self.name!r}: {size} are still to be stored"

    def document(self) -> dict[str, Any]:
        """Return ``id, project, artifact, size, left``."""
        place = {"id": id_of(self.folder), "project": project_of(self.folder)}
        return {**place, "artifact": self.name, "size": self.size, "left": self.left}


def waiting_of(folder: RunFolder) -> list[Waiting]:
    """Return what of a run is set aside."""
    return [Waiting(folder, item.artifact.name, item.size, item.remaining()) for item in staged(folder)]


def store(root: Root, folders: Iterable[RunFolder], seconds: float) -> list[Waiting]:
    """Have everything stored that is set aside of these runs, and wait for it; return what is left.

    Raises:
        ConfigError: There is no interpreter to do it with.
        OSError: The system starts no process.
    """
    chosen = list(folders)
    deadline = time.monotonic() + seconds
    starts = 0
    for folder in chosen:
        if is_pending(folder):
            mark(root, folder)
    while waiting := [folder for folder in chosen if is_pending(folder)]:
        if not launch.lives(root, porter.KEY):
            starts += 1
            if starts > _STARTS:
                break
            porter.ensure(root)
        if time.monotonic() >= deadline:
            break
        time.sleep(_POLL)
    active = {folder.path for folder in active_runs(root)}
    for folder in chosen:
        if folder.path in active and folder not in waiting:
            settle(root, folder)
    return [item for folder in chosen for item in waiting_of(folder)]
