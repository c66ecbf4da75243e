"""Inline: a relay on a thread of the training process, for one run at one backend.

It reads the journal as any relay does, so `log` still only appends. What its SDK raises is contained, and so is a call
that hangs, as long as it lets other threads run; a crash of native code is not.

SDKs use the standard library's executors, which hook into the interpreter's end as they are imported, and may not once that
has begun. So they are imported here, before a training can end: its SDK may still be on its way then.
"""

from __future__ import annotations

import concurrent.futures.process
import concurrent.futures.thread  # noqa: F401
import contextlib
import os
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tracklib.delivery.lease import Lease
from tracklib.delivery.plan import assign
from tracklib.delivery.receipt import Receipt
from tracklib.delivery.relay import Relay, is_settled
from tracklib.journal.layout import Root, RunFolder, private_folder
from tracklib.messages import Messages
from tracklib.model.scalars import describe_error

if TYPE_CHECKING:
    from tracklib.backends.contract import Sink
    from tracklib.backends.registry import Resolved

__all__ = ["InlineRelay", "begin"]

_LOOK = 0.02


def begin(root: Root, folder: RunFolder, backends: Sequence[Resolved], messages: Messages) -> list[InlineRelay]:
    """Begin to deliver a run from this process."""
    keys = {id(resolved): f"{resolved.spec.name}-inline-{os.urandom(6).hex()}" for resolved in backends}
    assigned = assign(root, folder, backends, key_of=lambda _, resolved: keys[id(resolved)], unreadable=messages.warn)
    begun = [InlineRelay(root, folder, receipt, keys[id(resolved)], messages) for resolved, receipt in assigned]
    for relay in begun:
        relay.start()
    return begun


class InlineRelay(Relay):
    """Delivers one run to one backend, on a thread of its own.

    It takes the run over from a relay that is not at it, and waits for one that is: the claim on the receipt decides.

    Attributes:
        entry: The backend.
    """

    def __init__(self, root: Root, folder: RunFolder, receipt: Receipt, key: str, messages: Messages) -> None:
        private_folder(root.relays / key)
        super().__init__(root, key)
        self.entry = receipt.entry
        self.backend = receipt.backend
        self._run = folder
        self._messages = messages
        self._pid = os.getpid()
        self._lease = Lease(self.folder.lease)
        self._thread = threading.Thread(target=self._deliver, name=f"tracklib-{receipt.entry}", daemon=True)
        self._calling_since: float | None = None

    def start(self) -> None:
        """Begin; it returns at once."""
        if self._lease.take():  # before the thread is there: whoever looks from now on finds the relay running
            self._thread.start()

    def names(self) -> tuple[str, str]:
        """Return the run's project and id."""
        return self._run.names()

    def join(self, timeout: float) -> bool:
        """Wait until it is done; return whether it is."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _deliver(self) -> None:
        try:
            self.serve(self._lease)
        except BaseException as error:  # an SDK that calls exit() ends nothing but its own delivery
            self.stumbled(error)
        finally:
            shutil.rmtree(self.folder.path, ignore_errors=True)

    def native(self, timeout: float) -> tuple[object | None, str]:
        """Wait until the vendor's run is open; return the vendor's own object, or ``None`` and why there is none."""
        if os.getpid() != self._pid:
            return None, "it lives in the process that began the run, and this one was forked from it"
        deadline = time.monotonic() + timeout
        while self._thread.is_alive():
            if (sink := self._sink()) is not None:
                found = getattr(sink, "native", None)
                return found, "" if found is not None else "its plugin offers no object of the vendor's"
            if time.monotonic() >= deadline:
                return None, self._why_not(f"the run was not open there within {timeout:g} s")
            time.sleep(_LOOK)
        return None, self._why_not("it is delivered, and closed there")

    def _sink(self) -> Sink | None:
        delivery = self.deliveries.get(self._run.path)
        return delivery.sink if delivery is not None else None

    def _why_not(self, reason: str) -> str:
        receipt = Receipt.load(self._run, self.entry)
        if receipt is None or not receipt.error:
            others = receipt is not None and receipt.relay != self.key and self._run.path not in self.deliveries
            return f"{reason}; another process delivers it" if others else reason
        return f"{reason}: {receipt.error}"

    def hanging(self) -> float:
        """Return for how many seconds the vendor's SDK has not come back from a call; 0 where it is in none."""
        since = self._calling_since
        return 0.0 if since is None else time.monotonic() - since

    # -- what differs from a relay that is a process

    def folders(self) -> list[RunFolder]:
        """Return the one run."""
        return [self._run]

    def serves(self, receipt: Receipt) -> bool:
        """Tell whether a receipt is this backend's, whoever was in charge of it."""
        return receipt.entry == self.entry

    def is_done(self) -> bool:
        """Tell whether the run has ended and is delivered, or nothing can be delivered with these settings."""
        if self.paused or self.deliveries:
            return self.paused
        receipt = Receipt.load(self._run, self.entry)
        return receipt is None or is_settled(self._run, receipt)

    @contextlib.contextmanager
    def deadline(self) -> Iterator[None]:
        """Note when a call begins: a thread that hangs cannot be ended, only told of."""
        self._calling_since = time.monotonic()
        try:
            yield
        finally:
            self._calling_since = None

    def say(self, text: str) -> None:
        """Tell the user, once."""
        self._messages.warn(text)

    def stumbled(self, error: BaseException) -> None:
        """Tell the user of a fault of the plugin's own, once."""
        self.say(f"{self.entry}: delivering in this process failed: {describe_error(error)}")
