"""`Files`: the content of a run's files, in Aim's store of artifacts or in pieces inside the run."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from tracklib.model.records import FileRef
from tracklib_aim.border import border
from tracklib_aim.companions import root
from tracklib_aim.database import Database, put
from tracklib_aim.database import Path as TreePath
from tracklib_aim.identity import clean
from tracklib_aim.surroundings import sdk

__all__ = ["Files", "copied", "described"]

_PIECE = 1 << 20
_FOLDER = "file://"


class Files:
    """Keeps and gives the content of files.

    Args:
        seqs: Where the run itself keeps contents; ``None`` where it is gone.
        uri: Where Aim keeps artifacts; ``None``: the run itself does.
    """

    def __init__(self, run_hash: str, seqs: Database | None, uri: str | None) -> None:
        self._hash = run_hash
        self._database = seqs
        self.uri = uri

    def keep(self, file: FileRef, content: Path) -> None:
        """Keep a file's content in the run, where it is not there yet; its size, written last, says that it is."""
        place = (*root(self._hash), "files", file.sha256)
        with border(f"storing {file.path!r}"):
            if self._seqs.get((*place, "size")) == file.size:
                return
            with content.open("rb") as source:
                for number, piece in enumerate(iter(lambda: source.read(_PIECE), b"")):
                    self._seqs.write([put((*place, number), piece)])
            self._seqs.write([put((*place, "size"), file.size)])

    def upload(self, file: FileRef, content: Path, stored: str) -> Any:
        """Bring a file to Aim's store of artifacts; return Aim's object for it."""
        with border(f"uploading {file.path!r}"):
            artifact = sdk("aim.sdk.objects.artifact").Artifact(str(content), uri=self._run_uri(), name=stored)
            with _whole():
                artifact.upload(block=True)
            # Where the content lay on the machine that sent it is nobody's business.
            artifact.storage["path"] = clean(file.path)
            return artifact

    def discard(self) -> str:
        """Remove what the store of artifacts holds of the run; return what stays, in words."""
        if self.uri is None:
            return ""
        if not self._run_uri().startswith(_FOLDER):
            return f"the files of its artifacts stay in {self._run_uri()}"
        shutil.rmtree(self._run_uri().removeprefix(_FOLDER), ignore_errors=True)
        return ""

    @property
    def _seqs(self) -> Database:
        assert self._database is not None, "contents are asked of a run that is there"
        return self._database

    def _run_uri(self) -> str:
        assert self.uri is not None, "what has no store is kept in the run"
        return f"{self.uri}/{self._hash}"

    def kept(self, sha256: str) -> IO[bytes] | None:
        """Return the content that the run holds under a digest."""
        place = (*root(self._hash), "files", sha256)
        with border("reading a file"):
            size = self._seqs.get((*place, "size"))
            return _pieces(self._seqs, place, size) if isinstance(size, int) else None

    def fetched(self, stored: str) -> IO[bytes] | None:
        """Return the content that Aim's store has at a place."""
        with border(f"downloading {stored!r}"), tempfile.TemporaryDirectory() as folder:
            store = sdk("aim.storage.artifacts").registry.get_storage(self._run_uri())
            try:
                path = store.download_artifact(stored, dest_dir=folder)
            except FileNotFoundError:
                return None
            except Exception as error:
                if "404" in str(error) or "NoSuchKey" in str(error):  # botocore makes its classes as it goes
                    return None
                raise
            with open(path, "rb") as source:
                return copied(iter(lambda: source.read(_PIECE), b""))


def _pieces(seqs: Database, place: TreePath, size: int) -> IO[bytes]:
    pieces = (seqs.get((*place, number), b"") for number in range(-(-size // _PIECE)))
    return copied(piece for piece in pieces if isinstance(piece, bytes))


def copied(pieces: Iterator[bytes]) -> IO[bytes]:
    """Return a temporary file of pieces, at its beginning."""
    copy = tempfile.TemporaryFile()  # noqa: SIM115  the caller closes it
    for piece in pieces:
        copy.write(piece)
    copy.seek(0)
    return copy


def described(content: IO[bytes], path: str) -> FileRef:
    """Return the reference to a file as it really is, and leave it at its beginning."""
    digest = hashlib.sha256()
    for piece in iter(lambda: content.read(_PIECE), b""):
        digest.update(piece)
    size = content.seek(0, os.SEEK_END)
    content.seek(0)
    return FileRef(path, size, digest.hexdigest())


@contextlib.contextmanager
def _whole() -> Iterator[None]:
    """Take what was copied of a file away again where the disk has no room for all of it: the next run may need the room."""
    try:
        yield
    except OSError as error:
        if isinstance(error.filename2, str):
            Path(error.filename2).unlink(missing_ok=True)
        raise
