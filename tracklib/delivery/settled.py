"""Settling: whether every backend has all of a run, so that its active mark may go."""

from __future__ import annotations

from tracklib.delivery.active import mark, unmark
from tracklib.delivery.receipt import Receipt, all_receipts
from tracklib.journal.glance import glance
from tracklib.journal.layout import Root, RunFolder

__all__ = ["is_settled", "settle"]


def is_settled(folder: RunFolder, receipt: Receipt) -> bool:
    """Tell whether a backend has all of a run, and no more is to be expected of it."""
    look = glance(folder)
    if look.open:
        return look.info.status == "stale" and receipt.pending(look.totals) == 0
    return receipt.state == "complete" and receipt.pending(look.totals) == 0


def settle(root: Root, folder: RunFolder) -> bool:
    """Take a run's active mark away where it has ended and every backend has all of it; return whether it was."""
    unknown: list[str] = []  # what a receipt that cannot be read would say
    receipts = list(all_receipts(folder, unknown.append))
    if unknown or glance(folder).open or not all(is_settled(folder, receipt) for receipt in receipts):
        return False
    unmark(root, folder)
    if glance(folder).open:  # resumed in this very moment
        mark(root, folder)
        return False
    return True
