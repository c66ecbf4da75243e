"""The account: how far each run is at each of its backends, and waiting until it is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tracklib.delivery import launch
from tracklib.delivery.receipt import Receipt, State, all_receipts
from tracklib.journal.glance import glance
from tracklib.journal.layout import Root, RunFolder
from tracklib.model.run import RunInfo

__all__ = ["Line", "Total", "account", "totals", "wait"]

_POLL = 0.1
_RESTARTS = 5
"""Times that a relay which died is started again while somebody waits for it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One run at one backend.

    Attributes:
        written: Records in the journal.
        confirmed: Records that the vendor durably holds, refused ones included.
        pending: Records that wait.
        changed, refused: Records held in another form, and records that the vendor will never take.
    """

    run: RunInfo
    entry: str
    backend: str
    state: State
    written: int
    confirmed: int
    pending: int
    changed: int
    refused: int
    resent: int
    url: str | None
    error: str
    since: float
    relay: str

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return self.state == "complete" and self.pending == 0

    def reached(self, written: int) -> bool:
        """Tell whether so many records of a run that goes on are confirmed."""
        return self.run.status in ("running", "stale") and self.confirmed >= written


@dataclass(frozen=True, slots=True)
class Total:
    """All lines of one backend."""

    entry: str
    runs: int
    confirmed: int
    pending: int
    changed: int
    refused: int
    errors: tuple[str, ...]
    urls: tuple[str, ...]


def account(folders: Iterable[RunFolder], unreadable: Callable[[str], None] | None = None) -> Iterator[Line]:
    """Yield the account of each run at each backend; ``unreadable`` is as `all_receipts` takes it."""
    for folder in folders:
        look = glance(folder)
        for receipt in all_receipts(folder, unreadable):
            yield _line(look.info, look.totals, receipt)


def _line(info: RunInfo, written: dict[str, int], receipt: Receipt) -> Line:
    return Line(
        info,
        receipt.entry,
        receipt.backend,
        receipt.state,
        sum(written.values()),
        receipt.confirmed_records,
        receipt.pending(written),
        receipt.changed,
        receipt.refused,
        receipt.resent,
        receipt.url,
        receipt.error,
        receipt.since,
        receipt.relay,
    )


def totals(lines: Iterable[Line]) -> list[Total]:
    """Add up the lines of each backend."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(line.entry, []).append(line)
    return [_total(entry, group) for entry, group in groups.items()]


def _total(entry: str, lines: list[Line]) -> Total:
    return Total(
        entry,
        len(lines),
        sum(line.confirmed for line in lines),
        sum(line.pending for line in lines),
        sum(line.changed for line in lines),
        sum(line.refused for line in lines),
        tuple(sorted({line.error for line in lines if line.error and not line.done})),
        tuple(line.url for line in lines if line.url),
    )


def wait(
    root: Root,
    folders: list[RunFolder],
    *,
    timeout: float,
    progress: Callable[[list[Line]], None],
    live: bool = False,
    entries: frozenset[str] | None = None,
    unreadable: Callable[[str], None] | None = None,
) -> list[Line]:
    """Wait until these runs are delivered, the time is over, or nothing more can come of waiting; return the account.

    Args:
        root: Where the runs lie.
        folders: The runs.
        timeout: Seconds; ``inf`` waits until delivered.
        progress: Called with the account from time to time.
        live: Of a run that goes on, wait only for what is written by now.
        entries: The backends that matter; all where omitted.
        unreadable: Takes what is wrong with a receipt, as often as it is looked at.
    """
    deadline = time.monotonic() + timeout
    supervisor = Supervisor(root)
    open_folders = list(folders)
    done: dict[object, list[Line]] = {}
    goals: dict[tuple[object, str], int] = {}
    while True:
        for folder in list(open_folders):
            lines = [line for line in account([folder], unreadable) if entries is None or line.entry in entries]
            done[folder.path] = lines
            ends = [goals.setdefault((folder.path, line.entry), line.written) for line in lines]
            if all(line.done or (live and line.reached(goal)) for line, goal in zip(lines, ends, strict=True)):
                open_folders.remove(folder)
        all_lines = [line for folder in folders for line in done[folder.path]]
        progress(all_lines)
        waiting = [line for folder in open_folders for line in done[folder.path] if not line.done]
        if not waiting or time.monotonic() >= deadline or not supervisor.hopeful(waiting):
            return all_lines
        time.sleep(min(_POLL, max(0.0, deadline - time.monotonic())))


class Supervisor:
    """Keeps the relays alive that somebody counts on, and knows when to give up."""

    def __init__(self, root: Root) -> None:
        self._root = root
        self._starts: dict[str, int] = {}

    def hopeful(self, lines: Iterable[Line]) -> bool:
        """Start again the relays that died, a few times; return whether any of these lines may still move."""
        return any([self._alive(line) for line in lines])  # noqa: C419  each is looked after, not only the first

    def _alive(self, line: Line) -> bool:
        if line.state == "paused":
            return False
        if launch.lives(self._root, line.relay):
            return True
        if self._starts.get(line.relay, 0) >= _RESTARTS:
            return False
        self._starts[line.relay] = self._starts.get(line.relay, 0) + 1
        launch.start(self._root, line.relay)
        return True
