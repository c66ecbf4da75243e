"""`Contents`: the files of a run that tracklib did not write, hashed as they are read, and found again by their digest."""

from __future__ import annotations

import hashlib
import io
import tempfile
import weakref
from collections import Counter
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, BinaryIO, cast

from tracklib.errors import RejectedError
from tracklib.model.records import FileRef
from tracklib_wandb.view import RunView, StoredArtifact

if TYPE_CHECKING:
    from tracklib_wandb.tables import Bundle

__all__ = ["Contents", "is_safe"]

_CHUNK = 1 << 20


def is_safe(path: str) -> bool:
    """Tell whether a path stays inside an artifact: relative, no part empty, ``.`` or ``..``, nothing no disk takes."""
    return bool(path) and "\0" not in path and not any(part in ("", ".", "..") for part in path.split("/"))


class Contents:
    """Reads files of a run, and keeps what was made of them.

    Attributes:
        missing: What could not be read, in words for people, and how often.
        taken: The paths of the run's files that something of the run is made of.
        taken_apart: The files of artifacts that are so, each with the artifact's digest.
    """

    def __init__(self, view: RunView) -> None:
        self._view = view
        self._fetches: dict[str, Callable[[], BinaryIO]] = {}
        self._made: IO[bytes] | None = None
        self.missing: Counter[str] = Counter()
        self.taken: set[str] = set()
        self.taken_apart: set[tuple[str | None, str]] = set()

    def close(self) -> None:
        """Let go of what was made."""
        if self._made is not None:
            self._made.close()

    def of_run(self, path: str, shown: str) -> FileRef:
        """Return the reference to a file of the run.

        Args:
            shown: Its path in the record.

        Raises:
            RejectedError: It is not there.
        """
        file = self._hashed(lambda: self._view.open_file(path), shown)
        self.taken.add(path)
        return file

    def of_artifact(self, artifact: StoredArtifact, path: str, shown: str) -> FileRef:
        """Return the reference to a file of an artifact.

        Raises:
            RejectedError: It is not there.
        """
        return self._hashed(lambda: self._view.open_artifact_file(artifact, path), shown)

    def made(self, content: bytes, shown: str) -> FileRef:
        """Return the reference to a file that is made here."""
        sha256 = hashlib.sha256(content).hexdigest()
        if sha256 not in self._fetches:
            if self._made is None:
                self._made = tempfile.TemporaryFile()  # noqa: SIM115  it is closed with the contents
                weakref.finalize(self, self._made.close)
            start = self._made.seek(0, io.SEEK_END)
            self._made.write(content)
            self._fetches[sha256] = lambda: self._again(start, len(content))
        return FileRef(shown, len(content), sha256)

    def open(self, sha256: str) -> BinaryIO | None:
        """Open the content of a file that was read or made; ``None`` where there was none."""
        fetch = self._fetches.get(sha256)
        return fetch() if fetch is not None else None

    def bundle(self, uri: str) -> Bundle | None:
        """Return the files of the artifact that a row means; ``None`` where it is not found."""
        from tracklib_wandb.tables import Bundle

        artifact = self._view.find_artifact(uri)
        return Bundle(self, artifact) if artifact is not None else None

    def _hashed(self, fetch: Callable[[], BinaryIO], shown: str) -> FileRef:
        digest, size = hashlib.sha256(), 0
        try:
            with fetch() as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
        except OSError as error:
            raise RejectedError(f"{shown} cannot be read: {error}") from error
        self._fetches[digest.hexdigest()] = fetch
        return FileRef(shown, size, digest.hexdigest())

    def _again(self, start: int, size: int) -> BinaryIO:
        assert self._made is not None
        self._made.seek(start)
        return cast("BinaryIO", io.BytesIO(self._made.read(size)))
