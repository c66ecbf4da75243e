"""`Sink` and `Source`: the write half and the read half of a backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, Protocol, runtime_checkable

from tracklib.backends.capabilities import Capabilities
from tracklib.model.query import RunQuery
from tracklib.model.records import FileRef, Position, Record
from tracklib.model.run import RunInfo

if TYPE_CHECKING:
    from pyarrow import RecordBatch  # type: ignore[import-untyped]  # pyarrow has no types

__all__ = [
    "ColumnSource",
    "Leftover",
    "LeftoverSource",
    "Outcome",
    "Remover",
    "Sink",
    "SinkContext",
    "Source",
    "VendorRun",
    "accepted",
    "changed",
    "refused",
    "retry",
    "unknown",
]


@dataclass(frozen=True, slots=True)
class VendorRun:
    """A run as the vendor knows it.

    Attributes:
        id: The vendor's id.
        url: The page that shows it; ``None`` where there is none.
    """

    id: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one record.

    Attributes:
        kind: ``accepted``; ``changed``, held otherwise than sent, by a declared transformation; ``refused``, never to
            be held; ``retry``, may work later; ``unknown``, the call broke off.
        reason: Why, for a person; empty where accepted.
        wait: For ``retry``: seconds that the vendor asked for.
    """

    kind: Literal["accepted", "changed", "refused", "retry", "unknown"]
    reason: str = ""
    wait: float | None = None


_ACCEPTED = Outcome("accepted")


def accepted() -> Outcome:
    """The vendor took the record as it is."""
    return _ACCEPTED


def changed(reason: str, /) -> Outcome:
    """The vendor took it in another form, which its capabilities declare."""
    return Outcome("changed", reason)


def refused(reason: str, /) -> Outcome:
    """The vendor will never take it; it is kept in the journal and listed in the receipt."""
    return Outcome("refused", reason)


def retry(reason: str, /, *, wait: float | None = None) -> Outcome:
    """The vendor did not take it now; it and all behind it are sent again."""
    return Outcome("retry", reason, wait)


def unknown(reason: str, /) -> Outcome:
    """Nobody knows whether the vendor took it; it is sent again."""
    return Outcome("unknown", reason)


@dataclass(frozen=True, slots=True)
class SinkContext:
    """What delivery lends to a sink.

    Attributes:
        open_file: Returns the local path of a file's content; raises `TransientError` while it is not there yet, and
            `RejectedError` where it is lost.
        vendor_id: The id under which the vendor already holds the run, where a receipt remembers one.
        scratch: A private directory for temporary files.
        position: Up to where an earlier sink had confirmed; what is behind it comes again.
    """

    open_file: Callable[[FileRef], Path]
    scratch: Path
    vendor_id: str | None = None
    position: Position = field(default_factory=dict)


@runtime_checkable
class Sink(Protocol):
    """The write half: takes the records of one run.

    A sink never raises for a single record: its outcome says what became of it. It may raise `TransientError`,
    `AuthError`, `UnknownOutcomeError` or `RejectedError` for a whole call, and must translate the vendor's own
    exceptions into these. Sending a record again must not show it twice where ``capabilities.idempotent``.

    A sink may have one attribute more, ``native``: once it is open, the vendor's own object for the run, which
    `Run.native` hands to training code while the sink delivers there, on another thread.

    And one more, ``keeps_ranks``: true where what each process of a distributed job says of its own start and end is held
    apart. Any other sink is told of one start and one end, which speak for the run as a whole.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What this backend holds, and how well."""
        ...

    def open(self, run: RunInfo, /) -> VendorRun:
        """Create the run at the vendor, or find it again; calling it twice makes one run."""
        ...

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        """Send records in order; return one outcome for each, in the same order."""
        ...

    def confirmed(self) -> Position:
        """Return up to where the vendor durably holds the records, for each writer that was sent."""
        ...

    def close(self) -> None:
        """Hand over what is still held back; afterwards everything that was sent and taken is confirmed.

        Where it raises, this sink is let go, and a new one is sent what was not confirmed.
        """
        ...


@runtime_checkable
class Source(Protocol):
    """The read half: gives the runs of a place, and everything in each.

    A run that is there and cannot be read is yielded too, as failed, and `read` raises `RejectedError` for it: so one bad run
    is told, and the others go on.

    A source may have one attribute more, ``left_out``: what the last `runs` did not yield though the place holds it (runs
    in a bin, ...), as counts by the words for it. And another, ``unlisted``: lists of the place's own that could not be read,
    and why, where nobody can say which runs they held.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What this backend holds, and how well."""
        ...

    def runs(self, query: RunQuery, /) -> Iterator[RunInfo]:
        """Yield the runs that a query selects, all of them, paged behind the scenes."""
        ...

    def read(self, run: RunInfo, /, after: Position | None = None) -> Iterator[Record]:
        """Yield the records of a run, never sampled; with ``after``, those behind that position."""
        ...

    def open_file(self, run: RunInfo, file: FileRef, /) -> BinaryIO:
        """Open the content of a file that a record of this run names."""
        ...


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something at a place that belongs to no run, so that copying runs leaves it behind.

    Attributes:
        kind: What the vendor calls it, in the singular: ``registered model``, ``report``, ``sweep``, ...
    """

    kind: str
    name: str


@runtime_checkable
class LeftoverSource(Source, Protocol):
    """A source that knows what else its place holds; it is optional."""

    def leftovers(self) -> Iterator[Leftover]:
        """Yield everything of the place that no run's records carry."""
        ...


@runtime_checkable
class ColumnSource(Source, Protocol):
    """A source that gives points as columns too: where both sides do, comparing is many times faster.

    It is optional, and what the two methods give together must be what `read` gives.
    """

    def point_batches(self, run: RunInfo, /) -> Iterator[RecordBatch]:
        """Yield all points of a run, a row for each.

        Columns, of which there may be more:
            metric: Strings, or a dictionary of them.
            step, value: The nearest doubles.
            step_int, value_int: Whether they were integers.
            time: int64 or a timestamp, nanoseconds since the epoch: the caller's own time where one was given.
            exact: Strings, null nearly everywhere: else a JSON object of texts with the ``metric``, ``step``, ``value``
                or ``time`` that the columns cannot hold exactly, such as the digits of an integer that no double is. It
                names one of these if and only if that is so.
        """
        ...

    def other_records(self, run: RunInfo, /) -> Iterator[Record]:
        """Yield the records of a run that hold no points, in their order."""
        ...


@runtime_checkable
class Remover(Protocol):
    """What a source may do besides: remove runs, where its vendor lets a program do so."""

    def delete(self, run: RunInfo, /) -> str:
        """Remove a run that the source gave, with all that is in it; one that is gone already is no error.

        Returns:
            What of it stays, and where, in words for a person; empty where nothing does.
        """
        ...
