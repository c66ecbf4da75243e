"""`CometSource`: the read half; gives the runs of a workspace, a project, a folder or a zip, and everything in each."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from tracklib.backends.capabilities import Capabilities
from tracklib.backends.contract import Leftover
from tracklib.errors import RejectedError, TransientError
from tracklib.model.query import RunQuery
from tracklib.model.records import FileRef, Position, Record
from tracklib.model.run import RunInfo
from tracklib_comet.archive import Archive, LostError, StrangeError
from tracklib_comet.border import MissingError
from tracklib_comet.capabilities import CAPABILITIES
from tracklib_comet.experiment import Viewing
from tracklib_comet.identity import experiment_key
from tracklib_comet.leftovers import leftovers
from tracklib_comet.online_view import OnlineView
from tracklib_comet.reading import RunReader
from tracklib_comet.service import Service
from tracklib_comet.settings import CometSettings
from tracklib_comet.zip_view import LostView, ZipView

__all__ = ["CometSource"]

_WRITER = "comet"
_PROJECT = "general"
"""Where Comet itself puts what names no project."""

_KEY = re.compile(r"[A-Za-z0-9]{32,50}\Z")


class CometSource:
    """Reads runs from Comet, those that tracklib wrote and all others.

    Records carry the writer ``comet`` and a running number; their order is that of the kinds, not of the times.

    Attributes:
        left_out: Archived experiments that the last listing left out.
    """

    def __init__(self, settings: CometSettings) -> None:
        self._settings = settings.resolved()
        self._connected: Service | None = None
        self._reader: RunReader | None = None
        self.left_out: Counter[str] = Counter()

    @property
    def capabilities(self) -> Capabilities:
        """What Comet holds, and how well."""
        return CAPABILITIES

    def runs(self, query: RunQuery, /) -> Iterator[RunInfo]:
        """Yield the runs that a query selects; a zip of a folder that cannot be read is a run that has failed.

        Raises:
            RejectedError: The zip that was asked for cannot be read, or one that may be the run that was asked for.
        """
        bad: dict[Path, str] = {}
        is_found = False
        for view in self._views(query, bad):
            info = RunReader(view).info
            if query.matches(info):
                is_found = True
                yield info
        asks_for_one = query.id is not None or query.place is not None
        if bad and not is_found and (asks_for_one or Path(self._settings.offline or "") in bad):
            raise RejectedError("; ".join(bad.values()))
        if not asks_for_one:
            yield from filter(query.matches, map(self._unreadable, bad))

    def _unreadable(self, path: Path) -> RunInfo:
        """Return what can be said of a zip that cannot be read: reading it says why."""
        try:
            when = path.stat().st_mtime_ns
        except OSError:  # it is gone by now
            when = 0
        name = path.stem
        project = self._settings.project or _PROJECT
        return RunInfo(project, name, name, status="failed", started=when, ended=when, place=name)

    def read(self, run: RunInfo, /, after: Position | None = None) -> Iterator[Record]:
        """Yield the records of a run; with ``after``, those behind that position."""
        done = (after or {}).get(_WRITER, 0)
        self._reader = reader = RunReader(self._view(run))
        for seq, (time, body) in enumerate(reader.bodies(), 1):
            if seq > done:
                yield Record(_WRITER, seq, time, body)

    def open_file(self, run: RunInfo, file: FileRef, /) -> BinaryIO:
        """Open the content of a file that a record of this run names."""
        place = run.place or run.id
        if self._reader is None or self._reader.key != place:
            self._reader = RunReader(self._view(run))
        content = self._reader.contents.opened(file.sha256)
        if content is None:  # it was not read yet
            for _ in self._reader.bodies():
                pass
            content = self._reader.contents.opened(file.sha256)
        if content is None:
            raise RejectedError(f"Comet's experiment {place} holds no file {file.path!r} of the digest {file.sha256}")
        return cast("BinaryIO", content)

    def leftovers(self) -> Iterator[Leftover]:
        """Yield what the place holds that belongs to no run; zips hold runs alone."""
        return iter(()) if self._settings.is_offline else leftovers(self._service, self._projects())

    def delete(self, run: RunInfo, /) -> str:
        """Remove a run for good: the experiment with its files, or its zip."""
        self._reader = None
        view = self._found(run, {})
        try:
            return "" if view is None else view.discard()
        except MissingError:  # somebody else was quicker
            return ""
        except OSError as error:
            raise TransientError(f"removing the zip of the run {run.id!r}: {error.strerror or error}") from error

    def _views(self, query: RunQuery, bad: dict[Path, str]) -> Iterator[Viewing]:
        """Yield the experiments that may satisfy a query; what is none is noted in ``bad``."""
        if self._settings.is_offline:
            yield from self._zips(query, bad)
            return
        if (keys := self._keys(query)) is not None:
            for key in keys:
                if (told := self._service.metadata(key)) is not None and self._is_here(str(told.get("projectName"))):
                    yield OnlineView(self._service, key, told)
            return
        self.left_out = Counter()
        for project in self._projects():
            for told in self._service.experiments(project):
                yield OnlineView(self._service, str(told["experimentKey"]), told)
            if archived := sum(1 for _ in self._service.experiments(project, archived=True)):
                self.left_out["archived experiments"] += archived

    def _projects(self) -> list[str]:
        return [self._settings.project] if self._settings.project else self._service.projects()

    def _keys(self, query: RunQuery) -> Sequence[str] | None:
        """Return the keys that a run can have; ``None`` where all have to be looked at."""
        if query.place is not None:
            return [query.place]
        if query.id is None:
            return None
        if query.project is None:
            return [query.id] if self._is_foreign(query.id) else None
        workspaces = dict.fromkeys((self._service.workspace, ""))
        foreign = [query.id] if _KEY.match(query.id) else []
        return [*(experiment_key(workspace, query.project, query.id) for workspace in workspaces), *foreign]

    def _is_foreign(self, key: str) -> bool:
        """Tell whether an id is the key of an experiment that tracklib did not write."""
        told = self._service.metadata(key) if _KEY.match(key) else None
        return told is not None and RunReader(OnlineView(self._service, key, told)).info.id == key

    def _is_here(self, project: str) -> bool:
        return self._settings.project in (None, project)

    def _zips(self, query: RunQuery, bad: dict[Path, str]) -> Iterator[Viewing]:
        place = Path(self._settings.offline or "")
        paths = sorted(place.glob("*.zip")) if place.is_dir() else [place]
        for path in paths:
            if query.place is not None and len(paths) > 1 and not path.name.startswith(query.place):
                continue
            try:
                yield ZipView(Archive(path))
            except LostError as error:
                yield LostView(path, str(error))
            except StrangeError as error:
                if not place.is_dir():  # in a folder there may be other zips
                    bad[path] = str(error)
            except RejectedError as error:
                bad[path] = str(error)

    def _view(self, run: RunInfo) -> Viewing:
        """Return the experiment of a run."""
        bad: dict[Path, str] = {}
        if (view := self._found(run, bad)) is None:
            raise RejectedError(
                "; ".join([f"Comet holds no run {run.id!r} of the project {run.project!r}", *bad.values()])
            )
        return view

    def _found(self, run: RunInfo, bad: dict[Path, str]) -> Viewing | None:
        query = RunQuery(place=run.place) if run.place else RunQuery(project=run.project, id=run.id)
        return next((view for view in self._views(query, bad) if run.place in (None, view.key)), None)

    @property
    def _service(self) -> Service:
        if self._connected is None:
            self._connected = Service(self._settings)
        return self._connected
