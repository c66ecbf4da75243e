"""The spool: files on their way from a source to a sink, for as long as one batch needs them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from io import RawIOBase
from pathlib import Path
from typing import TYPE_CHECKING

from tracklib import platform
from tracklib.errors import BackendError, NoRoomError, RejectedError, RunStateError, TracklibError
from tracklib.model.query import RunQuery
from tracklib.model.records import FileRef
from tracklib.portability.room import is_full

if TYPE_CHECKING:
    from tracklib.backends.contract import Source
    from tracklib.model.run import RunInfo

__all__ = ["Spool"]

_CHUNK = 1 << 20


class Spool:
    """Fetches files from a source when a sink asks for them; each lies there under its digest, never under its name.

    They lie in a folder of their own inside the scratch, where the sink keeps what it needs until it is closed.
    """

    def __init__(self, source: Source, run: RunInfo, scratch: Path) -> None:
        self._source = source
        self._run = run
        self._folder = scratch / "spool"

    def open(self, file: FileRef) -> Path:
        """Return the path of a file's content, checked against its digest.

        Raises:
            RejectedError: The source does not hold it, or holds something else.
            NoRoomError: The disk of temporary files is full.
            RunStateError: Because it does not hold the run any more: no sink may go on as if a file alone were missing.
        """
        path = self._folder / file.sha256
        if not path.exists():
            self._fetch(file, path)
        return path

    def clear(self) -> None:
        """Remove what was fetched."""
        if self._folder.exists():
            shutil.rmtree(self._folder)

    def _fetch(self, file: FileRef, path: Path) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        temporary = path.with_suffix(".part")
        try:
            digest, size = self._copy(file, temporary)
            if (size, digest) != (file.size, file.sha256):
                raise RejectedError(
                    f"expected {file.size} bytes of {file.path!r} with the digest {file.sha256[:12]}, "
                    f"got {size} with {digest[:12]} from the source"
                )
            os.replace(temporary, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()

    def _copy(self, file: FileRef, target: Path) -> tuple[str, int]:
        digest, size = hashlib.sha256(), 0
        try:
            content = self._source.open_file(self._run, file)
        except (BackendError, OSError) as error:
            reason = f"the source does not give the content of {file.path!r}: {error}"
            if self._is_gone():
                raise RunStateError(f"it was deleted while it was read: {reason}") from error
            raise RejectedError(reason) from error
        with content, os.fdopen(platform.open_private(target, os.O_WRONLY | os.O_TRUNC), "wb", buffering=0) as out:
            while chunk := content.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                try:
                    _write(out, chunk)
                except OSError as error:
                    if is_full(error):
                        raise NoRoomError(f"no room for files on their way, in {self._folder}: {error}") from error
                    raise
        return digest.hexdigest(), size

    def _is_gone(self) -> bool:
        """Tell whether the source says that it has the run no more."""
        try:
            return next(iter(self._source.runs(RunQuery(project=self._run.project, id=self._run.id))), None) is None
        except TracklibError:  # it cannot say: then a file is missing, and no more is known
            return False


def _write(out: RawIOBase, chunk: bytes) -> None:
    """Write all of a piece, of which a disk that is nearly full takes a part."""
    rest = memoryview(chunk)
    while rest:
        rest = rest[out.write(rest) or 0 :]
