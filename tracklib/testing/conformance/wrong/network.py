"""The memory backend as if a network were between, and adapters that do one thing wrong when that fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from tracklib.backends.contract import Outcome, SinkContext, VendorRun, accepted, refused
from tracklib.backends.memory import MemorySink, MemoryStore
from tracklib.errors import TransientError, UnknownOutcomeError
from tracklib.model.records import Record
from tracklib.model.run import RunInfo
from tracklib.testing.conformance.gate import Gate
from tracklib.testing.conformance.wrong.subject import WrongSubject
from tracklib.testing.emulators.faults import Disconnect, DropReply, Fault, Faults, Latency, Partial, Status

__all__ = ["OVER_A_NETWORK", "networked"]

_PATIENCE = 0.05


class Networked(MemorySink):
    """Does everything right: what was not answered as done is sent again."""

    def __init__(self, store: MemoryStore, context: SinkContext, faults: Faults) -> None:
        super().__init__(store, context)
        self._faults = faults

    def open(self, run: RunInfo, /) -> VendorRun:
        """Create the run, or find it again."""
        made = super().open(run)
        if (fault := self._faults.take("POST runs")) is not None:
            raise TransientError(f"opening: {fault}", retry_after=_wait(fault))
        return made

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        """Keep records, if nothing comes between."""
        fault = self._faults.take("POST records")
        if fault is None:
            return super().send(batch)
        if isinstance(fault, DropReply):
            return self.unanswered(batch)
        if isinstance(fault, Disconnect):
            return self.broken(batch)
        if isinstance(fault, Latency):
            return self.late(batch, fault)
        if isinstance(fault, Partial):
            return self.partly(batch, fault)
        return self.declined(batch, fault)

    def unanswered(self, batch: Sequence[Record]) -> Sequence[Outcome]:
        """The vendor has it, and its reply is lost."""
        super().send(batch)
        raise UnknownOutcomeError("no reply")

    def broken(self, batch: Sequence[Record]) -> Sequence[Outcome]:
        """Nothing arrived."""
        raise TransientError(f"the connection broke over {len(batch)} records")

    def late(self, batch: Sequence[Record], fault: Latency) -> Sequence[Outcome]:
        """It arrives when nobody waits any more."""
        kept = list(batch)
        threading.Timer(fault.seconds, lambda: MemorySink.send(self, kept)).start()
        raise UnknownOutcomeError("timed out")

    def partly(self, batch: Sequence[Record], fault: Partial) -> Sequence[Outcome]:
        """A part of it arrived."""
        held = dict(self._position)
        super().send(batch[: fault.keep])
        self._position = held
        raise TransientError("500")

    def declined(self, batch: Sequence[Record], fault: Fault) -> Sequence[Outcome]:
        """The vendor answers that it can't."""
        raise TransientError(f"{fault} for {len(batch)} records", retry_after=_wait(fault))

    def take_for_done(self, batch: Sequence[Record]) -> Sequence[Outcome]:
        """Say that all is well."""
        self._position.update({record.writer: record.seq for record in batch})
        return [accepted()] * len(batch)

    def keep_anew(self, batch: Sequence[Record]) -> None:
        """Keep records as if they were others than those that come again."""
        held = dict(self._position)
        MemorySink.send(self, [replace(record, writer=f"{record.writer}-anew") for record in batch])
        self._position = held


def _wait(fault: Fault) -> float | None:
    after = fault.headers.get("Retry-After") if isinstance(fault, Status) else None
    return float(after) if after is not None else None


class _Renumbering(Networked):
    """Sends what was not answered again under other keys."""

    def unanswered(self, batch: Sequence[Record]) -> Sequence[Outcome]:
        self.keep_anew(batch)
        raise UnknownOutcomeError("no reply")


class _Trusting(Networked):
    """Takes a connection that broke for an answer."""

    def broken(self, batch: Sequence[Record]) -> Sequence[Outcome]:
        return self.take_for_done(batch)


class _Overtaken(Networked):
    """Lets what comes late stand beside what was sent again."""

    def late(self, batch: Sequence[Record], fault: Latency) -> Sequence[Outcome]:
        kept = list(batch)
        threading.Timer(fault.seconds, lambda: self.keep_anew(kept)).start()
        raise UnknownOutcomeError("timed out")


class _Content(Networked):
    """Takes a part for the whole."""

    def partly(self, batch: Sequence[Record], fault: Partial) -> Sequence[Outcome]:
        MemorySink.send(self, batch[: fault.keep])
        return self.take_for_done(batch)


class _Pressing(Networked):
    """Asks again at once, however long the vendor asked to wait."""

    def declined(self, batch: Sequence[Record], fault: Fault) -> Sequence[Outcome]:
        raise TransientError(f"{fault} for {len(batch)} records")


class _Despairing(Networked):
    """Refuses for good what a vendor in trouble did not take."""

    def declined(self, batch: Sequence[Record], fault: Fault) -> Sequence[Outcome]:
        if isinstance(fault, Status) and fault.code == 429:
            return super().declined(batch, fault)
        self.take_for_done(batch)
        return [refused(str(fault))] * len(batch)


def networked(kind: type[Networked] = Networked) -> WrongSubject:
    """Return a subject whose sinks look at the faults of its gate."""
    faults = Faults()
    gate = Gate(faults, batches="POST records", patience=_PATIENCE)
    return WrongSubject("networked", lambda store, context: kind(store, context, faults), gate=gate)


def _with(kind: type[Networked]) -> Callable[[], WrongSubject]:
    return lambda: networked(kind)


OVER_A_NETWORK: Mapping[str, Callable[[], WrongSubject]] = {
    "sends again under other keys": _with(_Renumbering),
    "takes a broken connection for done": _with(_Trusting),
    "lets what is late stand beside": _with(_Overtaken),
    "takes a part for the whole": _with(_Content),
    "does not wait": _with(_Pressing),
    "refuses when the vendor is in trouble": _with(_Despairing),
}
"""What each does wrong, and how to make it."""
