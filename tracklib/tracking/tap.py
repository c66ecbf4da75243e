"""The tap: what this process prints, and all that it starts, is led through pipes that the helper process empties."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING

from tracklib import platform

if TYPE_CHECKING:
    from tracklib.messages import Messages
    from tracklib.tracking.child import Child

__all__ = ["Tap"]

_STREAMS = {"stdout": 1, "stderr": 2}


class Tap:
    """Pipes, or terminals where there was one, in the place of the descriptors 1 and 2.

    Attributes:
        streams: The streams that are led through it.
    """

    def __init__(self) -> None:
        self.streams: list[str] = []
        self._readers: dict[str, int] = {}
        self._originals: dict[str, int] = {}
        self._writers: dict[str, int] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        for stream, fd in _STREAMS.items():
            with contextlib.suppress(OSError):  # one that is closed prints nothing
                original = platform.move_up(fd)
                self._originals[stream] = original
                self._readers[stream], self._writers[stream] = platform.pipe_like(original)
                self.streams.append(stream)

    @property
    def files(self) -> list[int]:
        """For each stream, what the helper reads from and what it writes to."""
        return [fd for stream in self.streams for fd in (self._readers[stream], self._originals[stream])]

    def open(self, child: Child, messages: Messages) -> None:
        """Lead everything through the helper from now on, for as long as that lives."""
        _flush()
        for stream in self.streams:
            os.dup2(self._writers[stream], _STREAMS[stream])
        self._close(self._writers)
        # Of its own: the run may end, and `close` come, between the helper's death and its notice.
        originals = {stream: os.dup(fd) for stream, fd in self._originals.items()}
        self._thread = threading.Thread(
            target=self._guard, args=(child, messages, originals), name="tracklib-tap", daemon=True
        )
        self._thread.start()

    def close(self) -> bool:
        """Print to where it was before; return whether it was led elsewhere until now."""
        _flush()
        with self._lock:
            was_open = bool(self._originals)
            for stream, original in self._originals.items():
                os.dup2(original, _STREAMS[stream])
            self._close(self._originals)
            self._close(self._writers)
        return was_open

    def wait(self, seconds: float) -> None:
        """Wait, where the helper has died, until all is passed on that it left; a process that ends would lose it."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _guard(self, child: Child, messages: Messages, originals: dict[str, int]) -> None:
        """Take the helper's place where it dies: nobody must print into a pipe that is never emptied."""
        child.wait()
        pipes = {self._readers[stream]: fd for stream, fd in originals.items()}
        _empty(pipes, wait=False)  # first, so that what comes now does not overtake it
        if self.close():
            messages.warn("the helper process is gone; the console is not captured any more", once="tap")
        _empty(pipes, wait=True)
        self._close(originals)
        self._close(self._readers)

    def _close(self, files: dict[str, int]) -> None:
        for fd in files.values():
            os.close(fd)
        files.clear()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # whatever stands there may have no flush, or be closed
            stream.flush()


def _empty(pipes: dict[int, int], *, wait: bool) -> None:
    """Pass on what is left in some pipes; with ``wait``, also what processes that have them still print, to their end."""
    while pipes and (ready := platform.readable(list(pipes), None if wait else 0)):
        for reader in ready:
            try:
                data = os.read(reader, 1 << 16)
            except OSError:  # what a terminal's other side says at its end
                data = b""
            if not data:
                del pipes[reader]
            while data:
                data = data[os.write(pipes[reader], data) :]
