"""Sinks that each do one thing wrong, over the memory backend's."""

# ruff: noqa: D102  the methods are the contract's; what is wrong with them the class says

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from tracklib.backends.contract import Outcome, SinkContext, VendorRun, accepted, refused
from tracklib.backends.memory import MemorySink, MemoryStore
from tracklib.errors import RejectedError
from tracklib.model.records import Body, Metrics, Notes, Position, Record, RunEnd
from tracklib.model.run import RunInfo
from tracklib.typing import Number

__all__ = [
    "Change",
    "ChangingSink",
    "Contemporary",
    "Curt",
    "Doubling",
    "Eager",
    "Final",
    "Forgetful",
    "Hoarding",
    "Indifferent",
    "Lazy",
    "Merging",
    "Raising",
    "Refusing",
    "Rising",
    "Shared",
    "Solitary",
    "Splitting",
]

Change = Callable[[Body], "Body | None"]
"""What is kept in place of a record's body; ``None`` keeps nothing."""


class ChangingSink(MemorySink):
    """Keeps something else than it was given, and says that all is well."""

    def __init__(self, store: MemoryStore, context: SinkContext, change: Change) -> None:
        super().__init__(store, context)
        self._change = change

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        made = ((record, self._change(record.body)) for record in batch)
        super().send([replace(record, body=body) for record, body in made if body is not None])
        for record in batch:
            self._position[record.writer] = record.seq
        return [accepted()] * len(batch)


class Forgetful(MemorySink):
    """Keeps what it has in memory until a hundred records are there, forgets the rest, and confirms all."""

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        super().send(batch[: max(len(batch) - 1, 0)])
        for record in batch:
            self._position[record.writer] = record.seq
        return [accepted()] * len(batch)


class Eager(MemorySink):
    """Confirms what it has not been sent."""

    def confirmed(self) -> Position:
        return {writer: seq + 5 for writer, seq in super().confirmed().items()}


class Lazy(MemorySink):
    """Never confirms anything."""

    def confirmed(self) -> Position:
        return {}


class Curt(MemorySink):
    """Answers for all records at once."""

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        return super().send(batch)[:1]


class Doubling(MemorySink):
    """Holds what is sent again beside what was there."""

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        held = self._store.records[self._run]
        fresh = [
            replace(record, writer=f"{record.writer}+{sum(key[1] == record.seq for key in held)}") for record in batch
        ]
        super().send(fresh)
        for record in batch:
            self._position[record.writer] = record.seq
        return [accepted()] * len(batch)


class Rising(MemorySink):
    """Drops what comes with a step below the highest, as a vendor with monotonic steps does."""

    def __init__(self, store: MemoryStore, context: SinkContext) -> None:
        super().__init__(store, context)
        self._top: dict[str, Number] = {}

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        super().send([record for record in batch if self._rises(record.body)])
        for record in batch:
            self._position[record.writer] = record.seq
        return [accepted()] * len(batch)

    def _rises(self, body: Body) -> bool:
        if not isinstance(body, Metrics):
            return True
        rises = all(body.step >= self._top.get(key, body.step) for key in body.values)
        self._top.update(dict.fromkeys(body.values, body.step))
        return rises


class Merging(MemorySink):
    """Keeps the last value alone of those at one step."""

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        held = self._store.records[self._run]
        for record in batch:
            body = record.body
            if isinstance(body, Metrics):
                for key, old in list(held.items()):
                    other = old.body
                    if isinstance(other, Metrics) and (other.step, other.values.keys()) == (
                        body.step,
                        body.values.keys(),
                    ):
                        del held[key]
            super().send([record])
        return [accepted()] * len(batch)


class Splitting(MemorySink):
    """Makes another run at each opening."""

    def open(self, run: RunInfo, /) -> VendorRun:
        made = super().open(run)
        return replace(made, id=f"{made.id}-{id(self)}")


class Shared(MemorySink):
    """Keeps what it is sent in the run that was opened last, whichever sink it came by."""

    last = ""

    def open(self, run: RunInfo, /) -> VendorRun:
        type(self).last = run.id
        return super().open(run)

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        self._run = type(self).last
        return super().send(batch)


class Raising(MemorySink):
    """Raises for a single record."""

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        if any(isinstance(record.body, Notes) for record in batch):
            raise ValueError("no notes here")
        return super().send(batch)


class Refusing(MemorySink):
    """Refuses names with a slash, though it declares to hold any."""

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        bad = [isinstance(r.body, Metrics) and any("/" in key for key in r.body.values) for r in batch]
        super().send([record for record, is_bad in zip(batch, bad, strict=True) if not is_bad])
        for record in batch:
            self._position[record.writer] = record.seq
        return [refused("a slash") if is_bad else accepted() for is_bad in bad]


class Indifferent(MemorySink):
    """Takes an artifact whose content is lost, and says that all is well."""

    def _keep_files(self, record: Record) -> None:
        with contextlib.suppress(RejectedError):
            super()._keep_files(record)


class Hoarding(MemorySink):
    """Hands everything over when it is closed, and confirms it long before."""

    def __init__(self, store: MemoryStore, context: SinkContext) -> None:
        super().__init__(store, context)
        self._hoard: list[Record] = []

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        self._hoard += batch
        self._position.update({record.writer: record.seq for record in batch})
        return [accepted()] * len(batch)

    def close(self) -> None:
        super().send(self._hoard)


class Solitary(MemorySink):
    """Holds what the first process wrote, and no other's."""

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        held = self._store.records[self._run]
        first = min((writer for writer, _ in held), default=batch[0].writer if batch else "")
        super().send([record for record in batch if record.writer == first or isinstance(record.body, RunEnd)])
        self._position.update({record.writer: record.seq for record in batch})
        return [accepted()] * len(batch)


class Final(MemorySink):
    """Takes nothing more for a run that has ended once."""

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        if not any(isinstance(record.body, RunEnd) for record in self._store.records[self._run].values()):
            return super().send(batch)
        self._position.update({record.writer: record.seq for record in batch})
        return [accepted()] * len(batch)


class Contemporary(MemorySink):
    """Lets every run begin in this century."""

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        return super().send([replace(record, time=max(record.time, 1_500_000_000 * 10**9)) for record in batch])
