"""`RunDelivery`: one run on its way to one backend, batch by batch."""

from __future__ import annotations

import contextlib
import errno
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tracklib.backends.contract import Outcome, Sink, SinkContext, unknown
from tracklib.delivery.batches import Batch, BatchReader
from tracklib.delivery.ranks import as_one
from tracklib.delivery.receipt import Place, Receipt
from tracklib.delivery.retry import Breaker
from tracklib.delivery.sent import Sent
from tracklib.errors import AuthError, BackendError, ConfigError, RejectedError, TransientError, UnknownOutcomeError
from tracklib.journal.blobs import BlobStore
from tracklib.journal.glance import Glance, glance
from tracklib.journal.layout import Root, RunFolder

__all__ = ["BATCH", "BROKEN", "RunDelivery"]

BATCH = 1000
"""Records in one send, about."""

_LOOK = 0.5
BROKEN = (
    "the SDK ended the process that uses it, whatever it was sent: mend or reinstall it, then run tracklib sync; "
    "nothing is lost"
)

_OF_MACHINE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENFILE})

_STUMBLES = 3
"""Failures of a plugin's own code at one place before the record behind them is looked for and set apart."""


class RunDelivery:
    """Reads a run's journal, sends it through a sink, and keeps the receipt.

    It raises what the sink raises for a whole call: `TransientError`, `AuthError`, `UnknownOutcomeError`; the caller
    waits and calls again, and nothing is skipped.

    Attributes:
        breaker: How long this run waits after its own faults, whatever others may do.
    """

    def __init__(
        self, root: Root, folder: RunFolder, receipt: Receipt, make_sink: Callable[[SinkContext], Sink], scratch: Path
    ) -> None:
        self.folder = folder
        self.receipt = receipt
        self.batch_size = BATCH
        self.breaker = Breaker()
        self._blobs = BlobStore(root)
        self._make_sink = make_sink
        self._scratch = scratch
        self._sink: Sink | None = None
        self._reader = BatchReader(folder, receipt.confirmed)
        self._unconfirmed: list[Sent] = []
        self._doubted: list[tuple[Batch, str]] = []
        self._stumbles = 0
        self._noted = True
        self._looked = 0.0
        self._look: Glance | None = None
        receipt.resent += _between(receipt.confirmed, receipt.sent)
        receipt.sent = dict(receipt.confirmed)

    def is_over(self) -> bool:
        """Tell whether the run has ended and no record can come any more; looked up twice a second at most."""
        now = time.monotonic()
        if now - self._looked < _LOOK:
            return False
        self._looked = now
        self._look = glance(self.folder)
        return not self._look.open and not self._reader.blocked

    def is_stale(self) -> bool:
        """Tell whether the run was stale and delivered when `is_over` looked."""
        look = self._look
        return look is not None and look.info.status == "stale" and not self.receipt.pending(look.totals)

    @property
    def sink(self) -> Sink | None:
        """The sink, while it is open."""
        return self._sink

    def step(self, before_send: Callable[[Batch], None]) -> bool:
        """Send the next batch; return whether there was one.

        Args:
            before_send: Called with what is about to be sent, so that a batch that kills the process is known after.
        """
        batch = self._next()
        if batch is None:
            if self._reader.blocked:
                self.note("retrying", self._reader.blocked)
            elif self._doubted and not self.receipt.confirmed:
                raise ConfigError(BROKEN)
            else:  # others of the run were held: it is the last records that are bad
                self._convict()
            return self._confirm()
        batch.records = list(as_one(self.folder, batch.records))
        try:
            sink = self._opened()
            before_send(batch)
            outcomes = sink.send(batch.records)
        except RejectedError as error:
            outcomes = self._one_by_one(batch, error)
        except Exception as error:
            if isinstance(error, BackendError) or _is_machines(error) or not self._stumbles_again():
                self._reader.rewind(batch.writer, self._behind(batch.writer))
                raise
            outcomes = self._one_by_one(batch, error)
        self._stumbles = 0
        if outcomes and outcomes[0].kind not in ("retry", "unknown"):
            self._convict()
        self._settle(batch, outcomes)
        return True

    def _stumbles_again(self) -> bool:
        """Count a failure inside the plugin itself; tell whether it is time to find the record that causes it."""
        self._stumbles += 1
        return self._stumbles >= _STUMBLES

    def _one_by_one(self, batch: Batch, error: Exception) -> Sequence[Outcome]:
        """Find the record for which a whole batch was refused, or made the plugin fail."""
        sink = self._opened()
        if len(batch.records) == 1:
            return [Outcome("refused", _text(error))]
        outcomes: list[Outcome] = []
        for record in batch.records:
            try:
                outcomes += sink.send([record])
            except (TransientError, AuthError, UnknownOutcomeError) as fault:
                outcomes.append(unknown(str(fault)))
            except Exception as single:
                outcomes.append(unknown(_text(single)) if _is_machines(single) else Outcome("refused", _text(single)))
            if outcomes[-1].kind in ("retry", "unknown"):
                break
        return outcomes

    @property
    def doubted(self) -> list[tuple[str, int]]:
        """Writer and number of the records that are passed over, until it is known whose fault it is."""
        return [(batch.writer, batch.records[0].seq) for batch, _ in self._doubted]

    def doubt(self, batch: Batch, reason: str) -> None:
        """Pass over a record that seems to kill the process: it is refused once another one behind it does not."""
        self._doubted.append((batch, reason))

    def _convict(self) -> None:
        """Set the doubted records apart, as refused."""
        doubted, self._doubted = self._doubted, []
        for batch, reason in doubted:
            self._settle(batch, [Outcome("refused", reason)] * len(batch.records))

    def peek(self) -> Batch | None:
        """Return the next batch without sending it; `step` or `doubt` come next."""
        batch = self._next()
        if batch is not None:
            self._reader.rewind(batch.writer, self._behind(batch.writer))
        return batch

    def _next(self) -> Batch | None:
        """Read the next batch; while records are doubted, one by one, and not these."""
        batch = self._reader.next(1 if self._doubted else self.batch_size)
        while batch is not None and (batch.writer, batch.records[0].seq) in self.doubted:
            batch = self._reader.next(1)
        return batch

    def _behind(self, writer: str) -> Place:
        return self.receipt.sent.get(writer, Place())

    def _opened(self) -> Sink:
        if self._sink is None:
            receipt = self.receipt
            context = SinkContext(self._blobs.open, self._scratch, receipt.vendor_id, receipt.position())
            sink = self._make_sink(context)
            vendor = sink.open(glance(self.folder).info)
            receipt.vendor_id, receipt.url = vendor.id, vendor.url
            self._sink = sink
            receipt.save(self.folder)
        return self._sink

    def _settle(self, batch: Batch, outcomes: Sequence[Outcome]) -> None:
        """Book the outcomes up to the first record that is to be sent again."""
        if len(outcomes) > len(batch.records):
            outcomes = outcomes[: len(batch.records)]
        taken = next((i for i, o in enumerate(outcomes) if o.kind in ("retry", "unknown")), len(outcomes))
        if taken:
            self.breaker.succeeded()
            self._unconfirmed.append(Sent.of(batch, outcomes[:taken]))
            self.receipt.sent[batch.writer] = batch.places[taken - 1]
            self._confirm()
        if taken < len(batch.records):
            self._reader.rewind(batch.writer, self._behind(batch.writer))
            _raise_for(outcomes[taken] if taken < len(outcomes) else unknown("the sink returned too few outcomes"))

    def _confirm(self) -> bool:
        """Move the confirmed places up to what the vendor durably holds; return whether any moved."""
        if self._sink is None and not self._unconfirmed:
            return False
        held = dict(self._sink.confirmed()) if self._sink is not None else {}
        moved = False
        for sent in self._unconfirmed:
            # Without a sink, nothing was sent: what is here was refused unsent.
            count = sent.settled(held.get(sent.writer, 0)) if self._sink is not None else len(sent.places)
            if count:
                moved = True
                sent.book(count, self.receipt)
        self._unconfirmed = [sent for sent in self._unconfirmed if sent.places]
        if moved:
            self.receipt.save(self.folder)
        return moved

    @property
    def waiting(self) -> bool:
        """Whether the vendor still has to confirm something."""
        return bool(self._unconfirmed)

    def close(self) -> None:
        """Make the sink hand over what it holds back, and book it; one that can't be closed is let go."""
        if self._sink is not None:
            try:
                self._sink.close()
            except (
                BaseException
            ):  # an SDK's run that is half finished may take nothing more: a new one is sent the rest
                self.abandon()
                raise
            self._confirm()
            self._sink = None
        self._reader = BatchReader(self.folder, self.receipt.confirmed)
        self.receipt.sent = dict(self.receipt.confirmed)

    def abandon(self) -> None:
        """Forget a sink that failed: a fresh one starts from what is confirmed."""
        self._sink = None
        self.receipt.resent += _between(self.receipt.confirmed, self.receipt.sent)
        self._unconfirmed.clear()
        self._reader = BatchReader(self.folder, self.receipt.confirmed)
        self.receipt.sent = dict(self.receipt.confirmed)

    def note(self, state: str, error: str = "") -> None:
        """Write down how things stand, where that changed; a disk that does not take it is asked again at the next call."""
        receipt = self.receipt
        if (receipt.state, receipt.error) != (state, error):
            receipt.since = receipt.since if error and receipt.error else time.time()
            receipt.state, receipt.error = state, error  # type: ignore[assignment]  # one of its literals
            self._noted = False
        if not self._noted:
            with contextlib.suppress(OSError):  # full, or deleted with its run: what the file says is older, not wrong
                receipt.save(self.folder)
                self._noted = True


def _is_machines(error: Exception) -> bool:
    """Tell whether an error is this machine's, which has no room or descriptors left: no record is to blame."""
    return isinstance(error, OSError) and error.errno in _OF_MACHINE


def _text(error: Exception) -> str:
    return str(error) if isinstance(error, BackendError) else f"{type(error).__name__}: {error}"


def _raise_for(outcome: Outcome) -> None:
    if outcome.kind == "unknown":
        raise UnknownOutcomeError(outcome.reason)
    raise TransientError(outcome.reason, retry_after=outcome.wait)


def _between(confirmed: dict[str, Place], sent: dict[str, Place]) -> int:
    return sum(max(0, place.seq - confirmed.get(writer, Place()).seq) for writer, place in sent.items())
