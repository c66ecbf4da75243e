"""Progress: what somebody who watches a delivery sees."""

from __future__ import annotations

import time
from collections.abc import Iterable
from types import TracebackType
from typing import TYPE_CHECKING

from tracklib.cli.console import err, safe, say, shows_progress
from tracklib.delivery.account import totals

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID
    from typing_extensions import Self

    from tracklib.delivery.account import Line

__all__ = ["Watch"]

_SETTLING = 2.0
"""Seconds that a relay has to try again before a fault that stood when it was asked to counts."""


class Watch:
    """A bar for each backend on a terminal; elsewhere, each fault once.

    A fault of before is told only where it is still there after a while: it may be gone at the first try.

    Attributes:
        pending: Records that waited when last looked.
    """

    def __init__(self, before: Iterable[Line] = ()) -> None:
        self.pending = 0
        self._old = {(line.entry, line.error) for line in before}
        self._began = time.monotonic()
        self._said: set[tuple[str, str]] = set()
        self._tasks: dict[str, TaskID] = {}
        self._bars = _bars() if shows_progress() else None

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def show(self, lines: list[Line]) -> None:
        """Show how things stand."""
        self.pending = sum(line.pending for line in lines)
        for line in lines:
            if line.error and not line.done and self._is_news(line.entry, line.error):
                self._said.add((line.entry, line.error))
                say(f"{line.entry}: {line.state}: {line.error}")
        if self._bars is None:
            return
        for total in totals(lines):
            if total.entry not in self._tasks:
                self._tasks[total.entry] = self._bars.add_task(safe(total.entry).plain)
            held = total.confirmed
            self._bars.update(self._tasks[total.entry], completed=held, total=held + total.pending)

    def _is_news(self, entry: str, error: str) -> bool:
        is_old = (entry, error) in self._old and time.monotonic() - self._began < _SETTLING
        return not is_old and (entry, error) not in self._said


def _bars() -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("records confirmed"),
        TimeElapsedColumn(),
        console=err(),
        transient=True,
    )
