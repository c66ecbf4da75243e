"""Pruning: which runs may go, and what that frees."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tracklib.cli.deliveries import Receipts, receipts_of
from tracklib.cli.removal import (
    blobs_of,
    folder_size,
    oldest_spared,
    references,
    remove_blobs,
    remove_run,
    tidy,
)
from tracklib.cli.selection import label, look, of_project
from tracklib.errors import RunStateError
from tracklib.journal.glance import Glance
from tracklib.journal.layout import Root, RunFolder

__all__ = ["Conditions", "Plan", "carry_out", "plan"]


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a run must fulfil to go.

    Attributes:
        age: Seconds since its end.
        limit: Bytes that the root may have; no limit where ``None``.
        undelivered: Whether a run without a backend may go.
        refused: Whether one may go of which a backend refused records.
    """

    age: float
    limit: int | None
    project: str | None
    undelivered: bool
    refused: bool

    def objection(self, glance: Glance, receipts: Receipts) -> str:
        """Return why a run must stay; empty where it may go."""
        if glance.open:
            return "still open" if glance.info.ended is None else "artifacts of them are being stored"
        if receipts.damage:
            return "a receipt of theirs is damaged (tracklib status names it)"
        if not receipts.good and not self.undelivered:
            return "they go to no backend (--undelivered removes them)"
        if any(receipt.state != "complete" or receipt.pending(glance.totals) for receipt in receipts.good):
            return "not fully delivered (tracklib sync delivers them)"
        if any(receipt.refused for receipt in receipts.good) and not self.refused:
            return "a backend refused records of them (--refused removes them)"
        if glance.info.ended is None or time.time_ns() - glance.info.ended < self.age * 1e9:
            return "too young"
        return ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A run that may go.

    Attributes:
        size: Bytes of its folder.
        blobs: Digests of what it may need.
    """

    folder: RunFolder
    look: Glance
    size: int
    blobs: frozenset[str]

    @property
    def label(self) -> str:
        """Its project and id."""
        return label(self.folder)


@dataclass(slots=True)
class Plan:
    """What is to be removed.

    Attributes:
        blobs: How many go.
        freed: Bytes.
        size: Bytes that the root has afterwards.
        kept: For each reason, how many runs stay.
    """

    runs: list[Candidate] = field(default_factory=list)
    blobs: int = 0
    freed: int = 0
    size: int = 0
    kept: Counter[str] = field(default_factory=Counter)
    any_open: bool = False

    @property
    def worth_doing(self) -> bool:
        """Whether there is anything to remove."""
        return bool(self.runs or self.blobs)


def plan(root: Root, conditions: Conditions) -> Plan:
    """Choose what is to go: the oldest first, and as much as the conditions ask for."""
    began = time.time()
    found = Plan(size=folder_size(root.path))
    candidates, holders = _survey(root, conditions, found)
    spared = oldest_spared(any_open=found.any_open, since=began)
    sizes = {blob.sha256: blob.size for blob in blobs_of(root) if blob.touched < spared}
    _free(found, [digest for digest in sizes if not holders[digest]], sizes, 0)
    for candidate in sorted(candidates, key=lambda c: c.look.info.ended or 0):
        if conditions.limit is not None and found.size <= conditions.limit:
            found.kept["the root is small enough without"] += 1
            continue
        found.runs.append(candidate)
        holders.subtract(candidate.blobs)
        _free(found, [d for d in candidate.blobs if not holders[d] and d in sizes], sizes, candidate.size)
    return found


def _survey(root: Root, conditions: Conditions, found: Plan) -> tuple[list[Candidate], Counter[str]]:
    """Look at every run: who may go, and how many runs need each blob."""
    wanted = {folder.path for folder in of_project(root, conditions.project)}
    candidates = []
    holders: Counter[str] = Counter()
    for folder in root.runs():
        glance = look(folder)
        needed = references(folder)
        holders.update(needed)
        found.any_open |= glance.open
        if folder.path not in wanted:
            continue
        if objection := conditions.objection(glance, receipts_of(folder)):
            found.kept[objection] += 1
        else:
            candidates.append(Candidate(folder, glance, folder_size(folder.path), frozenset(needed)))
    return candidates, holders


def _free(found: Plan, digests: list[str], sizes: dict[str, int], more: int) -> None:
    freed = more + sum(sizes[digest] for digest in digests)
    found.blobs += len(digests)
    found.freed += freed
    found.size -= freed


def carry_out(root: Root, chosen: Plan, done: Callable[[str], None], *, began: float) -> None:
    """Remove what was chosen; a run that was opened again meanwhile stays.

    Args:
        done: Called with each run that is gone.
        began: When this began, in seconds since the epoch.
    """
    tidy(root)
    removed = []
    for candidate in chosen.runs:
        if look(candidate.folder).totals != candidate.look.totals:
            continue
        with contextlib.suppress(RunStateError, FileNotFoundError):  # opened again, or removed by somebody else
            remove_run(root, candidate.folder)
            removed.append(candidate)
            done(candidate.label)
    chosen.runs = removed
    remove_blobs(root, None, any_open=chosen.any_open or any(look(folder).open for folder in root.runs()), began=began)
