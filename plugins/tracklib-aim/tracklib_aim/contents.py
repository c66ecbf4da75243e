"""`Contents`: a run's artifacts and media as they really are, hashed, whatever the records beside it claim."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import IO

from tracklib.model.records import Artifact, FileRef, Media, Record
from tracklib_aim.border import border
from tracklib_aim.companions import root
from tracklib_aim.database import Database
from tracklib_aim.file_writers import PLACES, place_key
from tracklib_aim.files import Files, described
from tracklib_aim.paths import stored_path

__all__ = ["Contents"]

_Fetch = Callable[[], "IO[bytes] | None"]


class Contents:
    """Reads the files of a run.

    Attributes:
        damaged: What could not be read, for people.
    """

    def __init__(self, run_hash: str, seqs: Database, files: Files) -> None:
        self.damaged: list[str] = []
        self._files = files
        self._fetches: dict[str, _Fetch] = {}
        with border("reading where artifacts are"):
            self._places = dict(seqs.items((*root(run_hash), PLACES)))

    def artifact(self, record: Record) -> Artifact:
        """Return an artifact with the files that are there."""
        body = record.body
        assert isinstance(body, Artifact)
        place = self._places.get(place_key(record))
        found = (self._file(file, place) for file in body.files)
        return replace(body, files=tuple(file for file in found if file is not None))

    def media(self, record: Record) -> Media | None:
        """Return a medium, or ``None`` where its file is gone."""
        body = record.body
        assert isinstance(body, Media)
        file = self._file(body.file, None)
        attachments = [self._file(item, None) for item in body.attachments]
        if file is None:
            return None
        return replace(body, file=file, attachments=tuple(item for item in attachments if item is not None))

    def add(self, content: IO[bytes], path: str, fetch: _Fetch) -> FileRef:
        """Return the reference to a file that no record names."""
        with content:
            file = described(content, path)
        self._fetches[file.sha256] = fetch
        return file

    def artifacts_elsewhere(self, stored: list[str], known: set[str]) -> Iterator[Artifact]:
        """Yield Aim's artifacts that no record names."""
        for name in sorted(set(stored) - known):
            if (content := self._files.fetched(name)) is None:
                self.damaged.append(f"the artifact {name} is not where Aim says")
                continue
            file = self.add(content, name.rpartition("/")[2] or name, self._fetch(name))
            yield Artifact(name, "file", (file,))

    def stored(self, record: Record) -> set[str]:
        """Return where the files of an artifact lie in Aim's store."""
        assert isinstance(record.body, Artifact)
        place = self._places.get(place_key(record))
        return {stored_path(place, file.path) for file in record.body.files} if place is not None else set()

    def opened(self, sha256: str) -> IO[bytes] | None:
        """Open the content of a file that was read."""
        fetch = self._fetches.get(sha256)
        return fetch() if fetch is not None else None

    def _fetch(self, stored: str) -> _Fetch:
        return lambda: self._files.fetched(stored)

    def _file(self, file: FileRef, place: str | None) -> FileRef | None:
        fetch: _Fetch = lambda: self._files.kept(file.sha256)  # noqa: E731  one of two ways to the same thing
        if place is not None:
            fetch = self._fetch(stored_path(place, file.path))
        content = fetch()
        if content is None:
            self.damaged.append(f"the file {file.path} of {file.size} bytes is not where it was stored")
            return None
        return self.add(content, file.path, fetch)
