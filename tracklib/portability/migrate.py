"""Migrating: the runs of one place copied to another, each once, whatever interrupts it."""

from __future__ import annotations

import dataclasses
import itertools
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tracklib.backends.contract import LeftoverSource
from tracklib.errors import AuthError, ConfigError, RejectedError, TracklibError
from tracklib.model.query import RunQuery
from tracklib.model.records import Context, Record, RunStart
from tracklib.portability.choice import Choice
from tracklib.portability.compare import compare_runs
from tracklib.portability.comparison import Comparison, Difference
from tracklib.portability.copy import Change, Progress, copy_run
from tracklib.portability.damage import Damage
from tracklib.portability.growth import Growth
from tracklib.portability.ledger import Book, Entry, is_copied, mark_of, started_of, status_of
from tracklib.portability.listing import listed
from tracklib.portability.room import is_full
from tracklib.typing import JSON

if TYPE_CHECKING:
    from tracklib.backends.contract import Leftover, Source
    from tracklib.model.run import RunInfo
    from tracklib.portability.places import Place

__all__ = ["Migration", "Result", "leftovers_of", "map_users"]

_OPEN = ("running", "stale")
_REMEDY = "; free some, and repeat"
_GROUP = 500
"""Runs that are held at a time where no size is asked for."""


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

    @property
    def is_damaged(self) -> bool:
        """Whether not all of it could be read just now."""
        return self.state != "unchanged" and bool(self.progress.tally.damaged)


