"""`WandbSource`: the read half; gives the runs of a team, a project or a folder, and everything in each."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from tracklib.backends.capabilities import Capabilities
from tracklib.backends.contract import Leftover
from tracklib.errors import RejectedError
from tracklib.model.query import RunQuery
from tracklib.model.records import FileRef, Position, Record
from tracklib.model.run import RunInfo
from tracklib_wandb.capabilities import CAPABILITIES
from tracklib_wandb.foreign import ForeignRun, Timed
from tracklib_wandb.identity import KEY, Identity
from tracklib_wandb.offline_folder import OfflineFolder
from tracklib_wandb.restoring import RestoredRun
from tracklib_wandb.settings import WandbSettings
from tracklib_wandb.view import RunView, place_of

__all__ = ["WandbSource"]

_WRITER = "wandb"


class _Place(Protocol):
    """Where runs are: a folder, or a project at a server."""

    def views(self, query: RunQuery, /) -> Iterator[RunView | RunInfo]:
        """Yield the runs that may satisfy a query; of one that cannot be read, what can be said of it."""
        ...

    def find(self, place: str, /) -> RunView | None:
        """Return the run of a place, as `tracklib_wandb.view.place_of` has it."""
        ...

    def leftovers(self) -> Iterator[Leftover]:
        """Yield what it has beside runs."""
        ...

    def delete(self, place: str, /) -> str:
        """Remove the run of a place; return what of it stays, in words."""
        ...


class _Reader(Protocol):
    """One run as bodies of records."""

    def bodies(self) -> Iterator[Timed]:
        """Yield everything, the start first and the end last."""
        ...

    def open(self, sha256: str, /) -> BinaryIO | None:
        """Open a file that was read."""
        ...

    def close(self) -> None:
        """Let go of what is kept for it."""
        ...


class WandbSource:
    """Reads runs from W&B or from its offline directories, those that tracklib wrote and all others.

    Records carry the writer ``wandb`` and a running number; their order is that of the kinds, not of the times.
    """

    def __init__(self, settings: WandbSettings) -> None:
        self._settings = settings.resolved()
        self._opened: _Place | None = None
        self._reader: tuple[str, _Reader] | None = None

    @property
    def capabilities(self) -> Capabilities:
        """What W&B holds, and how well."""
        return CAPABILITIES

    def runs(self, query: RunQuery, /) -> Iterator[RunInfo]:
        """Yield the runs that a query selects."""
        for found in self._place.views(query):
            info = found if isinstance(found, RunInfo) else _info(found)
            if query.matches(info):
                yield info

    def read(self, run: RunInfo, /, after: Position | None = None) -> Iterator[Record]:
        """Yield the records of a run; with ``after``, those behind that position."""
        done = (after or {}).get(_WRITER, 0)
        for seq, (time, body) in enumerate(self._open(run, fresh=True).bodies(), 1):
            if seq > done:
                yield Record(_WRITER, seq, time, body)

    def open_file(self, run: RunInfo, file: FileRef, /) -> BinaryIO:
        """Open the content of a file that a record of this run names."""
        reader = self._open(run)
        content = reader.open(file.sha256)
        if content is None:  # it was not read yet
            for _ in reader.bodies():
                pass
            content = reader.open(file.sha256)
        if content is None:
            raise RejectedError(f"W&B's run {run.place or run.id} holds no file {file.path!r} of {file.sha256}")
        return content

    def leftovers(self) -> Iterator[Leftover]:
        """Yield what the place holds that belongs to no run: sweeps, reports, saved views, registries."""
        return self._place.leftovers()

    def delete(self, run: RunInfo, /) -> str:
        """Remove a run: at a server without its artifacts, which other runs may share; in a folder with all there is."""
        place = self._place_of(run)
        if place is None:
            return ""
        if self._reader is not None:
            self._reader[1].close()
            self._reader = None
        return self._place.delete(place)

    @property
    def _place(self) -> _Place:
        if self._opened is None:
            if self._settings.directory is not None:
                self._opened = OfflineFolder(Path(self._settings.directory))
            else:
                from tracklib_wandb.online_project import OnlineProject

                self._opened = OnlineProject(self._settings)
        return self._opened

    def _place_of(self, run: RunInfo) -> str | None:
        """Return where W&B has a run; ``None`` where it has none."""
        if run.place is not None:
            return run.place
        found = next(self.runs(RunQuery(project=run.project, id=run.id)), None)
        return found.place if found is not None else None

    def _open(self, run: RunInfo, *, fresh: bool = False) -> _Reader:
        """Return a run's reader; the last one is kept, as files are asked for after the records that name them."""
        place = self._place_of(run)
        if place is None:
            raise RejectedError(f"W&B holds no run {run.id!r} of the project {run.project!r}")
        if fresh or self._reader is None or self._reader[0] != place:
            if self._reader is not None:
                self._reader[1].close()
            view = self._place.find(place)
            if view is None:
                raise RejectedError(f"W&B holds no run {place}")
            self._reader = place, _reader(view, place)
        return self._reader[1]


def _info(view: RunView) -> RunInfo:
    held = Identity.within(view.config().get(KEY))
    place = place_of(view.vitals)
    if held is None:
        return ForeignRun(view, place).info
    return dataclasses.replace(held.info(view.vitals), place=place)


def _reader(view: RunView, place: str) -> _Reader:
    held = Identity.within(view.config().get(KEY))
    return ForeignRun(view, place) if held is None else RestoredRun(view, held)
