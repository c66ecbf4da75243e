"""The disk: what lies below one folder and nothing outside of it, whatever links, pipes and devices stand there."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

__all__ = ["Disk", "Entry", "LeftError"]

# A named pipe that nobody writes to would hold up whoever opens it.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0)


class LeftError(OSError):
    """Something that stands below the folder and is not read."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a folder."""

    name: str
    path: str
    is_folder: bool


class Disk:
    """Reads below a root.

    A link to a file that lies below the root too is followed; links to folders and out of the root are not.
    """

    def __init__(self, root: str) -> None:
        self.root = os.path.realpath(root)

    def entries(
        self, folder: str, problem: Callable[[str], None], wanted: Callable[[str], bool] | None = None
    ) -> list[Entry]:
        """Return the files and folders in a folder by their names, none where there is no such folder.

        Args:
            problem: Hears of what stands there and is left.
            wanted: Tells by its name what is not to be left out.
        """
        try:
            if os.path.islink(folder):
                raise LeftError("it is a link")
            with os.scandir(folder) as found:
                meant = found if wanted is None else (entry for entry in found if wanted(entry.name))
                entries = sorted(meant, key=lambda entry: entry.name)
        except FileNotFoundError:
            return []
        except OSError as error:
            problem(f"the folder {self.name(folder)} cannot be read: {_words(error)}")
            return []
        return [known for entry in entries if (known := self._known(entry, problem)) is not None]

    def walk(
        self,
        folder: str,
        problem: Callable[[str], None],
        above: str = "",
        wanted: Callable[[str], bool] | None = None,
    ) -> Iterator[tuple[str, str]]:
        """Yield the files below a folder: their paths from there, with ``/`` between the parts, and on the disk."""
        for entry in self.entries(folder, problem, wanted):
            name = f"{above}{entry.name}"
            if entry.is_folder:
                yield from self.walk(entry.path, problem, f"{name}/")
            else:
                yield name, entry.path

    def open(self, path: str) -> BinaryIO:
        """Open a file.

        Raises:
            OSError: There is none, or what is there is not read.
        """
        if not self._is_inside(path):
            raise LeftError("it leads out of the folder")
        return self._opened(path, _READ)

    def _opened(self, path: str, flags: int) -> BinaryIO:
        file = os.fdopen(os.open(path, flags), "rb")
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise LeftError("it is no file")
        return file

    def content(self, path: str, limit: int, *, is_known: bool = False) -> bytes:
        """Return what stands in a file.

        Args:
            is_known: The folder that it lies in was listed, and so is neither a link nor below one: most files are read
                so, as to look at each part of a path anew takes longer than to read the file.

        Raises:
            OSError: It cannot be read, or is larger than the limit.
        """
        with self._open_known(path) if is_known else self.open(path) as file:
            content = file.read(limit + 1)
        if len(content) > limit:
            raise LeftError(f"it has more than {limit:,} bytes")
        return content

    def _open_known(self, path: str) -> BinaryIO:
        try:
            return self._opened(path, _READ | _NO_LINKS) if _NO_LINKS else self.open(path)
        except OSError:  # a link among others, which may lead to a file of the folder's own
            if not os.path.islink(path):
                raise
            return self.open(path)

    def name(self, path: str) -> str:
        """Return a path from the root, for messages."""
        return os.path.relpath(path, self.root).replace(os.sep, "/")

    def _known(self, entry: os.DirEntry[str], problem: Callable[[str], None]) -> Entry | None:
        try:
            if entry.is_dir(follow_symlinks=False):
                return Entry(entry.name, entry.path, is_folder=True)
            if entry.is_file() and (not entry.is_symlink() or self._is_inside(entry.path)):
                return Entry(entry.name, entry.path, is_folder=False)
            what = "a link to a folder, or out of this one" if entry.is_symlink() else "no file"
        except OSError as error:
            what = f"not to be read: {_words(error)}"
        problem(f"{self.name(entry.path)} is left: it is {what}")
        return None

    def _is_inside(self, path: str) -> bool:
        real = os.path.realpath(path)
        return os.path.commonpath((real, self.root)) == self.root if os.path.isabs(real) else False


def _words(error: OSError) -> str:
    return error.strerror or str(error)
