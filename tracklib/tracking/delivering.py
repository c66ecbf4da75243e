"""Delivering, seen from training: relays are started, looked after, and waited for at the end."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from tracklib.delivery import launch
from tracklib.delivery.plan import assign
from tracklib.delivery.receipt import all_receipts
from tracklib.journal.flusher import flusher
from tracklib.journal.layout import Root, RunFolder
from tracklib.journal.staging import is_pending
from tracklib.messages import Messages
from tracklib.tracking.progress_line import ProgressLine

if TYPE_CHECKING:
    from tracklib.backends.registry import Resolved
    from tracklib.config import Config
    from tracklib.delivery.account import Line

__all__ = ["Deliverer"]

_LATE = 60.0
"""Seconds that records may wait before the user hears of it, once."""

_RESTARTS = 5

_to_await: dict[Path, tuple[Deliverer, RunFolder]] = {}
"""Runs of this process whose delivery is waited for at its end."""


class Deliverer:
    """One run's tie to the relays that serve it."""

    def __init__(self, root: Root, folder: RunFolder, found: Config, messages: Messages) -> None:
        self._root = root
        self._folder = folder
        self._online = found.settings.mode == "online"
        self._timeout = found.settings.finish_timeout
        self._messages = messages
        self._keys: list[str] = []
        self._starts = 0
        self._late_since = 0.0

    def begin(self, resolved: list[Resolved]) -> None:
        """Write down where the run goes, and see to it that relays run."""
        self._keys = assign(self._root, self._folder, resolved)
        if not self._online:
            return
        for key in self._keys:
            launch.start(self._root, key)
        flusher.every(self._look_after)

    def _look_after(self) -> None:
        """Start again a relay that died, a few times, and tell the user once of a backlog."""
        for key in self._keys:
            if self._starts < _RESTARTS and launch.start(self._root, key):
                self._starts += 1
        late = [r for r in all_receipts(self._folder) if r.error and time.time() - r.since > _LATE]
        for receipt in late:
            text = f"{receipt.entry}: nothing delivered for over a minute: {receipt.error}. Everything is on disk; "
            self._messages.warn(f"{text}training goes on", once=f"late {receipt.entry}")

    def urls(self) -> dict[str, str]:
        """Return the run's address at each backend that has told one."""
        return {receipt.entry: receipt.url for receipt in all_receipts(self._folder) if receipt.url}

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

        folders = [folder for _, folder in waited.values()]
        try:
            if self._online and self._timeout > 0:
                with ProgressLine(quiet=self._messages.quiet) as line:
                    lines = wait(
                        self._root,
                        folders,
                        timeout=self._timeout,
                        progress=lambda lines: line.show(lambda: _pending(lines)),
                    )
            else:
                lines = list(account(folders))
            self._summarise(lines)
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
