"""Artifacts: from a path to the files that it stands for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from tracklib.errors import BadValueError
from tracklib.journal.blobs import BlobStore
from tracklib.model.records import Artifact, FileRef
from tracklib.model.scalars import describe

__all__ = ["Found", "FoundFile", "capture", "find", "name_of"]


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file of an artifact.

    Attributes:
        path: Its place inside the artifact.
        place: Where it lies, all links followed.
    """

    path: str
    place: Path
    size: int


@dataclass(slots=True)
class Found:
    """What a path stands for.

    Attributes:
        folders: Directories without a file.
        left: What is left out, and why.
        is_file: Whether the path is that of a single file.
    """

    files: list[FoundFile] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    is_file: bool = False

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def name_of(path: object, name: str | None) -> str:
    """Return an artifact's name: the given one, or the path's last part.

    Raises:
        BadValueError: It has none.
    """
    label = name if name is not None else os.path.basename(os.path.abspath(_path(path)))
    if not label:
        raise BadValueError(f"expected a name for the artifact, got {describe(label)}")
    return label


def find(path: object, journal: Path) -> Found:
    """Look at a path.

    Args:
        path: A file or directory.
        journal: The journal root, which is never part of an artifact.

    Raises:
        BadValueError: There is nothing at the path that can be recorded.
        OSError: It cannot be looked at.
    """
    source = _path(path)
    if not source.exists():
        raise BadValueError(f"expected a file or directory at {source}, got nothing (in {Path.cwd()})")
    found = Found(is_file=source.is_file())
    if found.is_file:
        place = Path(os.path.realpath(source))
        found.files.append(FoundFile(source.name, place, place.stat().st_size))
    elif not source.is_dir():
        raise BadValueError(f"expected a file or directory at {source}, got a device, pipe or socket")
    elif source.resolve().is_relative_to(journal):
        raise BadValueError(f"expected a directory outside the journal, got {source}, which would come to hold itself")
    else:
        found.files.extend(_walk(source, found, journal))
    return found


def capture(blobs: BlobStore, found: Found, artifact: Artifact) -> Artifact:
    """Copy files into the blobs; return the artifact with them. What cannot be copied of several is left out by name.

    Raises:
        BadValueError: The only file changed while it was copied.
        NoRoomError: Less than the reserve would stay free.
        OSError: The only file cannot be read, or the disk is full.
    """
    blobs.check_room(found.size)
    files: list[FileRef] = []
    for file in found.files:
        try:
            files.append(blobs.add(file.place, file.path))
        except (OSError, BadValueError) as error:
            if found.is_file:
                raise
            found.left.append(f"{file.path}: {error}")
    return replace(artifact, files=tuple(files), folders=tuple(found.folders))


def _path(path: object) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise BadValueError(f"expected the path of a file or directory, got {describe(path)}")
    return Path(path)


def _walk(source: Path, found: Found, journal: Path) -> Iterator[FoundFile]:
    """Yield the files by name, and note the directories without any.

    Links that lead out of the directory are left out, and so is the journal itself, which would hold itself.
    """
    home = Path(os.path.realpath(source))  # resolve() raises at a loop of links, before Python 3.11
    left = found.left

    def unreadable(error: OSError) -> None:
        left.append(str(error))

    for folder, folders, names in os.walk(source, onerror=unreadable):
        folders.sort()
        here = os.path.relpath(folder, source)
        if own := [name for name in folders if Path(os.path.realpath(os.path.join(folder, name))) == journal]:
            folders.remove(own[0])
            left.append(f"{os.path.normpath(os.path.join(here, own[0]))}: the journal of this very run")
        linked = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        left += [f"{os.path.normpath(os.path.join(here, name))}: a link to a directory" for name in linked]
        if not names and not folders and here != ".":
            found.folders.append(Path(here).as_posix())
        for name in sorted(names):
            relative = Path(here, name).as_posix()
            # Not Path.resolve, which raises where links run in a circle.
            target = Path(os.path.realpath(os.path.join(folder, name)))
            if not target.is_relative_to(home):
                left.append(f"{relative}: a link that leads out of the directory")
            elif not target.is_file():
                left.append(f"{relative}: no regular file")
            else:
                yield FoundFile(relative, target, target.stat().st_size)
