"""The flusher: one background thread that brings journals to the disk and shows that their writers live."""

from __future__ import annotations

import os
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Protocol

from tracklib.journal.liveness import HEARTBEAT

__all__ = ["Flusher", "flusher"]

_INTERVAL = 1.0
"""Seconds between two syncs: what a power cut may cost, and no more."""


class Tended(Protocol):
    """What is looked after: a writer."""

    def flush(self) -> None:
        """Bring what was written to the disk, where something was."""

    def beat(self) -> None:
        """Show that the writer lives."""


class Flusher:
    """Syncs every open writer once a second where it wrote since."""

    def __init__(self) -> None:
        self._forget()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """Start from nothing, as a forked child does: it has no thread, and its parent's writers are not its own."""
        self._writers: weakref.WeakSet[Tended] = weakref.WeakSet()
        self._chores: list[Callable[[], None]] = []
        self._lock = threading.RLock()  # a signal's handler may end a run while its thread is in here
        self._thread: threading.Thread | None = None

    def add(self, writer: Tended) -> None:
        """Look after a writer from now on."""
        with self._lock:
            self._writers.add(writer)
            if self._thread is None:
                self._start()

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="tracklib-flusher", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads, or the interpreter is ending: what is written waits for the system
            return
        self._thread = thread

    def remove(self, writer: Tended) -> None:
        """Leave a writer alone, which closes itself."""
        with self._lock:
            self._writers.discard(writer)

    def every(self, chore: Callable[[], None]) -> None:
        """Call something with each heartbeat."""
        self._chores.append(chore)

    def stop(self, chore: Callable[[], None]) -> None:
        """Call it no more."""
        if chore in self._chores:
            self._chores.remove(chore)

    def _run(self) -> None:
        beat = time.monotonic()
        while True:
            time.sleep(_INTERVAL)
            with self._lock:
                writers = list(self._writers)
            due = time.monotonic() - beat >= HEARTBEAT
            beat = time.monotonic() if due else beat
            for writer in writers:
                self._tend(writer, beat=due)
            for chore in list(self._chores) if due else ():
                self._do(chore)

    def _do(self, chore: Callable[[], None]) -> None:
        try:
            chore()
        except Exception as error:  # a chore that fails must not end the syncing
            sys.stderr.write(f"tracklib: warning: {type(error).__name__}: {error}\n")

    def _tend(self, writer: Tended, *, beat: bool) -> None:
        try:
            writer.flush()
            if beat:
                writer.beat()
        except OSError:
            return  # closed meanwhile, or its disk fails: the next write says so


flusher = Flusher()
