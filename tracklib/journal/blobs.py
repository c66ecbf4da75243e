"""Blobs: files kept by their content, each once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from tracklib import platform
from tracklib.errors import BadValueError, RejectedError
from tracklib.journal.layout import Root, private_folder
from tracklib.model.records import FileRef

__all__ = ["BlobStore"]

_CHUNK = 1 << 20


def _created(path: Path) -> BinaryIO:
    return os.fdopen(platform.open_private(path, os.O_WRONLY | os.O_EXCL), "wb")


class BlobStore:
    """The content-addressed files of a journal root."""

    def __init__(self, root: Root) -> None:
        self._root = root

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

    def add(self, source: Path, path: str) -> FileRef:
        """Copy a file in and return its reference.

        Args:
            source: A regular file.
            path: Its place inside the artifact.

        Raises:
            BadValueError: The file changed while it was copied.
            OSError: It cannot be read, or the disk is full.
        """
        temporary = self._temporary()
        try:
            with source.open("rb") as reader:
                before = os.fstat(reader.fileno())
                digest, size = self._copy(reader.fileno(), temporary)
                after = os.fstat(reader.fileno())
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or size != after.st_size:
                raise BadValueError(
                    f"expected {source} to rest while it is recorded, but it changed; log it when it is written"
                )
            self._place(temporary, digest, size)
        finally:
            temporary.unlink(missing_ok=True)
        return FileRef(path, size, digest)

    def add_bytes(self, content: bytes, path: str) -> FileRef:
        """Keep some bytes and return their reference."""
        import hashlib

        temporary = self._temporary()
        digest = hashlib.sha256(content).hexdigest()
        try:
            with _created(temporary) as file:
                file.write(content)
            self._place(temporary, digest, len(content))
        finally:
            temporary.unlink(missing_ok=True)
        return FileRef(path, len(content), digest)

    def _temporary(self) -> Path:
        private_folder(self._root.scratch)
        return self._root.scratch / f"blob-{os.getpid()}-{os.urandom(8).hex()}"

    def _copy(self, reader: int, target: Path) -> tuple[str, int]:
        import hashlib  # loads OpenSSL, which a run without artifacts need not pay for

        digest = hashlib.sha256()
        size = 0
        with _created(target) as writer:
            while chunk := os.read(reader, _CHUNK):
                digest.update(chunk)
                writer.write(chunk)
                size += len(chunk)
            writer.flush()
            os.fsync(writer.fileno())
        return digest.hexdigest(), size

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
