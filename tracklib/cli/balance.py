"""The balance of a migration or a backup: what became of the runs, in numbers, and what was left behind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tracklib.cli.copying import result_document, tell_unlisted
from tracklib.cli.documents import run_document
from tracklib.cli.long_list import LongList
from tracklib.portability.tally import Tally

if TYPE_CHECKING:
    from tracklib.backends.contract import Leftover
    from tracklib.model.run import RunInfo
    from tracklib.portability.comparison import Comparison
    from tracklib.portability.migrate import Result

__all__ = ["Balance", "Behind", "Results"]

_NAMED = 20
"""Leftovers of a kind, or differences of a run, that are named; the rest are counted."""


class Behind:
    """What a source holds beside runs: counted, and the first of each kind named."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._names: dict[str, list[str]] = {}

    def add(self, leftovers: Iterable[Leftover]) -> None:
        """Take in what a source says."""
        for leftover in leftovers:
            self._counts[leftover.kind] += 1
            names = self._names.setdefault(leftover.kind, [])
            if len(names) < _NAMED:
                names.append(leftover.name)

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {kind: {"count": count, "names": self._names[kind]} for kind, count in self._counts.items()}

    def show(self) -> None:
        """Print it."""
        from tracklib.cli.console import out, safe
        from tracklib.cli.quantities import plural

        for kind, count in self._counts.items():
            names = ", ".join(self._names[kind])
            more = ", ..." if count > len(self._names[kind]) else ""
            out().print(safe(f"left behind: {plural(count, kind)}: {names}{more}"))


class Results:
    """What became of runs.

    Attributes:
        states: How many runs of each state.
        total: What all of them hold.
        damaged: Whether of one that was copied just now not all could be read.
    """

    def __init__(self, *, keeps_runs: bool) -> None:
        self.states: Counter[str] = Counter()
        self.total = Tally()
        self.damaged = False
        self._runs = LongList("runs") if keeps_runs else None

    def add(self, result: Result) -> None:
        """Take in what became of a run."""
        self.states[result.state] += 1
        self.total.add(result.progress.tally)
        self.damaged |= result.is_damaged
        if self._runs is not None:
            self._runs.add(result_document(result))

    @property
    def failed(self) -> bool:
        """Whether a run failed or a record was refused."""
        return bool(self.states["failed"] or self.total.refused)

    def __str__(self) -> str:
        from tracklib.cli.quantities import bytes_text, plural

        total = self.total
        told = ", ".join(f"{count:,} {state}" for state, count in self.states.items()) or "none selected"
        held = f"{total.points:,} points, {total.artifacts:,} artifacts, {bytes_text(total.bytes)}"
        return f"{plural(self.states.total(), 'run')}: {told}; {held}"

    def print_json(self, facts: dict[str, Any]) -> None:
        """Print one JSON document, with all runs."""
        assert self._runs is not None
        self._runs.print_within({**facts, "total": self.total.document(), "states": dict(self.states)})


class Balance:
    """What a migration did.

    Attributes:
        results: What became of the runs.
        behind: What the source holds beside runs.
        left_out: What it holds and did not list, in its own words.
        unlisted: Lists of its own that could not be read, and why.
        gone: Copies that stay unfinished, since the source does not hold their runs any more.
        stopped: A group was found to differ, and those behind it were left.
    """

    def __init__(self, *, keeps_runs: bool) -> None:
        self.results = Results(keeps_runs=keeps_runs)
        self._keeps_runs = keeps_runs
        self._differences: dict[str, list[str]] = {}
        self.behind = Behind()
        self.left_out: Counter[str] = Counter()
        self.unlisted: dict[str, str] = {}
        self.gone: list[RunInfo] = []
        self.stopped = False

    def differ(self, run: RunInfo, found: Comparison) -> None:
        """Take in that a copy differs."""
        told = [str(difference) for difference in found.differences[:_NAMED]]
        more = found.found.total() - len(told)
        self._differences[f"{run.project}/{run.id}"] = [*told, f"and {more:,} more"] if more > 0 else told
        self.stopped = True

    @property
    def exit_code(self) -> int:
        """1 where a run failed, a record was refused, a source is damaged, or a copy differs or stays unfinished."""
        results = self.results
        return int(any((results.failed, results.damaged, self.unlisted, self.stopped, self.gone)))

    def show(self, places: dict[str, str]) -> None:
        """Print it; as JSON where the runs are kept."""
        if self._keeps_runs:
            self.results.print_json(
                {
                    **places,
                    "left_out": dict(self.left_out),
                    "unlisted": self.unlisted,
                    "leftovers": self.behind.document(),
                    "gone": [run_document(copy) for copy in self.gone],
                    "differences": self._differences,
                    "stopped": self.stopped,
                }
            )
            return
        from tracklib.cli.console import out, safe, say

        for run, differences in self._differences.items():
            for text in differences:
                out().print(safe(f"{run}: {text}", "red"))
        tell_unlisted(self.unlisted)
        for copy in self.gone:
            words = "is gone from the source, and its copy is not whole"
            out().print(safe(f"{copy.project}/{copy.id} {words}: {copy.url or copy.place or copy.id}", "red"))
        for reason, count in (*self.results.total.changed.items(), *self.results.total.refused.items()):
            out().print(safe(f"{count:,} x {reason}"))
        for what, count in self.left_out.items():
            out().print(safe(f"left out: {count:,} x {what}"))
        self.behind.show()
        out().print(safe(str(self.results)))
        if self.stopped:
            say(
                "a group differs, and those behind it were left; repeated, it is compared again, without --wave it is not"
            )
