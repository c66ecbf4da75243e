"""The plan: what a migration would copy, how long that may take, and what the destination would change of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tracklib.errors import AuthError, ConfigError, TracklibError
from tracklib.portability.ledger import is_copied
from tracklib.portability.losses import Losses
from tracklib.portability.tally import Tally

if TYPE_CHECKING:
    from tracklib.backends.capabilities import Capabilities
    from tracklib.backends.contract import Source
    from tracklib.model.run import RunInfo
    from tracklib.portability.ledger import Book

__all__ = ["Plan", "Rate", "plan_runs"]


@dataclass(frozen=True, slots=True)
class Rate:
    """What copying took so far, by the ledger.

    Attributes:
        seconds: Of one run after another, reading and writing.
    """

    runs: int = 0
    records: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, book: Book) -> Rate:
        """Return what a ledger tells."""
        rate = cls()
        for entry in book.entries():
            if entry.state == "copied" and entry.seconds:
                records = entry.progress.tally.records
                rate = cls(rate.runs + 1, rate.records + records, rate.seconds + entry.seconds)
        return rate

    def estimate(self, runs: int, records: int) -> tuple[float, float] | None:
        """Return between how many seconds copying will take, if each run, or each record, takes as long as these did."""
        if not self.runs or not self.records:
            return None
        estimates = self.seconds / self.runs * runs, self.seconds / self.records * records
        return min(estimates), max(estimates)


@dataclass(slots=True)
class Plan:
    """What a migration would do.

    Attributes:
        copied: How many runs of the choice are copied already, and have not changed since.
        losses: For each declared change, how many points, params, texts, ... it concerns.
        unreadable: Why each run that cannot be read cannot, by its project and id.
        seconds: What reading all of it took, contents of files left aside: the migration takes longer than that.
        rate: What copying took so far.
    """

    runs: int = 0
    open: int = 0
    copied: int = 0
    total: Tally = field(default_factory=Tally)
    losses: Counter[str] = field(default_factory=Counter)
    unreadable: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    rate: Rate = Rate()

    @property
    def estimate(self) -> tuple[float, float] | None:
        """Between how many seconds copying one run after another may take; ``None`` where nothing was copied so far."""
        return self.rate.estimate(self.runs, self.total.records)

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        losses = dict(self.losses)
        total = {name: n for name, n in self.total.document().items() if name not in ("changed", "refused")}
        low, high = self.estimate or (None, None)
        times = {
            "reading_seconds": self.seconds,
            "estimated_seconds": {"from": low, "to": high, "runs": self.rate.runs},
        }
        counts = {"runs": self.runs, "open": self.open, "copied": self.copied}
        return {**counts, **total, "losses": losses, "unreadable": self.unreadable, **times}


def plan_runs(
    source: Source, runs: Iterable[RunInfo], capabilities: Capabilities | None, book: Book | None = None
) -> Plan:
    """Read runs, without the contents of their files, and say what copying them would do.

    Args:
        capabilities: Of the destination; ``None`` where they are not known.
        book: What was copied so far.

    Raises:
        AuthError, ConfigError: No run can be read.
    """
    plan = Plan(rate=Rate() if book is None else Rate.of(book))
    begun = time.perf_counter()
    for run in runs:
        if book is not None and is_copied(book.find(run.project, run.id), run):
            plan.copied += 1
            continue
        plan.runs += 1
        plan.open += run.status in ("running", "stale")
        try:
            _read(source, run, capabilities, plan)
        except (AuthError, ConfigError):
            raise
        except Exception as error:  # a plugin's own fault in one run is no reason to leave out the others
            words = str(error) if isinstance(error, TracklibError) else f"{type(error).__name__}: {error}"
            plan.unreadable[f"{run.project}/{run.id}"] = words
    plan.seconds = time.perf_counter() - begun
    return plan


def _read(source: Source, run: RunInfo, capabilities: Capabilities | None, plan: Plan) -> None:
    losses = Losses(run.id, capabilities) if capabilities is not None else None
    for record in source.read(run):
        plan.total.count(record)
        if losses is not None:
            losses.take(record)
    if losses is not None:
        losses.settle()
        plan.losses.update(losses.counts)
