"""Progress: what somebody who watches a delivery sees."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from tracklib.cli.console import err, safe, say, shows_progress
from tracklib.delivery.account import totals

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID
    from typing_extensions import Self

    from tracklib.delivery.account import Line

__all__ = ["Watch"]


class Watch:
    """A bar for each backend on a terminal; elsewhere, each fault once.

    Attributes:
        pending: Records that waited when last looked.
    """

    def __init__(self) -> None:
        self.pending = 0
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
            if line.error and not line.done and (line.entry, line.error) not in self._said:
                self._said.add((line.entry, line.error))
                say(f"{line.entry}: {line.state}: {line.error}")
        if self._bars is None:
            return
        for total in totals(lines):
            if total.entry not in self._tasks:
                self._tasks[total.entry] = self._bars.add_task(safe(total.entry).plain)
            held = total.confirmed
            self._bars.update(self._tasks[total.entry], completed=held, total=held + total.pending)


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
