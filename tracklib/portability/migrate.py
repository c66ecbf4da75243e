"""Migrating: the runs of one place copied to another, each once, whatever interrupts it."""

from __future__ import annotations

import dataclasses
import itertools
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tracklib.errors import AuthError, ConfigError, RejectedError, TracklibError
from tracklib.model.query import RunQuery
from tracklib.model.records import Context, Record, RunStart
from tracklib.portability.choice import Choice
from tracklib.portability.compare import Comparison, Difference, compare
from tracklib.portability.copy import Change, Progress, copy_run
from tracklib.portability.ledger import Book, Entry, mark_of, started_of
from tracklib.portability.snapshot import snapshot
from tracklib.typing import JSON

if TYPE_CHECKING:
    from tracklib.backends.contract import Source
    from tracklib.model.run import RunInfo
    from tracklib.portability.places import Place

__all__ = ["Migration", "Result", "map_users"]

_OPEN = ("running", "stale")


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one run.

    Attributes:
        state: ``copied`` now; ``partial``, it goes on and is completed by the next migration; ``unchanged`` since it was
            copied; ``waiting``, it goes on and is copied when it has ended; ``failed``.
    """

    run: RunInfo
    state: Literal["copied", "partial", "unchanged", "waiting", "failed"]
    progress: Progress = field(default_factory=Progress)
    error: str = ""


@dataclass(slots=True)
class Migration:
    """One migration with its ledger.

    Attributes:
        jobs: How many runs are copied at a time.
        replaces: A run that changed, and not by going on alone, is copied anew: the destination replaces its copy in one
            stroke, and refuses another run of the same id.
        watch: Called as a run comes forward.
    """

    source: Place
    destination: Place
    ledger: Book
    choice: Choice = field(default_factory=Choice)
    change: Change | None = None
    jobs: int = 1
    replaces: bool = False
    watch: Callable[[RunInfo, Progress], None] = lambda _run, _progress: None
    _local: threading.local = field(default_factory=threading.local)

    def waves(self, size: int | None) -> Iterator[list[RunInfo]]:
        """Yield the runs that are meant in groups of a size; all in one where it is ``None``."""
        runs = self.choice.runs(self._source())
        if size is None:
            yield list(runs)
            return
        while wave := list(itertools.islice(runs, size)):
            yield wave

    def left_out(self) -> dict[str, int]:
        """Return what the source holds and did not list, and how often, in its own words."""
        return dict(getattr(self._source(), "left_out", {}))

    def copy(self, runs: Iterable[RunInfo]) -> Iterator[Result]:
        """Copy runs, and yield what became of each; one that fails is left, and the others go on.

        Raises:
            AuthError, ConfigError: No run can be copied so.
        """
        if self.jobs == 1:
            yield from map(self._copy, runs)
            return
        with ThreadPoolExecutor(self.jobs) as pool:
            yield from pool.map(self._copy, runs)

    def compare(self, run: RunInfo) -> Comparison:
        """Compare a run with its copy."""
        entry = self.ledger.find(run.project, run.id)
        place = entry.progress.vendor_id if entry is not None else None
        target = self.destination.source()
        found = list(target.runs(RunQuery(id=run.id)))
        copy = next((item for item in found if place in (item.place, item.id) and item.project == run.project), None)
        copy = copy or next((item for item in found if place in (item.place, item.id)), None)
        if copy is None:
            missing = Comparison()
            missing.add(Difference("run", run.id, run.name, None))
            return missing
        records = self._source().read(run)
        left = snapshot(run.id, records if self.change is None else map(self.change, records))
        right = snapshot(run.id, target.read(copy))
        right.state.id = copy.id
        return compare(left, right, target.capabilities)

    def _source(self) -> Source:
        """Return this thread's own source."""
        if not hasattr(self._local, "source"):
            self._local.source = self.source.source()
        source: Source = self._local.source
        return source

    def _copy(self, run: RunInfo) -> Result:
        entry = self.ledger.find(run.project, run.id)
        mark = mark_of(run)
        if entry is not None and entry.state == "copied" and entry.mark == mark:
            return Result(run, "unchanged", entry.progress)
        try:
            return self._moved(run, entry, mark)
        except (AuthError, ConfigError):
            raise
        except Exception as error:  # a plugin's own fault in one run is no reason to leave out the others
            words = str(error) if isinstance(error, TracklibError) else f"{type(error).__name__}: {error}"
            held = self.ledger.find(run.project, run.id) or Entry(run.project, run.id, run.name)
            self.ledger.save(dataclasses.replace(held, state="failed", error=words))
            return Result(run, "failed", held.progress, words)

    def _moved(self, run: RunInfo, entry: Entry | None, mark: str) -> Result:
        source = self._source()
        is_growing = bool(getattr(source, "append_only", False))
        if run.status in _OPEN and not is_growing:
            return Result(run, "waiting")
        begun = entry or Entry(run.project, run.id, run.name)
        has_changed = begun.mark and begun.mark != mark and begun.progress.position
        if has_changed and self.replaces and (not is_growing or started_of(begun.mark) != run.started):
            return self._moved(run, None, mark)
        if has_changed and not is_growing:
            raise RejectedError(
                "it has changed since it was copied, and its source numbers records anew: "
                "delete the copy and name another ledger to copy it again"
            )
        entry = dataclasses.replace(begun, state="begun", mark=mark, error="")
        self.ledger.save(entry)
        progress = self._stream(source, run, entry)
        state: Literal["partial", "copied"] = "partial" if run.status in _OPEN else "copied"
        self.ledger.save(dataclasses.replace(entry, state=state, progress=progress))
        return Result(run, state, progress)

    def _stream(self, source: Source, run: RunInfo, entry: Entry) -> Progress:
        def save(progress: Progress) -> None:
            self.ledger.save(entry.at(progress))
            self.watch(run, progress)

        scratch = Path(tempfile.mkdtemp(prefix="tracklib-copy-"))
        try:
            return copy_run(
                source,
                run,
                self.destination.sink,
                scratch,
                after=entry.progress,
                change=self.change,
                save=save,
            )
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def map_users(names: Mapping[str, str]) -> Change:
    """Return the change that gives users other names, where a run's context names one."""

    def change(record: Record) -> Record:
        body = record.body
        if isinstance(body, RunStart):
            return dataclasses.replace(record, body=dataclasses.replace(body, context=_renamed(body.context, names)))
        if isinstance(body, Context):
            return dataclasses.replace(record, body=Context(_renamed(body.values, names)))
        return record

    return change


def _renamed(context: Mapping[str, JSON], names: Mapping[str, str]) -> Mapping[str, JSON]:
    user = context.get("user")
    return {**context, "user": names[user]} if isinstance(user, str) and user in names else context
