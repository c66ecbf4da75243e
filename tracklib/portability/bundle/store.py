"""The store: what a bundle asks of the place where it lies, and a folder that gives it."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from tracklib import platform
from tracklib.errors import ConfigError, NoRoomError, RejectedError, TransientError
from tracklib.journal.layout import private_folder

__all__ = ["FolderStore", "Held", "Store", "digest_of"]

_CHUNK = 1 << 20
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_CLOSED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ELOOP})


@dataclass(frozen=True, slots=True)
class Held:
    """A file that a store holds.

    Attributes:
        modified: Seconds since the epoch.
    """

    path: str
    size: int
    modified: float


class Store(Protocol):
    """Files by their paths within a bundle; each appears whole, or not at all.

    Every method raises `FileNotFoundError` where the file is not there, and `NoRoomError`, `AuthError`, `ConfigError` or
    `TransientError` where the place does not do what is asked.
    """

    def read(self, path: str, /) -> bytes:
        """Return the content of a small file."""
        ...

    def open(self, path: str, /) -> BinaryIO:
        """Open a file to be read."""
        ...

    def local(self, path: str, /) -> AbstractContextManager[Path]:
        """Lend a file as one of this machine."""
        ...

    def size(self, path: str, /) -> int | None:
        """Return the size of a file; ``None`` where it is not there."""
        ...

    def write(self, path: str, content: bytes, /) -> None:
        """Write a small file, over another one of the name."""
        ...

    def upload(self, source: Path, path: str, /) -> None:
        """Write a file of this machine, over another one of the name."""
        ...

    def list(self, folder: str, /) -> Iterator[Held]:
        """Yield all files below a folder, which need not be there."""
        ...

    def remove(self, path: str, /) -> None:
        """Remove a file, which may be gone already."""
        ...


def digest_of(path: Path) -> tuple[str, int]:
    """Return the SHA-256 and the size of a file."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


class FolderStore:
    """A bundle in a folder.

    A file is written under another name, brought to the disk, and given its own name then.
    """

    def __init__(self, root: str) -> None:
        self._root = os.path.abspath(root)

    def __str__(self) -> str:
        return self._root

    def read(self, path: str, /) -> bytes:
        """Return the content of a small file."""
        with self.open(path) as file:
            return file.read()

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
        """Write a small file."""
        self._put(path, lambda file: file.write(content))

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
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(temporary, place)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
                raise
            _sync_folder(folder)

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


def _sync_folder(folder: str) -> None:
    """Bring the names in a folder to the disk, where the system has a way."""
    with contextlib.suppress(OSError):  # Windows opens no folder, and some network disks sync none
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
