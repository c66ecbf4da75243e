"""`ExportedFiles`: what neptune-exporter downloaded, below one folder and never outside of it."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO

from tracklib.errors import RejectedError
from tracklib.model.records import FileRef

__all__ = ["ExportedFiles"]

_CHUNK = 1 << 20
# A named pipe that nobody writes to would hold up whoever opens it.
_READ = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)


class ExportedFiles:
    """Reads the files of one project.

    Args:
        root: The folder that the paths in the export start from.
    """

    def __init__(self, root: str) -> None:
        self._root = os.path.realpath(root)

    def find(self, path: str) -> str:
        """Return where a path of the export lies on the disk.

        Raises:
            RejectedError: It leads out of the folder, or nothing is there.
        """
        for text in dict.fromkeys((path, path.replace("\\", "/"))):  # an exporter on Windows wrote backslashes
            if not text or "\0" in text or os.path.isabs(text) or ".." in text.split("/"):
                raise RejectedError(f"the path {path!r} leads out of the export")
            place = os.path.join(self._root, *text.split("/"))
            real = os.path.realpath(place)
            if os.path.commonpath((real, self._root)) != self._root:
                raise RejectedError(f"the path {path!r} leads out of the export")
            if os.path.exists(real):
                return real
        raise RejectedError(f"the file {path!r} is not in the export")

    def below(self, place: str) -> Iterator[tuple[str, str]]:
        """Yield what is no folder below a folder: the paths from there, and on the disk."""
        for folder, folders, names in os.walk(place):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(folder, name)
                yield os.path.relpath(path, place).replace(os.sep, "/"), path

    def open(self, place: str) -> BinaryIO:
        """Open a file that was found; a link is none.

        Raises:
            RejectedError: It is no file, or cannot be read.
        """
        try:
            file = os.fdopen(os.open(place, _READ), "rb")
        except OSError as error:
            raise RejectedError(f"{place} cannot be read: {error.strerror or error}") from error
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise RejectedError(f"{place} is no file")
        return file

    def reference(self, path: str, place: str) -> FileRef:
        """Return a file by its content, under a path of its own."""
        digest, size = hashlib.sha256(), 0
        with self.open(place) as file:
            while block := file.read(_CHUNK):
                digest.update(block)
                size += len(block)
        return FileRef(path, size, digest.hexdigest())