@dataclass(slots=True)
class Migration:
    """One migration with its ledger.

    Attributes:
        jobs: How many runs are copied at a time.
        replaces: A run that changed, and not by going on alone, is copied anew: the destination replaces its copy in one
            stroke, and refuses another run of the same id.
        unfinished: A run that goes on is copied as far as it came also where its source numbers its records anew at each
            reading; what it grew by is found by looking into the copy.
        watch: Called as a run comes forward.
    """

    source: Place
    destination: Place
    ledger: Book
    choice: Choice = field(default_factory=Choice)
    change: Change | None = None
    jobs: int = 1
    replaces: bool = False
    unfinished: bool = False
    watch: Callable[[RunInfo, Progress], None] = lambda _run, _progress: None
    _local: threading.local = field(default_factory=threading.local)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def waves(self, size: int | None) -> Iterator[list[RunInfo]]:
        """Yield the runs that are meant in groups of a size; memory holds one group."""
        runs = listed(self.choice.runs(self._source()))
        while wave := list(itertools.islice(runs, size or _GROUP)):
            yield wave

    def left_out(self) -> dict[str, int]:
        """Return what the source holds and did not list, and how often, in its own words."""
        return dict(getattr(self._source(), "left_out", {}))

    def unlisted(self) -> dict[str, str]:
        """Return which lists of the source's own could not be read, and why: runs may be missing."""
        return dict(getattr(self._source(), "unlisted", {}))

    def copy(self, runs: Iterable[RunInfo]) -> Iterator[Result]:
        """Copy runs, and yield what became of each; one that fails is left, and the others go on.

        Raises:
            AuthError, ConfigError: No run can be copied so.
        """
        if self.jobs == 1:
            yield from map(self._copy, runs)
            return
        self._stopped.clear()
        with ThreadPoolExecutor(self.jobs) as pool:
            try:
                yield from pool.map(self._copy, runs)
            except BaseException:  # what ends this thread, such as Ctrl-C, ends the jobs that it would wait for
                self._stopped.set()
                raise

    def compare(self, run: RunInfo) -> Comparison:
        """Compare a run with its copy."""
        copy = self.find(run)
        if copy is None:
            missing = Comparison()
            missing.add(Difference("run", run.id, run.name, None))
            return missing
        return compare_runs(self._source(), run, self._target(), copy, change=self.change)

    def check(self, result: Result) -> Comparison | None:
        """Compare a run that was copied, now or earlier, with its copy; ``None`` where it is none, or was found equal before."""
        if result.state not in ("copied", "unchanged"):
            return None
        run = result.run
        entry = self.ledger.find(run.project, run.id)
        if entry is not None and entry.checked:
            return None
        found = self.compare(run)
        if found.equal and entry is not None:
            self.ledger.save(dataclasses.replace(entry, checked=True))
        return found

    def find(self, run: RunInfo) -> RunInfo | None:
        """Return a run's copy."""
        entry = self.ledger.find(run.project, run.id)
        place = entry.progress.vendor_id if entry is not None else None
        found = list(self._target().runs(RunQuery(id=run.id)))
        ours = [item for item in found if place in (item.place, item.id)]
        return next((item for item in ours if item.project == run.project), next(iter(ours), None))

    def gone(self) -> Iterator[RunInfo]:
        """Yield the copies of runs that are at the source no more, and of which not all was copied."""
        for entry in self.ledger.entries():
            query = RunQuery(project=entry.project, id=entry.id)
            if entry.state != "copied" and not any(True for _ in self._source().runs(query)):
                yield from (copy for copy in self._target().runs(query) if _is_copy(copy, entry))

    def leftovers(self) -> Iterator[Leftover]:
        """Yield what the source holds beside runs, as far as it can say."""
        return leftovers_of(self._source())

    def _source(self) -> Source:
        """Return this thread's own source."""
        return self._own("source", self.source)

    def _target(self) -> Source:
        """Return this thread's own reader of the destination."""
        return self._own("target", self.destination)

    def _own(self, name: str, place: Place) -> Source:
        if not hasattr(self._local, name):
            setattr(self._local, name, place.source())
        source: Source = getattr(self._local, name)
        return source

    def _copy(self, run: RunInfo) -> Result:
        entry = self.ledger.find(run.project, run.id)
        mark = mark_of(run)
        if entry is not None and is_copied(entry, run):
            return Result(run, "unchanged", entry.progress)
        try:
            return self._moved(run, entry, mark)
        except (AuthError, ConfigError):
            raise
        except Exception as error:  # a plugin's own fault in one run is no reason to leave out the others
            words = str(error) if isinstance(error, TracklibError) else f"{type(error).__name__}: {error}"
            if is_full(error):
                words = _of_room(words, self.destination)
            held = self.ledger.find(run.project, run.id) or Entry(run.project, run.id, run.name)
            self.ledger.save(dataclasses.replace(held, state="failed", error=words))
            return Result(run, "failed", held.progress, words)

    def _moved(self, run: RunInfo, entry: Entry | None, mark: str) -> Result:
        source = self._source()
        is_growing = bool(getattr(source, "append_only", False))
        if run.status in _OPEN and not (is_growing or self.unfinished):
            return Result(run, "waiting")
        if entry is not None and not is_growing and status_of(entry.mark) in _OPEN:
            return self._grown(source, run, entry)
        begun = entry or Entry(run.project, run.id, run.name)
        has_changed = begun.mark and begun.mark != mark and begun.progress.position
        if has_changed and self.replaces and (not is_growing or started_of(begun.mark) != run.started):
            return self._moved(run, None, mark)
        if has_changed and not is_growing:
            raise RejectedError(
                "it has changed since it was copied, and its source numbers records anew: "
                "delete the copy and name another ledger to copy it again"
            )
        return self._carried(source, run, dataclasses.replace(begun, mark=mark))

    def _grown(self, source: Source, run: RunInfo, entry: Entry) -> Result:
        """Copy what a run grew by; its mark stays that of a run that goes on until all of it is there."""
        copy, target = self.find(run), self._target()
        held = target.read(copy) if copy is not None else iter(())
        with Growth(held, target.capabilities) as growth:
            return self._carried(source, run, entry, growth)

    def _carried(self, source: Source, run: RunInfo, entry: Entry, growth: Growth | None = None) -> Result:
        entry = dataclasses.replace(entry, state="begun", error="", checked=False)
        self.ledger.save(entry)
        before, clock = Damage.of(source), time.perf_counter()
        progress = self._stream(source, run, entry, growth)
        entry = dataclasses.replace(entry, seconds=entry.seconds + time.perf_counter() - clock)
        self._check(run, entry.at(progress), Damage.of(source).since(before))
        state: Literal["partial", "copied"] = "partial" if run.status in _OPEN else "copied"
        self.ledger.save(dataclasses.replace(entry, state=state, mark=mark_of(run), progress=progress))
        return Result(run, state, progress)

    def _sleep(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise _StoppedError

    def _check(self, run: RunInfo, entry: Entry, damage: Damage) -> None:
        """Refuse to call a run copied of which its source did not give all.

        Raises:
            RejectedError: Part of it could not be read, or all of it is gone.
        """
        if damage:
            self.ledger.save(entry)
            raise RejectedError(f"only part of it could be read and was copied: {damage}")
        if not entry.progress.tally.records and not entry.progress.tally.refused:
            raise RejectedError(f"its source gives no record of it any more; it was listed as {run.status}")

    def _stream(self, source: Source, run: RunInfo, entry: Entry, growth: Growth | None) -> Progress:
        def save(progress: Progress) -> None:
            self.ledger.save(entry.at(progress))
            self.watch(run, progress)
            if self._stopped.is_set():
                raise _StoppedError

        scratch = Path(tempfile.mkdtemp(prefix="tracklib-copy-"))
        try:
            return copy_run(
                source,
                run,
                self.destination.sink,
                scratch,
                after=entry.progress,
                growth=growth,
                change=self.change,
                save=save,
                sleep=time.sleep if self.jobs == 1 else self._sleep,
            )
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _of_room(words: str, place: Place) -> str:
    """Return what is said of a disk that is full: which place's, where its own words do not say so, and what to do."""
    said = words.removesuffix(_REMEDY)
    return f"{said if said.startswith('no room') else f'no room for it in {place.text}: {said}'}{_REMEDY}"


def _is_copy(run: RunInfo, entry: Entry) -> bool:
    """Tell whether a run is what an entry's copy came to; one that failed early may not have noted the id."""
    known = entry.progress.vendor_id
    return known in (run.place, run.id) if known is not None else run.status in (*_OPEN, "crashed")


class _StoppedError(BaseException):
    """The migration ends, and this job with it; no fault of the run's."""


def leftovers_of(source: Source) -> Iterator[Leftover]:
    """Yield what a source holds beside runs, as far as it can say."""
    return source.leftovers() if isinstance(source, LeftoverSource) else iter(())


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
