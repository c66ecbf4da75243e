"""The relay: the process that delivers the runs of one journal root to one backend.

It is started by ``init()`` or ``tracklib sync``, serves every active run whose receipt bears its key, waits out
faults, and leaves when there is nothing more to do.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from tracklib import platform
from tracklib.backends import registry
from tracklib.backends.contract import Sink, SinkContext
from tracklib.delivery import launch, porter
from tracklib.delivery.active import active_runs
from tracklib.delivery.deadline import Deadline
from tracklib.delivery.inflight import Inflight
from tracklib.delivery.launch import RelayFolder
from tracklib.delivery.lease import Lease
from tracklib.delivery.receipt import Receipt, all_receipts, claim_on
from tracklib.delivery.retry import Breaker
from tracklib.delivery.run_delivery import RunDelivery
from tracklib.delivery.scratch import settle_in
from tracklib.delivery.settled import is_settled, settle
from tracklib.errors import AuthError, BackendError, ConfigError, CorruptJournalError, TransientError
from tracklib.journal.glance import glance
from tracklib.journal.layout import Root, RunFolder, private_folder
from tracklib.journal.recovery import reap

if TYPE_CHECKING:
    from tracklib.delivery.batches import Batch

__all__ = ["Relay", "is_settled", "main"]

_BUSY = 0.02
_QUIET = 0.25
_LIFE = 1.0
"""Seconds between two looks at which runs there are, and whether their writers live."""

_IDLE = 5.0
"""Seconds without an active run after which the relay leaves."""

_PORTERS = 5
"""Porters that one relay starts."""

_PATIENCE = 600.0
"""Seconds of nothing but faults, with no living run, after which it leaves; the data waits for the next one."""


class Relay:
    """Delivers to one backend.

    Attributes:
        deliveries: The runs at hand, by their folder.
        paused: Whether the credentials or settings are refused, so that this relay can do no more.
    """

    def __init__(self, root: Root, key: str) -> None:
        self.root = root
        self.folder = RelayFolder(root, key)
        self.key = key
        self.deliveries: dict[Path, RunDelivery] = {}
        self._claims: dict[Path, Lease] = {}
        self._breaker = Breaker()
        self._inflight = Inflight(self.folder.inflight, self.folder.fault)
        self._deadline = Deadline(self.folder.fault)
        self._looked = 0.0
        self._woken = self._wake_time()
        self._busy_at = time.monotonic()
        self._good_at = time.monotonic()
        self.paused = False
        self._said: set[str] = set()
        self._porters = 0

    def run(self) -> None:
        """Serve until there is nothing more to do."""
        lease = Lease(self.folder.lease)
        if lease.take():
            settle_in(self.folder.temporary)
            self.serve(lease)

    def serve(self, lease: Lease) -> None:
        """Serve under a lease that is taken, and give it back."""
        shutil.rmtree(self.folder.scratch, ignore_errors=True)  # of one that was killed
        try:
            while not self.is_done():
                self._look()
                worked = self._breaker.waiting == 0 and self._work()
                lease.beat()
                time.sleep(_BUSY if worked else _QUIET)
        finally:
            self._leave()
            shutil.rmtree(self.folder.scratch, ignore_errors=True)
            lease.release()

    def is_done(self) -> bool:
        """Tell whether there is nothing more to do."""
        now = time.monotonic()
        if self.paused:
            return True
        if not self.deliveries:
            return now - self._busy_at > _IDLE
        self._busy_at = now
        return now - self._good_at > _PATIENCE and not any(self._goes_on(d.folder) for d in self.deliveries.values())

    def _goes_on(self, folder: RunFolder) -> bool:
        """Tell whether more may come of a run: it is recorded, or an artifact of it is being stored."""
        look = glance(folder)
        return look.open and (look.info.ended is None or launch.lives(self.root, porter.KEY))

    def _look(self) -> None:
        """Find the runs to serve, and end those whose writers are gone."""
        now = time.monotonic()
        if self._wake_time() != self._woken:
            self._woken = self._wake_time()
            self._wake()
            self._looked = 0.0
        if now - self._looked < _LIFE:
            return
        self._looked = now
        self._see_to_porter()
        for folder in self.folders():
            try:
                self._see_to(folder)
            except (OSError, CorruptJournalError) as error:  # of this run's: the others are delivered
                self.say(f"cannot see to {folder.path}: {error}")
        for path in [path for path in self.deliveries if not path.is_dir()]:
            self._drop(path)  # deleted meanwhile
        for claim in self._claims.values():
            claim.beat()

    def _see_to(self, folder: RunFolder) -> None:
        """End a run whose writers are gone, and take on its delivery."""
        self._reap(folder)
        if folder.path not in self.deliveries:
            self._adopt(folder)

    def _wake(self) -> None:
        for breaker in (self._breaker, *(delivery.breaker for delivery in self.deliveries.values())):
            breaker.wake()

    def folders(self) -> list[RunFolder]:
        """Return the runs that may have something to deliver."""
        return active_runs(self.root)

    def _reap(self, folder: RunFolder) -> None:
        try:
            reap(folder)
        except OSError as error:  # a full or read-only disk: what is recorded is delivered, the end once it has room
            self.say(f"cannot end {folder.path}, whose process is gone: {error.strerror or error}")

    def say(self, text: str) -> None:
        """Write a line into the log, once."""
        if text not in self._said:
            self._said.add(text)
            sys.stderr.write(f"{text}\n")

    def _see_to_porter(self) -> None:
        """Start a porter, a few times, where artifacts wait and the process that logged them is gone."""
        if self._porters < _PORTERS and porter.pending_runs(self.root) and not launch.lives(self.root, porter.KEY):
            self._porters += 1
            with contextlib.suppress(OSError):
                porter.ensure(self.root)

    def _adopt(self, folder: RunFolder) -> None:
        for receipt in all_receipts(folder, self.say):
            if self.serves(receipt) and not is_settled(folder, receipt):
                self._claim(folder, receipt.entry)

    def serves(self, receipt: Receipt) -> bool:
        """Tell whether a receipt is in this relay's charge."""
        return receipt.relay == self.key

    def _claim(self, folder: RunFolder, entry: str) -> None:
        """Take a delivery on, unless somebody else is at it: another host's relay, or the training process itself."""
        claim = claim_on(folder, entry)
        try:
            if not claim.take():
                return
        except OSError as error:
            self.say(f"cannot claim {claim.path}: {error.strerror or error}")
            return
        try:
            self._begin(folder, entry, claim)
        finally:
            if folder.path not in self.deliveries:
                claim.release()

    def _begin(self, folder: RunFolder, entry: str, claim: Lease) -> None:
        """Begin a delivery that is claimed, where the receipt, which nobody else writes now, still asks for it."""
        receipt = Receipt.load(folder, entry)
        if receipt is not None and self.serves(receipt) and not is_settled(folder, receipt):
            receipt.relay = self.key
            self.deliveries[folder.path] = self._delivery(folder, receipt)
            self._claims[folder.path] = claim

    def _drop(self, path: Path) -> None:
        """Serve a run no more."""
        del self.deliveries[path]
        if (claim := self._claims.pop(path, None)) is not None:
            claim.release()

    def _delivery(self, folder: RunFolder, receipt: Receipt) -> RunDelivery:
        def make_sink(context: SinkContext) -> Sink:
            resolved = registry.reopen(receipt.entry, receipt.backend, receipt.destination)
            sink: Sink = resolved.spec.load(resolved.spec.sink)(resolved.settings, context)
            return sink

        private_folder(self.folder.scratch)
        return RunDelivery(self.root, folder, receipt, make_sink, Path(tempfile.mkdtemp(dir=self.folder.scratch)))

    def _work(self) -> bool:
        """Give each run a turn that need not wait; return whether anything moved."""
        moved = False
        for path, delivery in list(self.deliveries.items()):
            if delivery.breaker.waiting:
                continue
            try:
                moved |= self._turn(path, delivery)
            except Exception as error:
                self._failed(delivery, error)
                self.deliveries[path] = self.deliveries.pop(path)  # the next try is another run's
                if self.paused or self._breaker.waiting:
                    return False
        return moved

    def _turn(self, path: Path, delivery: RunDelivery) -> bool:
        self._inflight.guard(delivery)
        with self.deadline():
            worked = delivery.step(lambda batch: self._about_to_send(delivery, batch))
        self._inflight.clear()
        if worked:
            self._breaker.succeeded()
            delivery.breaker.succeeded()
            self._good_at = time.monotonic()
            delivery.note("delivering")
            return True
        if delivery.is_over():
            self._finish(path, delivery)
            return True
        if delivery.is_stale():
            self._put_aside(path, delivery)
        return False

    def _put_aside(self, path: Path, delivery: RunDelivery) -> None:
        """Serve a run no more of which another host has long been silent: all that there is of it is delivered."""
        with self.deadline():
            delivery.close()
        delivery.note("waiting")
        self._drop(path)

    def _about_to_send(self, delivery: RunDelivery, batch: Batch) -> None:
        self._inflight.note(delivery, batch)
        self._deadline.begin_again(batch)

    def deadline(self) -> AbstractContextManager[None]:
        """Bound what is called meanwhile in time."""
        return self._deadline.running()

    def _finish(self, path: Path, delivery: RunDelivery) -> None:
        with self.deadline():
            delivery.close()
            if delivery.step(lambda batch: self._about_to_send(delivery, batch)) or glance(delivery.folder).open:
                return  # resumed meanwhile: go on
        delivery.note("complete")
        self._good_at = time.monotonic()
        settle(self.root, delivery.folder)
        self._drop(path)

    def _failed(self, delivery: RunDelivery, error: Exception) -> None:
        self._inflight.clear()
        if not isinstance(error, TransientError):
            delivery.abandon()
        message = str(error) if isinstance(error, (BackendError, ConfigError)) else f"{type(error).__name__}: {error}"
        if not isinstance(error, (BackendError, ConfigError)):
            self.stumbled(error)
        if isinstance(error, (AuthError, ConfigError)):
            self.paused = True
            for each in self.deliveries.values():
                each.note("paused", message)
            return
        asked = error.retry_after if isinstance(error, TransientError) else None
        delivery.breaker.failed(asked)
        if asked is None:  # who names a time answers, and limits this run: that says nothing of others
            self._breaker.failed()
        delivery.note("retrying", message)

    def stumbled(self, error: BaseException) -> None:
        """Take note of a fault that is none of the vendor's: the plugin's own, or ours."""
        traceback.print_exception(error)

    def _leave(self) -> None:
        for delivery in self.deliveries.values():
            with contextlib.suppress(Exception):  # leaving already: what is unconfirmed is sent again
                delivery.close()
            if delivery.receipt.state == "delivering":
                delivery.note("waiting")
        for path in list(self.deliveries):
            self._drop(path)

    def _wake_time(self) -> int:
        try:
            return self.folder.wake.stat().st_mtime_ns
        except OSError:
            return 0


def main(run: Callable[[Root, str], None] | None = None) -> None:
    """Run a relay: ``python -c "..." ROOT KEY``."""
    root, key = Root(sys.argv[1]), sys.argv[2]
    platform.be_modest()
    faulthandler.enable(RelayFolder(root, key).fault.open("a"))
    os.umask(0o077)
    if run is not None:
        run(root, key)
    else:
        Relay(root, key).run()
