"""Notebooks: what an IPython shell or Jupyter kernel tells of the cells in which runs live.

A cell that raises, or is interrupted, ends no process: the run stays open, and the next cell may go on with it. If none
does, the run ends as that cell did. A cell that begins a run anew, as a re-run does, ends the one that an earlier cell
began.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tracklib.tracking.endings import Ending, ending_of, endings

if TYPE_CHECKING:
    from tracklib.messages import Messages
    from tracklib.tracking.run import Run

__all__ = ["Cells", "cells", "card"]


class Cells:
    """Follows the cells of this process's shell, where it has one.

    Attributes:
        unhappy: For each open run whose last cell raised: how it raised, and how far the run had come.
    """

    def __init__(self) -> None:
        self._shell: Any = None
        self._begun: dict[Run, int] = {}
        self.unhappy: dict[Run, tuple[Ending, object]] = {}

    def begin(self, parent: object, messages: Messages) -> None:
        """A run is about to begin: end those that earlier cells began, except its parent."""
        if not self._find():
            return
        for run, cell in list(self._begun.items()):
            if not run.is_open:
                self._begun.pop(run)
            elif cell != self._shell.execution_count and parent not in (run, run.id):
                messages.info(f"the run {run.name!r} of an earlier cell ends, for this cell begins another")
                self._begun.pop(run)
                run.end(self.ending(run) or Ending("finished"))

    def began(self, run: Run) -> None:
        """A run began in this cell."""
        if self._shell is not None:
            self._begun[run] = self._shell.execution_count

    def ending(self, run: Run) -> Ending | None:
        """Return how the run's last cell raised, where the run has not gone on since."""
        ending, place = self.unhappy.pop(run, (None, None))
        return ending if ending is not None and place == run.place else None

    def _find(self) -> bool:
        """Find the shell, and listen to it; IPython is loaded where there is one."""
        if self._shell is None:
            get = getattr(sys.modules.get("IPython"), "get_ipython", None)
            self._shell = get() if get is not None else None
            if self._shell is not None:
                self._shell.events.register("post_run_cell", self._ran)
        return self._shell is not None

    def _ran(self, result: Any) -> None:
        """A cell ended: remember of each open run whether it ended badly."""
        error = getattr(result, "error_in_exec", None) or getattr(result, "error_before_exec", None)
        endings.survived()  # what was raised, or given to sys.exit, did not end the process
        for run in list(self._begun):
            if error is not None and run.is_open:
                self.unhappy[run] = (ending_of(error), run.place)
            elif run in self.unhappy and self.unhappy[run][1] != run.place:
                del self.unhappy[run]


cells = Cells()


def card(name: str, facts: Mapping[str, str], links: Mapping[str, str]) -> str:
    """Return a run as a notebook shows it: a name, a few facts, and links to its pages."""
    from html import escape  # a table of two thousand entities, which only a notebook pays for

    parts = [f"<b>{escape(name)}</b>"]
    parts += [f"{escape(key)}: {escape(value)}" for key, value in facts.items()]
    for entry, url in links.items():
        is_page = url.startswith(("http://", "https://"))
        place = f'<a href="{escape(url)}" target="_blank" rel="noopener">{escape(entry)}</a>'
        parts.append(place if is_page else f"{escape(entry)}: {escape(url)}")
    return f"<div>tracklib run {' &middot; '.join(parts)}</div>"
