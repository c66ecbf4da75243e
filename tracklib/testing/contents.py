"""`Contents`: what the files that records name hold."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tracklib.errors import RejectedError
from tracklib.model.records import FileRef

__all__ = ["Contents"]


class Contents:
    """A folder of contents by their SHA-256, which sinks open files from.

    Attributes:
        folder: Where they lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def file(self, path: str, content: bytes = b"") -> FileRef:
        """Keep a content; return the reference to it that a record holds."""
        return FileRef(path, len(content), self.keep(content))

    def keep(self, content: bytes) -> str:
        """Keep a content; return its SHA-256."""
        digest = hashlib.sha256(content).hexdigest()
        (self.folder / digest).write_bytes(content)
        return digest

    def open(self, file: FileRef) -> Path:
        """Return where the content of a file lies: the ``content`` of a `SinkContext`.

        Raises:
            RejectedError: It is lost.
        """
        path = self.folder / file.sha256
        if not path.exists():
            raise RejectedError(f"the content of {file.path} is lost")
        return path
