"""Watching: delivering the runs of a root as they come and grow, whoever writes them, until it is told to stop."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import TYPE_CHECKING

from tracklib.cli.console import say
from tracklib.cli.documents import run_document
from tracklib.cli.errand import prepare
from tracklib.cli.progress import Watch
from tracklib.cli.quantities import plural
from tracklib.delivery import launch
from tracklib.delivery.account import Line, account
from tracklib.errors import CorruptJournalError

if TYPE_CHECKING:
    from tracklib.journal.layout import Root, RunFolder

__all__ = ["Watcher", "until_signalled"]

_Fact = tuple[str, str, str]
_FIELDS = ("entry", "state", "confirmed", "pending", "changed", "refused", "resent", "error", "url")


@dataclass(slots=True)
class Watcher:
    """Looks again and again at which runs there are, and sees to it that each has a relay.

    Attributes:
        find: Returns the runs that are meant, as they are now.
        entry: Deliver to this backend alone, and begin to where a run was never sent there.
        as_json: Print a line of JSON for each delivery that moved.
    """

    root: Root
    find: Callable[[], list[RunFolder]]
    entry: str | None
    as_json: bool
    misconfigured: bool = False
    _known: dict[object, RunFolder] = field(default_factory=dict)
    _lines: dict[_Fact, Line] = field(default_factory=dict)
    _tried: set[_Fact] = field(default_factory=set)
    _problems: set[str] = field(default_factory=set)

    def run(self, stop: threading.Event, interval: float, deadline: float) -> int:
        """Deliver until told to stop; return 0 where everything is held, 1 where not, 2 where a setting is wrong."""
        with Watch() as watch:
            while True:
                self._look(watch)
                if stop.wait(max(0.0, min(interval, deadline - time.monotonic()))) or time.monotonic() >= deadline:
                    break
            self._look(watch)
        return self._outcome()

    def _look(self, watch: Watch) -> None:
        self._known |= {folder.path: folder for folder in self.find()}
        for path, folder in list(self._known.items()):
            try:
                lines = [line for line in account([folder]) if self.entry in (None, line.entry)]
                self._serve(folder, lines)
            except (CorruptJournalError, FileNotFoundError) as error:  # damaged, or removed meanwhile
                self._complain(str(error))
                del self._known[path]
                continue
            for line in lines:
                self._take(line)
            if lines and all(line.done for line in lines):
                del self._known[path]  # until it is active again
        watch.show(list(self._lines.values()))

    def _serve(self, folder: RunFolder, lines: list[Line]) -> None:
        """Put what waits in the charge of relays that run; what is paused has been tried with this shell's settings."""
        waiting = [
            line for line in lines if _waits(line) and not (line.state == "paused" and _fact(line) in self._tried)
        ]
        is_missing = self.entry is not None and not lines
        if not is_missing and all(launch.lives(self.root, line.relay) for line in waiting):
            return
        errand = prepare(self.root, [folder], self.entry)
        for problem in errand.problems:
            self._complain(problem)
        self.misconfigured |= errand.misconfigured
        for key in errand.keys:
            launch.start(self.root, key)
        self._tried |= {_fact(line) for line in waiting}

    def _complain(self, problem: str) -> None:
        if problem not in self._problems:
            self._problems.add(problem)
            say(f"error: {problem}")

    def _take(self, line: Line) -> None:
        before = self._lines.get(_fact(line))
        self._lines[_fact(line)] = line
        if self.as_json and (before is None or _document(before) != _document(line)):
            sys.stdout.write(json.dumps(_document(line), allow_nan=False) + "\n")
            sys.stdout.flush()

    def _outcome(self) -> int:
        lines = self._lines.values()
        left = [line for line in lines if not line.done and not line.reached(line.written)]
        if left and not self.as_json:
            say(f"{plural(sum(line.pending for line in left), 'record')} still wait; go on with: tracklib sync")
        if self.misconfigured:
            return 2
        return 1 if self._problems or left or any(line.refused for line in lines) else 0


def _waits(line: Line) -> bool:
    return line.pending > 0 or (line.run.status not in ("running", "stale") and not line.done)


def _fact(line: Line) -> _Fact:
    return line.run.project, line.run.id, line.entry


def _document(line: Line) -> dict[str, object]:
    return {"run": run_document(line.run), **{name: getattr(line, name) for name in _FIELDS}}


@contextlib.contextmanager
def until_signalled() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C and SIGTERM set, instead of what they do; a second one does that again."""
    stop = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def on_signal(number: int, frame: FrameType | None) -> None:
        _ = number, frame
        stop.set()
        put_back()

    def put_back() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in before:
        signal.signal(number, on_signal)
    try:
        yield stop
    finally:
        put_back()
