"""The errand: what `tracklib sync` has to do, and what came of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tracklib.cli.adoption import remedy
from tracklib.cli.deliveries import receipts_of
from tracklib.cli.selection import label, look
from tracklib.config import load
from tracklib.delivery.account import Line, account
from tracklib.delivery.plan import assign, resume
from tracklib.delivery.receipt import Receipt
from tracklib.errors import ConfigError, CorruptJournalError, TracklibError
from tracklib.journal.layout import Root, RunFolder

if TYPE_CHECKING:
    from tracklib.backends.registry import Resolved

__all__ = ["Errand", "prepare"]


@dataclass(slots=True)
class Errand:
    """What is to be delivered.

    Attributes:
        folders: The runs with something to deliver.
        keys: The relays that are to do it.
        entries: The backends that it goes to.
        settled: Deliveries that were complete before.
        problems: For people: what cannot even be begun.
        before: How things stood.
    """

    root: Root
    folders: list[RunFolder] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    entries: set[str] = field(default_factory=set)
    settled: int = 0
    problems: list[str] = field(default_factory=list)
    before: list[Line] = field(default_factory=list)
    misconfigured: bool = False

    def take(self, folder: RunFolder, entry: str, key: str) -> None:
        """Note that a run's delivery was put in the charge of a relay."""
        if not self.folders or self.folders[-1].path != folder.path:
            self.folders.append(folder)
        if key not in self.keys:
            self.keys.append(key)
        self.entries.add(entry)

    def fail(self, error: TracklibError) -> None:
        """Note a delivery that cannot be begun, each problem once."""
        self.misconfigured |= isinstance(error, ConfigError)
        if (text := str(error)) not in self.problems:
            self.problems.append(text)

    def left(self, lines: Iterable[Line]) -> list[Line]:
        """Return the deliveries that are not done, as far as this errand goes."""
        goals = {(line.run.project, line.run.id, line.entry): line.written for line in self.before}
        return [
            line
            for line in lines
            if not line.done and not line.reached(goals.get((line.run.project, line.run.id, line.entry), line.written))
        ]

    def exit_code(self, lines: list[Line]) -> int:
        """Return 0 where all is delivered, 1 where records are refused or left, 2 where a setting is wrong."""
        if self.misconfigured:
            return 2
        return 1 if self.problems or self.left(lines) or any(line.refused for line in lines) else 0

    def remarks(self, lines: list[Line]) -> Iterator[str]:
        """Yield what is to be said about what is left, and what to do about it."""
        yield from (f"error: {problem}" for problem in self.problems)
        said: set[tuple[str, str, str]] = set()
        for line in self.left(lines):
            if (fact := (line.entry, line.state, line.error)) not in said:
                said.add(fact)
                yield f"{line.entry}: {_advice(line)}"
        if any(line.refused for line in lines):
            yield "some records are refused for good; they stay in the journal: tracklib status --all --refused"
        if stale := list(dict.fromkeys(line.run.id for line in lines if line.run.status == "stale")):
            yield remedy(stale)


def _advice(line: Line) -> str:
    if line.state == "paused":
        return f"paused: {line.error}. Mend that (tracklib doctor checks it), then: tracklib sync"
    if line.state == "retrying":
        return f"not reached so far: {line.error}. Everything is on disk; later: tracklib sync"
    reason = f": {line.error}" if line.error else ""
    return f"{line.pending:,} records still wait ({line.state}{reason}); go on with: tracklib sync"


def prepare(root: Root, folders: list[RunFolder], entry: str | None) -> Errand:
    """Put everything that these runs have to deliver in the charge of relays.

    Args:
        root: Where the runs lie.
        folders: The runs.
        entry: Deliver to this backend alone, and begin to where a run was never sent there.

    Raises:
        ConfigError: The backend that is named is not installed, misconfigured, or cannot be written to.
    """
    resolved = _resolved(entry) if entry is not None else None
    errand = Errand(root)
    for folder in folders:
        with contextlib.suppress(FileNotFoundError):  # removed meanwhile
            _prepare_run(errand, folder, entry, resolved)
    errand.before = [line for line in account(errand.folders) if line.entry in errand.entries]
    return errand


def _resolved(entry: str) -> Resolved:
    from tracklib.backends.registry import resolve

    found = resolve(entry, load().tables)
    found.spec.load(found.spec.sink)
    return found


def _prepare_run(errand: Errand, folder: RunFolder, entry: str | None, resolved: Resolved | None) -> None:
    glance = look(folder)
    receipts = receipts_of(folder)
    if receipts.damage:
        errand.fail(CorruptJournalError(f"{label(folder)}: {receipts.damage}"))
        return
    mine = [r for r in receipts.good if entry is None or r.entry == entry or _goes_to(r, resolved)]
    if resolved is not None and not mine:
        for _, receipt in assign(errand.root, folder, [resolved]):
            errand.take(folder, receipt.entry, receipt.relay)
    for receipt in mine:
        if receipt.state == "complete" and not receipt.pending(glance.totals) and not glance.open:
            errand.settled += 1
            continue
        try:
            errand.take(folder, receipt.entry, resume(errand.root, folder, receipt))
        except TracklibError as error:
            errand.fail(error)


def _goes_to(receipt: Receipt, resolved: Resolved | None) -> bool:
    if resolved is None:
        return False
    return (receipt.backend, receipt.destination) == (resolved.spec.name, resolved.settings.destination())
