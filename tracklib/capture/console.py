"""The console: what the training prints, passed on to where it goes, and kept with progress bars collapsed."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Mapping

__all__ = ["Screen", "Tee"]

_CHUNK = 1 << 16
_MAX_HELD = 8 << 20
"""Bytes that wait to be recorded, at most; output that comes faster than the disk takes it is dropped and counted."""

_MAX_LINE = 1 << 16
_STATE = 10.0
"""Seconds after which an unfinished line, such as a progress bar, is recorded as it stands."""

_MAX_KEY = 16_384
_QUIET = 3


class Screen:
    """One stream, line by line, as a terminal would show it in the end.

    What a carriage return overwrites is left out: of a progress bar, its last state. Colours and other escapes stay.
    """

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._open = b""
        self._shown = time.monotonic()

    def feed(self, data: bytes) -> None:
        """Take what was printed."""
        *lines, rest = (self._open + data).split(b"\n")
        self._lines += [_collapsed(line) + b"\n" for line in lines]
        self._open = _collapsed(rest)
        if len(self._open) > _MAX_LINE:
            self._lines.append(self._open)
            self._open = b""
        if lines:
            self._shown = time.monotonic()

    def take(self, *, final: bool = False) -> str:
        """Return the lines that are finished, and one that is not where that stood for long, or nothing comes."""
        text = b"".join(self._lines)
        keep = 0 if final else _unfinished_key(text)
        text, self._lines = (text[:-keep], [text[-keep:]]) if keep else (text, [])
        late = time.monotonic() - self._shown >= _STATE
        if self._open and (final or (late and not keep)):
            text += self._open if final else self._open.rstrip(b"\r") + b"\r"  # to be overwritten by what follows
            self._shown = time.monotonic()
            self._open = b"" if final else self._open
        return text.decode("utf-8", "surrogateescape")


def _collapsed(line: bytes) -> bytes:
    body = line.rstrip(b"\r")
    return body[body.rfind(b"\r") + 1 :] + line[len(body) : len(body) + 1]


def _unfinished_key(text: bytes) -> int:
    """Return the length of a private key at the end whose last line is still to come: redaction must see all of it."""
    begin = text.rfind(b"-----BEGIN")
    unfinished = begin >= 0 and b"-----END" not in text[begin:] and len(text) - begin < _MAX_KEY
    return len(text) - begin if unfinished else 0


class Tee:
    """Passes on, in a thread of its own, what comes from some pipes, and keeps a copy.

    It touches no disk: the training waits for it where the pipes are full.

    Args:
        streams: For each stream, the descriptor to read from and the one to write to.

    Attributes:
        dropped: Bytes that were passed on but not kept.
    """

    def __init__(self, streams: Mapping[str, tuple[int, int]]) -> None:
        self._streams = dict(streams)
        self._held: list[tuple[str, bytes]] = []
        self._size = 0
        self._lock = threading.Lock()
        self._busy = False
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="tracklib-tee")
        self._thread.start()

    def take(self) -> list[tuple[str, bytes]]:
        """Return what came since."""
        with self._lock:
            held, self._held, self._size = self._held, [], 0
        return held

    def drain(self, seconds: float) -> None:
        """Wait until nothing comes any more."""
        deadline = time.monotonic() + seconds
        quiet = 0  # a terminal hands on what was written to it a moment later
        while quiet < _QUIET and time.monotonic() < deadline:
            readers = [reader for reader, _ in list(self._streams.values())]
            moves = self._busy or (readers and select.select(readers, [], [], 0)[0])
            quiet = 0 if moves else quiet + 1
            time.sleep(0.01)

    def join(self) -> None:
        """Go on until every process that may print is gone: one that prints into nothing would be killed."""
        self._thread.join()

    def _run(self) -> None:
        while self._streams:
            readers = {reader: stream for stream, (reader, _) in self._streams.items()}
            for reader in select.select(list(readers), [], [])[0]:
                self._busy = True
                self._pass_on(readers[reader], *self._streams[readers[reader]])
            self._busy = False

    def _pass_on(self, stream: str, reader: int, writer: int) -> None:
        try:
            data = os.read(reader, _CHUNK)
        except OSError:  # what a terminal's other side says at its end
            data = b""
        if not data:
            del self._streams[stream]
            return
        _write(writer, data)
        with self._lock:
            if self._size + len(data) > _MAX_HELD:
                self.dropped += len(data)
            else:
                self._held.append((stream, data))
                self._size += len(data)


def _write(writer: int, data: bytes) -> None:
    """Write all of it, as far as anybody is there to see it."""
    with contextlib.suppress(OSError):  # the terminal was closed; the training would have been told so, at worst
        while data:
            try:
                data = data[os.write(writer, data) :]
            except BlockingIOError:  # somebody else set it so
                select.select([], [writer], [])
