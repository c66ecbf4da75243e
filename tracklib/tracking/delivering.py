"""Delivering, seen from training: relays are started, looked after, and waited for at the end."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tracklib.delivery import launch
from tracklib.delivery.plan import assign
from tracklib.delivery.receipt import all_receipts
from tracklib.journal.flusher import flusher
from tracklib.journal.layout import Root, RunFolder
from tracklib.messages import Messages
from tracklib.tracking.confines import confines
from tracklib.tracking.native import null_native
from tracklib.tracking.progress_line import ProgressLine

if TYPE_CHECKING:
    from tracklib.backends.registry import Resolved
    from tracklib.config import Config
    from tracklib.delivery.account import Line
    from tracklib.delivery.inline import InlineRelay
    from tracklib.delivery.receipt import Receipt

__all__ = ["Deliverer"]

_LATE = 60.0
"""Seconds that records may wait before the user hears of it, once."""

_RESTARTS = 5

_SLOW = 1.0
"""Seconds that a call of an SDK on a thread may take at the end before it is told of."""

_told: list[int] = []
"""The process that was told what its relays end with."""

_to_await: dict[Path, tuple[Deliverer, RunFolder]] = {}
"""Runs of this process whose delivery is waited for at its end."""


class Deliverer:
    """One run's tie to the relays that serve it.

    Attributes:
        inline: Those on threads of this process.
    """

    def __init__(self, root: Root, folder: RunFolder, found: Config, messages: Messages) -> None:
        self._root = root
        self._folder = folder
        self._online = found.settings.mode == "online"
        self._timeout = found.settings.finish_timeout
        self._messages = messages
        self._delivery = found.settings.delivery
        self._keys: list[str] = []
        self.inline: list[InlineRelay] = []
        self._starts = 0
        self._late_since = 0.0

    def begin(self, resolved: list[Resolved]) -> None:
        """Write down where the run goes, and see to it that relays run."""
        if self._delivery == "inline" and self._online:
            from tracklib.delivery import inline

            self.inline = inline.begin(self._root, self._folder, resolved, self._messages)
        else:
            assigned = assign(self._root, self._folder, resolved, unreadable=self._messages.warn)
            self._keys = [receipt.relay for _, receipt in assigned]
        if not self._online:
            return
        if self._delivery == "relay":
            self._tell_of_confines()
        for key in self._keys:
            launch.start(self._root, key)
        flusher.every(self._look_after)

    def _tell_of_confines(self) -> None:
        """Say once where delivery ends with the job: what is not waited for is for ``tracklib sync`` to deliver."""
        if _told and _told[0] == os.getpid():
            return
        if (what := confines()) and self._timeout != math.inf:
            _told[:] = [os.getpid()]
            self._messages.info(
                f"relays end with this {what}, which waits {self._timeout:g} s for them; TRACKLIB_FINISH_TIMEOUT=inf waits "
                f"until delivered, and {sync_command(self._root)} delivers the rest where {self._root.path} is seen"
            )

    def _look_after(self) -> None:
        """Start again a relay that died, a few times, and tell the user once of a backlog."""
        for key in self._keys:
            if self._starts < _RESTARTS and launch.start(self._root, key):
                self._starts += 1
        late = [r for r in self._receipts() if r.error and time.time() - r.since > _LATE]
        for receipt in late:
            text = f"{receipt.entry}: nothing delivered for over a minute: {receipt.error}. Everything is on disk; "
            self._messages.warn(f"{text}training goes on", once=f"late {receipt.entry}")
        for relay in self.inline:
            if relay.hanging() > _LATE:
                self._messages.warn(_hangs(relay), once=f"hangs {relay.entry}")

    def native(self, name: str, timeout: float) -> object:
        """Return the vendor's own object, or a harmless one where there is none."""
        relay = next((relay for relay in self.inline if name in (relay.entry, relay.backend)), None)
        if relay is not None:
            found, reason = relay.native(timeout)
        else:
            found, reason = None, self._why_not(name)
        return found if found is not None else null_native(name, reason, self._messages)

    def _why_not(self, name: str) -> str:
        receipts = self._receipts()
        if not any(name in (receipt.entry, receipt.backend) for receipt in receipts):
            return f"the run goes to {', '.join(receipt.entry for receipt in receipts)} alone"
        if not self._online:
            return "nothing is delivered while the mode is offline"
        return "it is delivered by a relay, a process of its own; TRACKLIB_DELIVERY=inline delivers from this one"

    def urls(self) -> dict[str, str]:
        """Return the run's address at each backend that has told one."""
        return {receipt.entry: receipt.url for receipt in self._receipts() if receipt.url}

    def _receipts(self) -> list[Receipt]:
        """Return the receipts that can be read; of any other the user is told once, and training is not."""
        try:
            return list(all_receipts(self._folder, self._messages.warn))
        except OSError as error:
            self._messages.warn(f"cannot read the receipts in {self._folder.receipts}: {error.strerror or error}")
            return []

    def finished(self, wait: bool) -> None:  # noqa: FBT001  a callback's only argument
        """The run's end is recorded: remember to wait for its delivery, or wait now."""
        flusher.stop(self._look_after)
        _to_await[self._folder.path] = (self, self._folder)
        if wait:
            self.at_last()

    def at_last(self) -> None:
        """Wait for what is pending, at most the finish timeout, and print one line for each backend."""
        waited = dict(_to_await)
        _to_await.clear()
        if not waited:
            return
        from tracklib.delivery.account import account, wait
        from tracklib.journal.staging import is_pending

        folders = [folder for _, folder in waited.values()]
        threads = [relay for deliverer, _ in waited.values() for relay in deliverer.inline]
        try:
            if self._online and self._timeout > 0:
                with ProgressLine(quiet=self._messages.quiet) as line:
                    lines = wait(
                        self._root,
                        folders,
                        timeout=self._timeout,
                        progress=lambda lines: line.show(lambda: _pending(lines)),
                        unreadable=self._messages.warn,
                    )
                _join(threads, lines)
            else:
                lines = list(account(folders, self._messages.warn))
            self._summarise(lines)
            for relay in threads:
                if relay.hanging() > _SLOW:
                    self._messages.info(_hangs(relay))
            if any(is_pending(folder) for folder in folders):
                text = "artifacts are still being stored, by a process that goes on; deliver them with"
                self._messages.info(f"{text}: {sync_command(self._root)}")
        except KeyboardInterrupt:
            self._messages.info("not waiting; deliver the rest with: tracklib sync")
        except Exception as error:  # promise 1: the end of tracking is not the end of training
            self._messages.warn(f"delivery could not be watched: {type(error).__name__}: {error}")

    def _summarise(self, lines: list[Line]) -> None:
        from tracklib.delivery.account import totals

        for total in totals(lines):
            counts = f"{total.confirmed} confirmed, {total.pending} pending, {total.changed} changed, {total.refused} refused"
            address = f"  {total.urls[0]}" if len(total.urls) == 1 else ""
            self._messages.info(f"{total.entry}: {counts}{address}")
            for error in total.errors:
                self._messages.info(f"{total.entry}: {error}")
            if total.pending:
                self._messages.info(f"{total.entry}: deliver the rest with: {sync_command(self._root)}")


def _join(threads: list[InlineRelay], lines: list[Line]) -> None:
    """Let the threads that have delivered everything put their things away."""
    done = {(line.run.project, line.run.id, line.entry) for line in lines if line.done}
    for relay in threads:
        if (*relay.names(), relay.entry) in done:
            relay.join(_SLOW)


def _hangs(relay: InlineRelay) -> str:
    return f"{relay.entry}: a call of its SDK has not come back for {relay.hanging():.0f} s; everything is on disk"


def sync_command(root: Root) -> str:
    """Return the command that delivers what is pending."""
    try:
        here = root.path == Path.cwd() / ".tracklib"
    except OSError:  # the working folder was deleted
        here = False
    place = "" if here else f" --dir {root.path}"
    return f"tracklib sync{place}"


def _pending(lines: list[Line]) -> str:
    pending = {line.entry: line.pending for line in lines if line.pending}
    return (
        f"delivering: {', '.join(f'{entry} {count:,}' for entry, count in pending.items())} pending" if pending else ""
    )
