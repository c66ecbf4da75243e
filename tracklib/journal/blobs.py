"""Blobs: files kept by their content, each once."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tracklib import platform
from tracklib.errors import BadValueError, NoRoomError, RejectedError
from tracklib.journal.layout import Root, private_folder
from tracklib.model.records import FileRef
from tracklib.settings import reserve_of
from tracklib.value import Value

__all__ = ["BlobStore", "Kept"]

_CHUNK = 1 << 20
_PORTION = 64 << 20
"""Bytes after which a long copy waits for the disk, so that its dirty pages never slow down who else writes."""


class Kept(Value):
    """A content that was copied in.

    Attributes:
        modified: When the file that it comes from was last changed, in nanoseconds.
    """

    size: int
    sha256: str
    modified: int


def _created(path: Path) -> BinaryIO:
    return os.fdopen(platform.open_private(path, os.O_WRONLY | os.O_EXCL), "wb", buffering=0)


class BlobStore:
    """The content-addressed files of a journal root.

    Args:
        reserve: What stays free on the disk, as the setting of that name says it; nothing is added that would take of it.
    """

    def __init__(self, root: Root, reserve: str = "0b") -> None:
        self._root = root
        self._reserve = reserve

    @property
    def home(self) -> Path:
        """The journal root that they lie in."""
        return self._root.path.resolve()

    def path(self, sha256: str) -> Path:
        """Return where a content lies, whether it is there or not."""
        return self._root.blobs / sha256[:2] / sha256[2:]

    def open(self, file: FileRef) -> Path:
        """Return the path of a file's content.

        Raises:
            RejectedError: It is not there any more, or not whole.
        """
        path = self.path(file.sha256)
        try:
            size = path.stat().st_size
        except OSError as error:
            raise RejectedError(
                f"the content of {file.path} ({file.sha256[:12]}) is gone from {self._root.blobs}"
            ) from error
        if size != file.size:
            raise RejectedError(f"expected {file.size} bytes of {file.path}, got {size} in {path}")
        return path

    def check_room(self, size: int) -> None:
        """Check that so many bytes may be added.

        Raises:
            NoRoomError: Less than the reserve would stay free.
        """
        import shutil

        disk = shutil.disk_usage(self._root.path)
        reserve = reserve_of(self._reserve, disk.total)
        if reserve and disk.free - size < reserve:
            raise NoRoomError(
                f"expected {(size + reserve) / 1e6:,.0f} MB to be free on the disk of {self._root.path}, "
                f"{reserve / 1e6:,.0f} MB of them the reserve, got {disk.free / 1e6:,.0f} MB; free space, or set reserve"
            )

    def add(self, source: Path, path: str) -> FileRef:
        """Copy a file in and return its reference.

        Args:
            source: A regular file.
            path: Its place inside the artifact.

        Raises:
            BadValueError: The file changed while it was copied.
            NoRoomError: Less than the reserve would stay free.
            OSError: It cannot be read, or the disk is full.
        """
        kept = self.copy_in(source)
        return FileRef(path, kept.size, kept.sha256)

    def copy_in(self, source: Path) -> Kept:
        """Copy a file in; raises as `add` does."""
        with self._temporary() as temporary, _opened(source) as reader:
            before = os.fstat(reader)
            self.check_room(before.st_size)
            digest, size = self._copy(reader, temporary)
            after = os.fstat(reader)
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or size != after.st_size:
                raise BadValueError(
                    f"expected {source} to rest while it is recorded, but it changed; log it when it is written"
                )
            self._place(temporary, digest, size)
        return Kept(size, digest, after.st_mtime_ns)

    def link_in(self, source: Path) -> Kept:
        """Take over a file of the root's own, which nobody changes any more; it stays where it is, too.

        Raises:
            OSError: It cannot be read, or linked.
        """
        with self._temporary() as temporary, _opened(source) as reader:
            digest, size = _hash(reader, None)
            os.fsync(reader)
            os.link(source, temporary)
            self._place(temporary, digest, size)
            return Kept(size, digest, os.fstat(reader).st_mtime_ns)

    def add_bytes(self, content: bytes, path: str) -> FileRef:
        """Keep some bytes and return their reference.

        Raises:
            NoRoomError: Less than the reserve would stay free.
            OSError: The disk is full.
        """
        import hashlib

        digest = hashlib.sha256(content).hexdigest()
        self.check_room(len(content))
        with self._temporary() as temporary:
            with os.fdopen(platform.open_private(temporary, os.O_WRONLY | os.O_EXCL), "wb") as file:
                file.write(content)
            self._place(temporary, digest, len(content))
        return FileRef(path, len(content), digest)

    def _copy(self, reader: int, target: Path) -> tuple[str, int]:
        with _created(target) as writer:
            digest, size = _hash(reader, writer)
            os.fsync(writer.fileno())
            _forget(writer)
        return digest, size

    @contextlib.contextmanager
    def _temporary(self) -> Iterator[Path]:
        private_folder(self._root.scratch)
        path = self._root.scratch / f"blob-{os.getpid()}-{os.urandom(8).hex()}"
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _place(self, temporary: Path, digest: str, size: int) -> None:
        final = self.path(digest)
        try:
            os.utime(final)  # as good as new: whoever removes what no record names yet spares what is young
            whole = final.stat().st_size == size  # else it was cut short by a power cut, and is mended now
        except FileNotFoundError:
            whole = False
        if not whole:
            private_folder(final.parent)
            os.replace(temporary, final)

    def remove(self, sha256: str) -> int:
        """Remove a content; return the bytes that this freed."""
        path = self.path(sha256)
        try:
            size = path.stat().st_size
            path.unlink()
        except FileNotFoundError:
            return 0
        return size

    def free(self) -> int:
        """Return the bytes that are free on the disk."""
        import shutil

        return shutil.disk_usage(self._root.path).free


@contextlib.contextmanager
def _opened(source: Path) -> Iterator[int]:
    """Open a regular file to read; a pipe that took its place meanwhile blocks nobody."""
    reader = os.open(source, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        if not stat.S_ISREG(os.fstat(reader).st_mode):
            raise BadValueError(f"expected a regular file at {source}, got something else")
        yield reader
    finally:
        os.close(reader)


def _hash(reader: int, writer: BinaryIO | None) -> tuple[str, int]:
    """Read a file to its end, write it to another one where there is one; return its digest and size."""
    import hashlib  # loads OpenSSL, which a run without artifacts need not pay for

    digest = hashlib.sha256()
    size = portion = 0
    while chunk := os.read(reader, _CHUNK):
        digest.update(chunk)
        size += len(chunk)
        if writer is None:
            continue
        _write(writer, chunk)
        portion += len(chunk)
        if portion >= _PORTION:
            portion = 0
            platform.sync_data(writer.fileno())
            _forget(writer)
    return digest.hexdigest(), size


def _write(writer: BinaryIO, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[writer.write(view) :]


def _forget(writer: BinaryIO) -> None:
    """Keep nothing of a long file in memory that is on the disk."""
    if writer.tell() >= _PORTION:
        platform.drop_cached(writer.fileno())
