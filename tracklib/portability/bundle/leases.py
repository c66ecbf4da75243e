"""Leases: who writes to a bundle at present, so that nothing is cleared away under a backup."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from typing import Literal

from tracklib import platform
from tracklib.errors import UsageError
from tracklib.model.codec import dumps
from tracklib.portability.bundle.layout import LOCKS
from tracklib.portability.bundle.snapshots import stamp
from tracklib.portability.bundle.store import Store

__all__ = ["Lease", "lease"]

_LAPSES = 6 * 3600
"""Seconds after which a lease that nobody renewed counts no more: its holder was killed."""

_RENEWED = 600
"""Seconds after which it is renewed."""


class Lease:
    """A file that says who writes, and since when."""

    def __init__(self, store: Store, kind: Literal["backup", "prune"]) -> None:
        self._store = store
        self._kind = kind
        self._path = f"{LOCKS}/{stamp(time.time_ns())}-{kind}-{secrets.token_hex(4)}.json"
        self._renewed = 0.0

    def take(self) -> None:
        """Take the lease: any number of backups may write at a time, but none while old snapshots are removed.

        Raises:
            UsageError: Another one is in the way.
        """
        self._write()
        held = {item.path: item for item in self._store.list(LOCKS)}
        own = held.get(self._path)
        now = time.time() if own is None else own.modified
        for path, item in held.items():
            in_the_way = self._kind == "prune" or "-prune-" in path
            if path != self._path and in_the_way and now - item.modified < _LAPSES:
                self.give_back()
                raise UsageError(f"expected to be the only one at {self._store}, but {path} is there; wait for it")

    def renew(self) -> None:
        """Say that its holder still lives; to be called often."""
        if time.monotonic() - self._renewed > _RENEWED:
            self._write()

    def give_back(self) -> None:
        """Let others write."""
        self._store.remove(self._path)

    def _write(self) -> None:
        who = {"kind": self._kind, "host": platform.host_name(), "pid": os.getpid(), "time": time.time_ns()}
        self._store.write(self._path, dumps(who) + b"\n")
        self._renewed = time.monotonic()


@contextlib.contextmanager
def lease(store: Store, kind: Literal["backup", "prune"]) -> Iterator[Lease]:
    """Hold a lease for as long as something is done.

    Raises:
        UsageError: Another one is in the way.
    """
    held = Lease(store, kind)
    held.take()
    try:
        yield held
    finally:
        held.give_back()
