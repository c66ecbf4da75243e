"""Active markers: which runs are open or not fully delivered, so that nobody has to search the whole root."""

from __future__ import annotations

import os

from tracklib.delivery.receipt import Receipt, all_receipts
from tracklib.journal.glance import glance
from tracklib.journal.layout import Root, RunFolder

__all__ = ["active_runs", "is_settled", "mark", "settle", "unmark"]


def _name(folder: RunFolder) -> str:
    # Neither part can hold a comma: the encoding of names makes it %2c.
    return f"{folder.path.parent.name},{folder.path.name}"


def mark(root: Root, folder: RunFolder) -> None:
    """Mark a run as active; doing it twice changes nothing."""
    os.close(os.open(root.active / _name(folder), os.O_CREAT | os.O_WRONLY, 0o600))


def unmark(root: Root, folder: RunFolder) -> None:
    """Take a run's mark away."""
    (root.active / _name(folder)).unlink(missing_ok=True)


def active_runs(root: Root) -> list[RunFolder]:
    """Return the runs that are marked, in the order of their names."""
    try:
        names = sorted(os.listdir(root.active))
    except FileNotFoundError:
        return []
    folders = []
    for name in names:
        project, comma, run = name.partition(",")
        folder = RunFolder(root.path / project / run)
        if comma and folder.path.is_dir():
            folders.append(folder)
    return folders


def is_settled(folder: RunFolder, receipt: Receipt) -> bool:
    """Tell whether a backend has all of a run, and no more is to be expected of it."""
    look = glance(folder)
    if look.open:
        return look.info.status == "stale" and receipt.pending(look.totals) == 0
    return receipt.state == "complete" and receipt.pending(look.totals) == 0


def settle(root: Root, folder: RunFolder) -> bool:
    """Take a run's active mark away where it has ended and every backend has all of it; return whether it was."""
    if glance(folder).open or not all(is_settled(folder, receipt) for receipt in all_receipts(folder)):
        return False
    unmark(root, folder)
    if glance(folder).open:  # resumed in this very moment
        mark(root, folder)
        return False
    return True
