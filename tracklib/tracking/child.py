"""The child: a helper process, and the two pipes to it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from tracklib import platform

__all__ = ["Child"]


class Child:
    """A process beside this one, in a session of its own, which hears lines and answers with lines; nobody waits.

    Args:
        command: The program and its arguments.
        log: Takes what it prints as errors.
        files: Further open files for it, which it gets as descriptors 3, 4, ...

    Raises:
        OSError: It cannot be started.
    """

    def __init__(self, command: list[str], log: Path, files: Sequence[int] = ()) -> None:
        self._rest = b""
        self._gone = False
        # Its end is kept open here too: a pipe that nobody reads any more would send a signal.
        self._its_in, self._to = platform.pipe()
        self._from, its_out = platform.pipe()
        try:
            self.pid = platform.spawn(command, [self._its_in, its_out, *files], log)
        except BaseException:
            self.close()
            raise
        finally:
            os.close(its_out)
        platform.never_wait(self._to)
        platform.never_wait(self._from)

    def say(self, line: bytes) -> bool:
        """Send a line; return whether it was taken, which it is unless the process has long stopped to listen."""
        try:
            return os.write(self._to, line) == len(line)
        except OSError:
            return False

    def hear(self) -> list[str]:
        """Return the lines that came since."""
        try:
            data = os.read(self._from, 1 << 16)
        except OSError:  # nothing
            return []
        *lines, self._rest = (self._rest + data).split(b"\n")
        return [line.decode(errors="replace") for line in lines]

    def hears(self, word: str, seconds: float) -> list[str]:
        """Return the lines that come until a word does, or the time is over, or the process has ended."""
        deadline = time.monotonic() + seconds
        lines: list[str] = []
        while word not in lines and time.monotonic() < deadline and self.is_running():
            platform.readable([self._from], 0.05)
            lines += self.hear()
        return lines

    def wait(self) -> None:
        """Wait until the process has ended."""
        platform.wait_for_end(self.pid)

    def is_running(self) -> bool:
        """Tell whether the process is there; one that is not leaves no trace."""
        if not self._gone:
            self._gone = platform.has_ended(self.pid)
        return not self._gone

    def close(self) -> None:
        """Let go of the pipes, which tells the process to end."""
        for fd in (self._to, self._from, self._its_in):
            if fd >= 0:
                os.close(fd)
        self._to = self._from = self._its_in = -1
