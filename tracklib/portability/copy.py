"""Copying one run from a source to a sink: batch by batch, so that memory does not grow with the run."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tracklib.backends.contract import Outcome, Sink, SinkContext, Source, refused
from tracklib.delivery.retry import Breaker
from tracklib.errors import BadValueError, NoRoomError, RejectedError, TransientError, UnknownOutcomeError
from tracklib.model.codec import from_fields, to_fields
from tracklib.model.records import Artifact, Media, Position, Record
from tracklib.portability.growth import Growth
from tracklib.portability.ranks import as_one
from tracklib.portability.room import is_full, tells_of_full
from tracklib.portability.spool import Spool
from tracklib.portability.tally import Tally, files_of

if TYPE_CHECKING:
    from tracklib.model.run import RunInfo

__all__ = ["BATCH", "Progress", "batches", "copy_run"]

BATCH = 1000
"""Records in one send, about."""

_T = TypeVar("_T")

_BYTES = 256 << 20
_SAME_TIME = 5_000
_MILLISECOND = 1_000_000
_TRIES = 8


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the copy of a run came; everything before it is held by the destination.

    Attributes:
        position: Where the source's records are read on.
        vendor_id: The destination's id of the run.
    """

    position: Position = field(default_factory=dict)
    vendor_id: str | None = None
    url: str | None = None
    tally: Tally = field(default_factory=Tally)


@dataclass(frozen=True, slots=True)
class _Checkpoint:
    """What stands behind one batch: it counts once the destination holds all that is needed for it."""

    needed: Mapping[str, int]
    progress: Progress


Change = Callable[[Record], Record]


def batches(records: Iterable[Record], size: int = BATCH) -> Iterator[list[Record]]:
    """Yield records in portions of about ``size``, and of 256 MB of files.

    Neighbours of one millisecond stay together: a vendor that keeps milliseconds could not tell a repeated point from
    one that is sent twice.
    """
    batch: list[Record] = []
    load = 0
    for record in records:
        if batch and (load >= _BYTES or (len(batch) >= size and not _together(batch, record, size))):
            yield batch
            batch, load = [], 0
        batch.append(record)
        load += sum(file.size for file in files_of(record))
    if batch:
        yield batch


def _together(batch: list[Record], record: Record, size: int) -> bool:
    same = batch[-1].when // _MILLISECOND == record.when // _MILLISECOND
    return same and size > 1 and len(batch) < size + _SAME_TIME


def copy_run(
    source: Source,
    run: RunInfo,
    make_sink: Callable[[SinkContext], Sink],
    scratch: Path,
    *,
    after: Progress | None = None,
    growth: Growth | None = None,
    change: Change | None = None,
    save: Callable[[Progress], None] = lambda _: None,
    sleep: Callable[[float], None] = time.sleep,
) -> Progress:
    """Copy a run, or what of it is behind ``after``; return where that ended.

    A call that may work later is made again, with growing pauses, and a sink that could not be closed is let go for a new
    one; a record that the destination refuses is counted and left.

    Args:
        scratch: An empty folder for files on their way.
        growth: What the destination holds of the run, where the source numbers its records anew: only the rest is sent.
        change: Applied to each record.
        save: Called each time when the destination holds more.

    Raises:
        BackendError: The source or the destination gave up; what was saved stays true.
        NoRoomError: The destination's disk is full.
    """
    held, breaker = after or Progress(), Breaker()
    while True:
        try:
            return _pass(_Way(source, run, make_sink, scratch, growth, change, sleep), held, save)
        except _UnclosedError as unclosed:
            held, error = unclosed.held, unclosed.error
            wait = breaker.failed(getattr(error, "retry_after", None))
            # What a run grew by is known once: the next call looks into the copy again.
            if breaker.faults >= _TRIES or growth is not None:
                raise error from unclosed
            sleep(wait)


class _UnclosedError(Exception):
    """A sink could not be closed, and may take nothing more: a new one is sent what is not held."""

    def __init__(self, held: Progress, error: TransientError | UnknownOutcomeError) -> None:
        super().__init__(str(error))
        self.held = held
        self.error = error


@dataclass(frozen=True, slots=True)
class _Way:
    """From where to where a run is copied, and how."""

    source: Source
    run: RunInfo
    make_sink: Callable[[SinkContext], Sink]
    scratch: Path
    growth: Growth | None
    change: Change | None
    sleep: Callable[[float], None]


def _pass(way: _Way, begun: Progress, save: Callable[[Progress], None]) -> Progress:
    """Copy with one sink what is behind a place."""
    spool = Spool(way.source, way.run, way.scratch)
    sink = way.make_sink(SinkContext(spool.open, way.scratch, begun.vendor_id, begun.position))
    size = min(BATCH, sink.capabilities.limits.batch_records)
    told = batches(_told(way, begun, keeps_ranks=bool(getattr(sink, "keeps_ranks", False))), size)
    first = next(told, [])
    if not first and begun.vendor_id is None:  # of a run that cannot be read, the destination hears nothing
        return begun
    vendor = _patiently(lambda: sink.open(dataclasses.replace(way.run, place=None, url=None)), way.sleep)
    copying = _Copying(sink, dataclasses.replace(begun, vendor_id=vendor.id, url=vendor.url), save, way.sleep)
    try:
        for batch in itertools.chain([first] if first else [], told):
            copying.send(batch)
            spool.clear()
        return copying.close()
    finally:
        spool.clear()


