"""`AimSource`: the read half; gives the runs of a repository, and everything in each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, cast

from tracklib.backends.capabilities import Capabilities
from tracklib.errors import RejectedError, TransientError
from tracklib.model.query import RunQuery
from tracklib.model.records import FileRef, Position, Record
from tracklib.model.run import RunInfo
from tracklib_aim.capabilities import CAPABILITIES
from tracklib_aim.files import Files
from tracklib_aim.identity import run_hash
from tracklib_aim.reading import RunReader
from tracklib_aim.repository import Repository
from tracklib_aim.settings import AimSettings

__all__ = ["AimSource"]

_WRITER = "aim"


class AimSource:
    """Reads runs from Aim, those that tracklib wrote and all others.

    It reads each run's own databases, not Aim's index, which may lack what was written last. Records carry the writer
    ``aim`` and a running number; their order is that of the kinds, not of the times. One metric at a time is held in
    memory.
    """

    def __init__(self, settings: AimSettings) -> None:
        self._settings = settings.resolved()
        self._connected: Repository | None = None
        self._reader: RunReader | None = None

    @property
    def capabilities(self) -> Capabilities:
        """What Aim holds, and how well."""
        return CAPABILITIES

    def runs(self, query: RunQuery, /) -> Iterator[RunInfo]:
        """Yield the runs that a query selects."""
        for place in self._candidates(query):
            info = self._info(place)
            if info is not None and query.matches(info):
                yield info

    def _info(self, place: str) -> RunInfo | None:
        """Return who a run is that was listed; ``None`` where it was deleted meanwhile, a failed one where it is damaged."""
        try:
            reader = RunReader(self._repository, place)
        except (RejectedError, TransientError):
            if self._repository.is_gone(place):
                return None
            if self._settings.is_remote:
                raise
            return RunInfo("default", place, place, status="failed", place=place)
        reader.rest()
        return reader.info

    def read(self, run: RunInfo, /, after: Position | None = None) -> Iterator[Record]:
        """Yield the records of a run; with ``after``, those behind that position."""
        done = (after or {}).get(_WRITER, 0)
        self._reader = reader = RunReader(self._repository, self._place(run))
        try:
            for seq, (time, body) in enumerate(reader.bodies(), 1):
                if seq > done:
                    yield Record(_WRITER, seq, time, body)
        finally:
            reader.rest()

    def open_file(self, run: RunInfo, file: FileRef, /) -> BinaryIO:
        """Open the content of a file that a record of this run names."""
        place = self._place(run)
        if self._reader is None or self._reader.hash != place:
            self._reader = RunReader(self._repository, place)
        content = self._reader.contents.opened(file.sha256)
        if content is None:  # it was not read yet
            for _ in self._reader.bodies():
                pass
            content = self._reader.contents.opened(file.sha256)
        self._reader.rest()
        if content is None:
            raise RejectedError(f"Aim's run {place} holds no file {file.path!r} of the digest {file.sha256}")
        return cast("BinaryIO", content)

    def delete(self, run: RunInfo, /) -> str:
        """Remove a run for good; the files of its artifacts go with it where they lie in a folder of this machine."""
        place = self._place(run)
        self._reader = None
        if not self._repository.delete(place):
            return ""
        return Files(place, None, self._settings.artifacts).discard()

    @property
    def _repository(self) -> Repository:
        if self._connected is None:
            self._connected = Repository(self._settings, make=False)
        return self._connected

    def _candidates(self, query: RunQuery) -> list[str]:
        """Return the hashes of the runs that may satisfy a query."""
        if query.place is not None:
            return self._repository.found({query.place})
        if query.id is not None and query.project is not None:
            return self._repository.found({run_hash(query.project, query.id), query.id})
        return self._repository.hashes()

    def _place(self, run: RunInfo) -> str:
        """Return Aim's hash of a run."""
        if run.place is not None:
            return run.place
        found = next(self.runs(RunQuery(project=run.project, id=run.id)), None)
        if found is None or found.place is None:
            raise RejectedError(f"Aim holds no run {run.id!r} of the project {run.project!r}")
        return found.place
