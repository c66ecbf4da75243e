"""`sweep`: removes the runs that an examination made, and no others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tracklib.backends.contract import Remover
from tracklib.errors import TracklibError
from tracklib.model.query import RunQuery
from tracklib.testing.conformance.subject import Subject

__all__ = ["Swept", "sweep"]


@dataclass(slots=True)
class Swept:
    """What became of the runs.

    Attributes:
        removed: How many are gone.
        notes: What the vendor keeps of them all the same, each once.
        left: Project and id of those that may still be there.
        problem: Why; empty where none is left.
    """

    removed: int = 0
    notes: list[str] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    problem: str = ""


def sweep(subject: Subject, runs: Sequence[tuple[str, str]], found: Swept) -> None:
    """Remove runs, and account for each in ``found``, which is true also where this is interrupted.

    Args:
        runs: Project and id of each.
    """
    found.left = list(runs)
    source = subject.source()
    if not isinstance(source, Remover):
        found.problem = f"{subject.name} has no way to delete runs"
        return
    for project, run_id in reversed(runs):
        try:
            for run in list(source.runs(RunQuery(project=project, id=run_id))):
                note = source.delete(run)
                found.removed += 1
                found.notes += [note] if note and note not in found.notes else []
        except TracklibError as error:
            found.problem = str(error)
            continue
        found.left.remove((project, run_id))
