"""Artifacts: from a path to the files that it stands for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tracklib.errors import BadValueError
from tracklib.journal.blobs import BlobStore
from tracklib.model.records import Artifact, FileRef
from tracklib.model.scalars import describe
from tracklib.typing import JSON

__all__ = ["capture"]


def capture(
    blobs: BlobStore,
    path: object,
    *,
    name: str | None,
    type: str,
    aliases: Sequence[str],
    metadata: Mapping[str, JSON],
) -> tuple[Artifact, list[str]]:
    """Copy a file, or the files of a directory, into the blobs; return the artifact and what was left out, and why.

    Raises:
        BadValueError: There is nothing at the path, or the artifact has no name.
        OSError: It cannot be read, or the disk is full.
    """
    source = _source(path)
    left: list[str] = []
    label = name if name is not None else os.path.basename(os.path.abspath(source))
    if not label:
        raise BadValueError(f"expected a name for the artifact, got {describe(label)}")
    files: tuple[FileRef, ...]
    folders: tuple[str, ...]
    if source.is_file():
        files, folders = (blobs.add(source, source.name),), ()
    elif source.resolve().is_relative_to(blobs.home):
        raise BadValueError(f"expected a directory outside the journal, got {source}, which would come to hold itself")
    else:
        files, folders = _directory(blobs, source, left)
    return Artifact(label, type, files, tuple(dict.fromkeys(aliases)), metadata, folders), left


def _source(path: object) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise BadValueError(f"expected the path of a file or directory, got {describe(path)}")
    source = Path(path)
    if not source.exists():
        raise BadValueError(f"expected a file or directory at {source}, got nothing (in {Path.cwd()})")
    if not source.is_file() and not source.is_dir():
        raise BadValueError(f"expected a file or directory at {source}, got a device, pipe or socket")
    return source


def _directory(blobs: BlobStore, source: Path, left: list[str]) -> tuple[tuple[FileRef, ...], tuple[str, ...]]:
    files = []
    folders = []
    for relative, is_folder in _walk(source, left, blobs.home):
        if is_folder:
            folders.append(relative)
            continue
        try:
            files.append(blobs.add(source / relative, relative))
        except (OSError, BadValueError) as error:
            left.append(f"{relative}: {error}")
    return tuple(files), tuple(folders)


def _walk(source: Path, left: list[str], journal: Path) -> Iterator[tuple[str, bool]]:
    """Yield the files, and the directories without any, by name.

    Links that lead out of the directory are left out, and so is the journal itself, which would hold itself.
    """
    home = Path(os.path.realpath(source))  # resolve() raises at a loop of links, before Python 3.11

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
            yield Path(here).as_posix(), True
        for name in sorted(names):
            relative = Path(here, name).as_posix()
            # Not Path.resolve, which raises where links run in a circle.
            target = Path(os.path.realpath(os.path.join(folder, name)))
            if not target.is_relative_to(home):
                left.append(f"{relative}: a link that leads out of the directory")
            elif not target.is_file():
                left.append(f"{relative}: no regular file")
            else:
                yield relative, False
