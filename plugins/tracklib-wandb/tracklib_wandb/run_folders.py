"""`RunFolders`: the files in a run's directories on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from tracklib.errors import RejectedError
from tracklib_wandb.local_files import open_plain

__all__ = ["RunFolders"]


class RunFolders:
    """Finds and opens files.

    Args:
        logs: The run's logs, each in its directory, the oldest first.
    """

    def __init__(self, logs: tuple[Path, ...]) -> None:
        self._logs = logs

    def paths(self) -> Iterable[str]:
        """Return the files' paths in the run."""
        return sorted(self._places)

    def open(self, path: str) -> BinaryIO:
        """Open a file.

        Raises:
            RejectedError: There is none, or it is a link to elsewhere.
        """
        place = self._places.get(path)
        if place is None:
            raise RejectedError(f"the run's folder holds no file {path!r}")
        return open_plain(place, self._roots)

    @cached_property
    def _places(self) -> dict[str, Path]:
        found: dict[str, Path] = {}
        for log in self._logs:
            root = log.parent / "files"
            for folder, _, names in os.walk(root):  # links to folders are not followed
                for name in names:
                    path = Path(folder, name)
                    found[path.relative_to(root).as_posix()] = path
        return found

    @cached_property
    def _roots(self) -> tuple[Path, ...]:
        """Where files may lie: `save()` leaves links to where training ran, beside the folder ``wandb`` as a rule."""
        return tuple(dict.fromkeys([*(_working_folder(log).resolve() for log in self._logs), Path.cwd().resolve()]))

    @cached_property
    def staging(self) -> tuple[Path, ...]:
        """Where else the SDK's folder for artifacts on their way may be, if the directories were moved.

        Of runs that tracklib wrote, it is in the run's own directory.
        """
        own = [str(log.absolute().parent) for log in self._logs]
        roots = [*own, *filter(None, [os.environ.get("WANDB_DATA_DIR")]), *map(str, self._roots)]
        return tuple(Path(root, "artifacts", "staging") for root in roots)


def _working_folder(log: Path) -> Path:
    above = log.absolute().parent
    return above.parent.parent if above.parent.name in ("wandb", ".wandb") else above
