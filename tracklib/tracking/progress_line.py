"""`ProgressLine`: one line on the terminal that says what the end of a process waits for."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

__all__ = ["ProgressLine"]

_NOTICEABLE = 0.5


class ProgressLine:
    """A line that is shown once waiting takes noticeably long, and taken away at the end of a ``with``.

    Args:
        quiet: Show nothing. Nothing is shown either where stderr is no terminal.
    """

    def __init__(self, *, quiet: bool) -> None:
        stream = sys.stderr
        self._stream = stream if stream is not None and stream.isatty() and not quiet else None
        self._began = time.monotonic()
        self._shown = False

    def show(self, text: Callable[[], str]) -> None:
        """Show a text, which is asked for only where it is shown; none for an empty one."""
        if self._stream is None or time.monotonic() - self._began < _NOTICEABLE or not (told := text()):
            return
        self._stream.write(f"\r\x1b[Ktracklib: {told} (Ctrl-C: leave it to tracklib sync)")
        self._stream.flush()
        self._shown = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is not None and self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
