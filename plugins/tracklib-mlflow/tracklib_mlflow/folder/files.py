"""`FolderFiles`: the artifacts of a run as they lie in its folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tracklib_mlflow import texts
from tracklib_mlflow.border import MissingError
from tracklib_mlflow.folder.disk import Disk
from tracklib_mlflow.paths import TEXTS

__all__ = ["FolderFiles"]

# What MLflow's local artifact store is still writing; its own listings hide it too.
_UNFINISHED = ".artifact.uploading."


class FolderFiles:
    """Reads the files below a folder, none outside of it.

    Args:
        problem: Hears of what stands there and is left.
    """

    def __init__(self, disk: Disk, folder: str, problem: Callable[[str], None]) -> None:
        self._disk = disk
        self._folder = folder
        self._problem = problem

    def text(self, digest: str) -> str | None:
        """Return a companion text; ``None`` where it is not there or not what its name says."""
        try:
            with self.fetched(f"{TEXTS}/{digest}.txt") as path:
                content = path.read_bytes()
        except MissingError:
            return None
        return texts.from_bytes(content) if hashlib.sha256(content).hexdigest() == digest else None

    def walk(self, place: str = "") -> Iterator[str]:
        """Yield the paths of all files below a place."""
        for path, is_folder in self.top(place):
            if is_folder:
                yield from self.walk(path)
            else:
                yield path

    below = walk

    def top(self, place: str = "") -> list[tuple[str, bool]]:
        """Return what lies directly at a place, and whether each is a folder."""
        above = f"{place}/" if place else ""
        found = self._disk.entries(self._path(place), self._problem)
        return [(above + entry.name, entry.is_folder) for entry in found if not entry.name.startswith(_UNFINISHED)]

    @contextmanager
    def fetched(self, place: str) -> Iterator[Path]:
        """Give the path of a file.

        Raises:
            MissingError: There is no such file, or it is not read.
        """
        path = self._path(place)
        try:
            self._disk.open(path).close()
        except (OSError, ValueError) as error:
            raise MissingError(f"the folder holds no file {place}: {error}") from error
        yield Path(path)

    def _path(self, place: str) -> str:
        parts = place.split("/") if place else []
        if any(part in ("", ".", "..") for part in parts):
            raise MissingError(f"the folder holds no file {place}: it would lie outside of it")
        return "/".join((self._folder, *parts))
