"""The plan: which backends a run goes to, written down as receipts before anything is sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from tracklib.delivery import launch
from tracklib.delivery.active import mark
from tracklib.delivery.receipt import Receipt, all_receipts, claim_on
from tracklib.journal.layout import Root, RunFolder, private_folder

if TYPE_CHECKING:
    from tracklib.backends.registry import Resolved
    from tracklib.delivery.lease import Lease

__all__ = ["assign", "resume"]

_LEAVING = 2.0
"""Seconds in which a relay that is paused has left."""


def assign(
    root: Root,
    folder: RunFolder,
    backends: Iterable[Resolved],
    *,
    key_of: Callable[[Root, Resolved], str] = launch.relay_key,
    unreadable: Callable[[str], None] | None = None,
) -> list[tuple[Resolved, Receipt]]:
    """Write a receipt for each backend that a run is to go to, and mark the run; return the backends with theirs.

    A backend whose destination is another one than last time gets a receipt of its own, so that both places are
    accounted for. Where one cannot be read, it may be that of a backend which seems to have none: this is left out then,
    for from a new receipt everything would be sent again.

    Args:
        root: Where the run lies.
        folder: The run.
        backends: Where it goes.
        key_of: Returns the key of the relay that is to be in charge.
        unreadable: Takes what is wrong with a receipt.

    Raises:
        CorruptJournalError: A receipt cannot be read, and nobody takes what is wrong with it.
    """
    mark(root, folder)
    problems: list[str] = []
    known = list(all_receipts(folder, None if unreadable is None else problems.append))
    if unreadable is not None:
        for problem in problems:
            unreadable(problem)
    assigned = []
    for resolved in backends:
        destination = resolved.settings.destination()
        receipt = next((r for r in known if (r.backend, r.destination) == (resolved.spec.name, destination)), None)
        if receipt is None and problems:
            continue
        if receipt is None:
            receipt = Receipt(_free_entry(resolved.entry, known), resolved.spec.name, destination)
            known.append(receipt)
        assigned.append((resolved, _hand_over(root, folder, receipt, key_of(root, resolved))))
    return assigned


def resume(root: Root, folder: RunFolder, receipt: Receipt) -> str:
    """Put a receipt in the charge of a relay with this shell's credentials, at its recorded place; return the key.

    Raises:
        ConfigError: The backend is not installed, or its settings do not hold any more.
    """
    from tracklib.backends.registry import reopen

    resolved = reopen(receipt.entry, receipt.backend, receipt.destination)
    mark(root, folder)
    return _hand_over(root, folder, receipt, launch.relay_key(root, resolved)).relay


def _hand_over(root: Root, folder: RunFolder, receipt: Receipt, key: str) -> Receipt:
    """Put a receipt in the charge of a relay, unless one that is running has it: then it alone writes the receipt."""
    is_leaving = receipt.state == "paused"  # what a relay writes before it goes, for it can do no more
    if receipt.relay and not is_leaving and launch.RelayFolder(root, receipt.relay).is_running():
        return receipt
    private_folder(folder.receipts)
    claim = claim_on(folder, receipt.entry)
    if not _taken(
        claim, _LEAVING if is_leaving else 0
    ):  # somebody is at it all the same, of whose relay nothing is seen here
        return receipt
    try:
        receipt = Receipt.load(folder, receipt.entry) or receipt
        receipt.relay = key
        if receipt.state in ("paused", "complete", "retrying"):  # what stood in the way may be gone
            receipt.state, receipt.error = "waiting", ""
        receipt.save(folder)
    finally:
        claim.release()
    return receipt


def _taken(claim: Lease, seconds: float) -> bool:
    """Take a claim, within so many seconds; tell whether it was to be had."""
    deadline = time.monotonic() + seconds
    while not claim.take():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.05)
    return True


def _free_entry(entry: str, known: Iterable[Receipt]) -> str:
    taken = {receipt.entry for receipt in known}
    names = [entry, *(f"{entry}-{number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)
