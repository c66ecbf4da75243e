"""The porter: the process that takes in what artifacts set aside, one after the other, for one journal root."""

from __future__ import annotations

import os
import sys
import time
import traceback

from tracklib import platform
from tracklib.delivery import launch
from tracklib.delivery.active import active_runs
from tracklib.delivery.lease import Lease
from tracklib.delivery.settled import settle
from tracklib.journal.intake import take_in
from tracklib.journal.layout import Root, RunFolder
from tracklib.journal.staging import Staged, is_pending, staged

__all__ = ["KEY", "ensure", "main", "pending_runs"]

KEY = "porter"
"""Its folder among those of the relays."""

_IDLE = 3.0
"""Seconds without work after which it leaves."""

_LOOK = 0.1
_TRIES = 3
"""Times that an artifact is tried whose run cannot be written; the next porter tries again."""


def pending_runs(root: Root) -> list[RunFolder]:
    """Return the runs of which artifacts are set aside."""
    return [folder for folder in active_runs(root) if _is_pending(folder)]


def _is_pending(folder: RunFolder) -> bool:
    try:
        return is_pending(folder)
    except OSError:  # this run's folder fails: the artifacts of the others are stored, and it is looked at again
        return False


def ensure(root: Root) -> bool:
    """See to it that a porter is at work where there is work; return whether one was started.

    Raises:
        ConfigError: There is no interpreter to start it with.
        OSError: The system starts no process.
    """
    return bool(pending_runs(root)) and launch.start(root, KEY, program="porter")


class _Porter:
    def __init__(self, root: Root) -> None:
        self._root = root
        self._failures: dict[str, int] = {}

    def work(self) -> None:
        """Take in everything, and wait a while for more."""
        lease = Lease(launch.RelayFolder(self._root, KEY).lease)
        while lease.take():
            try:
                self._serve(lease)
            finally:
                lease.release()
            if not self._todo():  # whoever set something aside meanwhile took this porter for one at work
                return

    def _serve(self, lease: Lease) -> None:
        busy = time.monotonic()
        while time.monotonic() - busy < _IDLE and self._root.path.is_dir():
            lease.beat()
            todo = self._todo()
            if not todo:
                time.sleep(_LOOK)
                continue
            folder, item = min(todo, key=lambda pair: pair[1].time)
            self._take(folder, item)
            busy = time.monotonic()

    def _todo(self) -> list[tuple[RunFolder, Staged]]:
        found = [(folder, item) for folder in pending_runs(self._root) for item in staged(folder)]
        return [(folder, item) for folder, item in found if self._failures.get(item.id, 0) < _TRIES]

    def _take(self, folder: RunFolder, item: Staged) -> None:
        try:
            take_in(self._root, folder, item)
            settle(self._root, folder)
        except Exception:  # its run is deleted, its disk full, its notes damaged: the other artifacts are stored
            self._failures[item.id] = self._failures.get(item.id, 0) + 1
            traceback.print_exc()


def main() -> None:
    """Run a porter: ``python -c "..." ROOT KEY``."""
    platform.be_modest()
    os.umask(0o077)
    _Porter(Root(sys.argv[1])).work()
