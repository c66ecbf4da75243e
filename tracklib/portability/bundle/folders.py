"""`FolderStore`: a bundle in a folder of this machine."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tracklib import platform
from tracklib.errors import ConfigError, NoRoomError, RejectedError, TransientError
from tracklib.journal.layout import private_folder
from tracklib.portability.bundle.layout import FILES, RUNS
from tracklib.portability.bundle.store import Held, small

__all__ = ["FolderStore"]

_CHUNK = 1 << 20
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_CLOSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ELOOP})


class FolderStore:
    """A bundle in a folder.

    A file is written under another name, and given its own one then. What was uploaded is brought to the disk before the
    next small file is written, which may name it: together, that takes a fraction of the time.
    """

    def __init__(self, root: str) -> None:
        self._root = os.path.abspath(root)
        self._unsynced: dict[str, None] = {}
        self._lock = threading.Lock()

    def __str__(self) -> str:
        return self._root

    def read(self, path: str, /) -> bytes:
        """Return the content of a small file."""
        with self.open(path) as file:
            return small(file, path)

    def open(self, path: str, /) -> BinaryIO:
        """Open a file to be read."""
        with self._border(path):
            return Path(self._place(path)).open("rb")

    @contextmanager
    def local(self, path: str, /) -> Iterator[Path]:
        """Lend a file."""
        place = Path(self._place(path))
        with self._border(path):
            place.stat()
        yield place

    def size(self, path: str, /) -> int | None:
        """Return the size of a file."""
        try:
            with self._border(path):
                return os.stat(self._place(path)).st_size
        except FileNotFoundError:
            return None

    def write(self, path: str, content: bytes, /) -> None:
        """Write a small file, and bring it to the disk, after all that was uploaded before."""
        self._sync()
        self._put(path, lambda file: file.write(content))
        self._sync()

    def upload(self, source: Path, path: str, /) -> None:
        """Write a file of this machine."""
        with source.open("rb") as content:
            self._put(path, lambda file: shutil.copyfileobj(content, file, _CHUNK))

    def _put(self, path: str, fill: Callable[[BinaryIO], object]) -> None:
        place = self._place(path)
        folder = os.path.dirname(place)
        temporary = f"{folder}/.{secrets.token_hex(8)}.part"
        with self._border(path):
            self._make(folder)
            try:
                with os.fdopen(platform.open_private(temporary, os.O_WRONLY | os.O_EXCL), "wb") as file:
                    fill(file)
                os.replace(temporary, place)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
                raise
        with self._lock:
            self._unsynced[place] = None

    def _sync(self) -> None:
        """Bring what was written to the disk: contents first, then their names."""
        with self._lock:
            places = list(self._unsynced)
            with self._border("what was written"):
                for place in places:
                    with contextlib.suppress(FileNotFoundError):
                        _sync_file(place)
            for folder in dict.fromkeys(map(os.path.dirname, places)):
                _sync_folder(folder)
            self._unsynced.clear()

    def list(self, folder: str, /) -> Iterator[Held]:
        """Yield all files below a folder, those too that a writer left half written."""
        with self._border(folder):
            for parent, folders, names in os.walk(self._place(folder)):
                folders.sort()
                for name in sorted(names):
                    place = os.path.join(parent, name)
                    with contextlib.suppress(FileNotFoundError):
                        stat = os.lstat(place)
                        path = os.path.relpath(place, self._root).replace(os.sep, "/")
                        yield Held(path, stat.st_size, stat.st_mtime)

    def remove(self, path: str, /) -> None:
        """Remove a file, and the folders that it leaves empty."""
        place = self._place(path)
        with self._border(path), contextlib.suppress(FileNotFoundError):
            os.unlink(place)
        if not path.startswith((f"{RUNS}/", f"{FILES}/")):
            return
        with contextlib.suppress(OSError):  # it holds other files
            while (place := os.path.dirname(place)) != self._root:
                os.rmdir(place)

    def _place(self, path: str) -> str:
        """Return where a path lies, which is below the root, whatever links somebody has put there."""
        parts = path.split("/")
        if any(part in ("", ".", "..") or "\0" in part or os.sep in part for part in parts):
            raise RejectedError(f"expected a path within the bundle, got {path[:200]!r}")
        place = os.path.join(self._root, *parts)
        root, real = os.path.realpath(self._root), os.path.realpath(place)
        if os.path.commonpath([root, real]) != root:
            raise RejectedError(f"expected a file within {self._root}, got a link to {real}")
        return place

    def _make(self, folder: str) -> None:
        if not os.path.isdir(folder):
            parent = os.path.dirname(folder)
            if folder not in (self._root, parent):
                self._make(parent)
            private_folder(Path(folder))

    @contextmanager
    def _border(self, path: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            words = f"{path} in {self._root}: {error.strerror or error}"
            if error.errno in _FULL:
                raise NoRoomError(f"no room for {words}; free some, and repeat") from error
            raise (ConfigError if error.errno in _CLOSED else TransientError)(words) from error


def _sync_file(place: str) -> None:
    fd = os.open(place, os.O_RDWR)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _sync_folder(folder: str) -> None:
    """Bring the names in a folder to the disk, where the system has a way."""
    with contextlib.suppress(OSError):  # Windows opens no folder, and some network disks sync none
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