def _told(way: _Way, begun: Progress, *, keeps_ranks: bool) -> Iterator[Record]:
    """Yield what the sink is told."""
    after = {} if way.growth is not None else begun.position
    records = _records(way.source, way.run, after, keeps_ranks=keeps_ranks)
    if way.growth is not None:
        records = way.growth.of(records)
    return records if way.change is None else map(way.change, records)


def _records(source: Source, run: RunInfo, after: Position, *, keeps_ranks: bool) -> Iterator[Record]:
    """Yield the records behind a position, as the sink is to be told of them.

    Where several processes may have written the run, what comes first says who they are: it is read again.
    """
    if keeps_ranks:
        return source.read(run, after=after) if after else source.read(run)
    if not after or not getattr(source, "append_only", False):
        return as_one(source.read(run, after=after) if after else source.read(run), run.started)
    return (record for record in as_one(source.read(run), run.started) if record.seq > after.get(record.writer, 0))


class _Copying:
    """One run on its way."""

    def __init__(
        self, sink: Sink, begun: Progress, save: Callable[[Progress], None], sleep: Callable[[float], None]
    ) -> None:
        self._sink = sink
        self._save = save
        self._sleep = sleep
        self._held = self._sent = begun
        self._needed: dict[str, int] = {}
        self._waiting: deque[_Checkpoint] = deque()

    def send(self, batch: Sequence[Record]) -> None:
        """Send a batch until every record of it is taken or refused."""
        tally, position = self._sent.tally.copy(), dict(self._sent.position)
        for record, outcome in self._outcomes(batch):
            tally.book(record, outcome)
            position[record.writer] = max(position.get(record.writer, 0), record.seq)
            if outcome.kind != "refused":
                self._needed[record.writer] = max(self._needed.get(record.writer, 0), record.seq)
        self._sent = dataclasses.replace(self._sent, position=position, tally=tally)
        self._waiting.append(_Checkpoint(dict(self._needed), self._sent))
        self._confirm()

    def close(self) -> Progress:
        """Hand over what the sink holds back.

        Raises:
            _UnclosedError: It may work with another sink.
        """
        try:
            self._sink.close()
        except (TransientError, UnknownOutcomeError) as error:
            self._confirm()
            if is_full(error):
                raise NoRoomError(str(error)) from error
            raise _UnclosedError(self._held, error) from error
        self._confirm()
        if self._waiting:
            raise UnknownOutcomeError("the destination did not confirm all that it took; repeat the command")
        return self._held

    def _outcomes(self, batch: Sequence[Record]) -> Iterator[tuple[Record, Outcome]]:
        good: list[Record] = []
        for record in batch:
            if (problem := _problem(record)) is None:
                good.append(record)
            else:
                yield record, refused(problem)
        breaker = Breaker()
        while good:
            outcomes = self._send(good)
            done = next((i for i, o in enumerate(outcomes) if o.kind in ("retry", "unknown")), len(outcomes))
            yield from zip(good[:done], outcomes[:done], strict=True)
            if done == len(good):
                return
            good = good[done:]
            breaker = breaker if done == 0 else Breaker()
            self._pause(breaker, outcomes[done] if done < len(outcomes) else None)

    def _pause(self, breaker: Breaker, outcome: Outcome | None) -> None:
        reason = "the sink returned too few outcomes" if outcome is None else outcome.reason
        if tells_of_full(reason):
            raise NoRoomError(reason)
        wait = breaker.failed(None if outcome is None else outcome.wait)
        if breaker.faults >= _TRIES:
            raise TransientError(f"gave up after {_TRIES} tries: {reason}")
        self._sleep(wait)

    def _send(self, batch: Sequence[Record]) -> Sequence[Outcome]:
        """Send a batch; where it is refused as a whole, its records one by one."""
        try:
            return list(_patiently(lambda: self._sink.send(batch), self._sleep))[: len(batch)]
        except RejectedError as error:
            if len(batch) == 1:
                return [refused(str(error))]
        return [outcome for record in batch for outcome in self._send([record])]

    def _confirm(self) -> None:
        """Save the last place up to which the destination holds everything."""
        held = self._sink.confirmed() if self._waiting else {}
        moved = False
        while self._waiting and all(held.get(w, 0) >= seq for w, seq in self._waiting[0].needed.items()):
            self._held = self._waiting.popleft().progress
            moved = True
        if moved:
            self._save(self._held)


def _problem(record: Record) -> str | None:
    """Return why a record must not go anywhere: a source may give paths that lead out of the artifact."""
    if not isinstance(record.body, (Artifact, Media)):
        return None
    try:
        from_fields(to_fields(record), record.writer)
    except BadValueError as error:
        return f"its files can't be kept: {error.__cause__ or error}"
    return None


def _patiently(call: Callable[[], _T], sleep: Callable[[float], None]) -> _T:
    """Make a call again while it may work later.

    Raises:
        NoRoomError: A disk is full.
        TransientError, UnknownOutcomeError: It still does not after eight tries.
    """
    breaker = Breaker()
    while True:
        try:
            return call()
        except (TransientError, UnknownOutcomeError) as error:
            if is_full(error):  # it may be so for long, and the next run may be smaller
                raise NoRoomError(str(error)) from error
            wait = breaker.failed(getattr(error, "retry_after", None))
            if breaker.faults >= _TRIES:
                raise
            sleep(wait)
