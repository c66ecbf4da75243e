"""Staging: an artifact that was set aside at the call, until its files are taken into the blobs.

It is a folder of the run's, ``staging/<id>/``: ``manifest.json``, whose presence says that the artifact is accepted;
``files/<n>``, a clone or hard link of each file; and ``progress.jsonl``, a line for each file that is taken in already.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Any, Literal

from tracklib import platform
from tracklib.errors import BadValueError
from tracklib.journal.layout import RunFolder, private_folder
from tracklib.journal.segment import new_writer_id
from tracklib.model.codec import dumps, from_fields, loads, to_fields
from tracklib.model.records import Artifact, Record
from tracklib.value import Value

__all__ = ["Staged", "StagedFile", "accept", "is_pending", "set_aside", "stage_file", "staged"]

_MANIFEST = "manifest.json"
_PROGRESS = "progress.jsonl"


class StagedFile(Value):
    """One file that was set aside.

    Attributes:
        path: Its place inside the artifact.
        how: ``clone``, a file of our own that shares the content; ``link``, another name of the very file; ``path``,
            nothing but the path, where the file lies on another disk.
        source: Its path at the call.
        size, modified: Bytes and nanoseconds, at the call.
    """

    path: str
    how: Literal["clone", "link", "path"]
    source: str
    size: int
    modified: int


class Staged(Value):
    """An artifact that was set aside.

    Attributes:
        place: Its folder.
        time: When it was logged; its record's time.
        artifact: All but its files.
        reserve: The setting that held at the call.
    """

    place: Path
    run: str
    project: str
    time: int
    artifact: Artifact
    files: tuple[StagedFile, ...]
    reserve: str

    @property
    def id(self) -> str:
        """The id of the segment that is to hold its record."""
        return self.place.name

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.size for file in self.files)

    def content(self, number: int) -> Path:
        """Return where a file's content is to be read."""
        file = self.files[number]
        return Path(file.source) if file.how == "path" else self.place / "files" / str(number)

    def progress(self) -> dict[int, dict[str, Any]]:
        """Return what came of the files that are done; a line that a power cut tore is done again."""
        done: dict[int, dict[str, Any]] = {}
        with contextlib.suppress(FileNotFoundError):
            for line in (self.place / _PROGRESS).read_bytes().split(b"\n")[:-1]:
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    fields = loads(line)
                    done[int(fields["file"])] = fields
        return done

    def note(self, number: int, **fields: Any) -> None:
        """Write down what came of a file."""
        fd = platform.open_private(self.place / _PROGRESS, os.O_WRONLY | os.O_APPEND)
        try:
            # The line feed in front ends a line that was torn.
            os.write(fd, b"\n" + dumps({"file": number, **fields}) + b"\n")
            platform.sync_data(fd)
        finally:
            os.close(fd)

    def remaining(self) -> int:
        """Return the bytes of the files that are not done."""
        done = self.progress()
        return sum(file.size for number, file in enumerate(self.files) if number not in done)

    def remove(self) -> None:
        """Take the folder away, the manifest first: without it there is nothing to do."""
        (self.place / _MANIFEST).unlink(missing_ok=True)
        shutil.rmtree(self.place, ignore_errors=True)
        with contextlib.suppress(OSError):  # not the last one
            self.place.parent.rmdir()


def is_pending(folder: RunFolder) -> bool:
    """Tell whether anything of a run is set aside and not taken in."""
    return any(True for _ in _accepted(folder))


def staged(folder: RunFolder) -> list[Staged]:
    """Return what is set aside, in the order of the calls."""
    found = [_read(place) for place in _accepted(folder)]
    return sorted((item for item in found if item is not None), key=lambda item: (item.time, item.id))


def _accepted(folder: RunFolder) -> Iterator[Path]:
    try:
        names = os.listdir(folder.staging)
    except FileNotFoundError:
        return
    yield from (folder.staging / name for name in names if (folder.staging / name / _MANIFEST).exists())


def _read(place: Path) -> Staged | None:
    try:
        fields = loads((place / _MANIFEST).read_bytes())
        body = from_fields(fields["record"], place.name).body
        assert isinstance(body, Artifact)
        files = tuple(StagedFile(*item) for item in fields["files"])
        time = int(fields["record"]["time"])
    except (OSError, ValueError, KeyError, TypeError):  # taken in and gone in this moment, or of another version
        return None
    return Staged(place, fields["run"], fields["project"], time, body, files, fields["reserve"])


@contextlib.contextmanager
def set_aside(folder: RunFolder) -> Iterator[Path]:
    """Give a new staging folder, which is taken away where setting aside fails."""
    place = folder.staging / new_writer_id()
    private_folder(place / "files")
    try:
        yield place
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def stage_file(place: Path, number: int, path: str, source: Path) -> StagedFile:
    """Set a file aside: a clone where the file system can, else a hard link, else its path alone.

    Args:
        place: The staging folder.
        number: Which file of the artifact it is.
        path: Its place inside the artifact.
        source: Where it lies, no link.

    Raises:
        BadValueError: It is no regular file any more.
        OSError: It cannot be read.
    """
    target = place / "files" / str(number)
    if (size := _clone(source, target)) is not None:
        return StagedFile(path, "clone", str(source), size, 0)
    how: Literal["link", "path"] = "link"
    try:
        os.link(source, target, follow_symlinks=False)
    except (OSError, NotImplementedError):  # another disk, no links there, or not ours to link
        how = "path"
    seen = os.lstat(target if how == "link" else source)
    if not stat.S_ISREG(seen.st_mode):
        if how == "link":
            target.unlink()
        raise BadValueError(f"expected a regular file at {source}, got something else")
    return StagedFile(path, how, str(source), seen.st_size, seen.st_mtime_ns)


def _clone(source: Path, target: Path) -> int | None:
    """Clone a file; return its size, or ``None`` where the file system cannot.

    Raises:
        OSError: It cannot be read.
    """
    reader = os.open(source, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0))
    try:
        writer = platform.open_private(target, os.O_WRONLY | os.O_EXCL)
        try:
            if stat.S_ISREG(os.fstat(reader).st_mode) and platform.clone_file(reader, writer):
                return os.fstat(writer).st_size
        finally:
            os.close(writer)
        target.unlink()
        return None
    finally:
        os.close(reader)


def accept(
    place: Path, *, run: str, project: str, time: int, artifact: Artifact, files: list[StagedFile], reserve: str
) -> None:
    """Write the manifest: from now on the artifact is accepted.

    Raises:
        OSError: The disk does not take it.
    """
    record = to_fields(Record(place.name, 1, time, artifact))
    fields = {"run": run, "project": project, "reserve": reserve, "record": record}
    temporary = place / f"{_MANIFEST}.tmp"
    with os.fdopen(platform.open_private(temporary, os.O_WRONLY | os.O_EXCL), "wb") as file:
        file.write(dumps({**fields, "files": [astuple(item) for item in files]}))
        file.flush()
        platform.sync_data(file.fileno())
    os.replace(temporary, place / _MANIFEST)
