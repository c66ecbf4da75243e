"""The plan: which backends a run goes to, written down as receipts before anything is sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tracklib.delivery import launch
from tracklib.delivery.active import mark
from tracklib.delivery.receipt import Receipt, all_receipts
from tracklib.journal.layout import Root, RunFolder

if TYPE_CHECKING:
    from tracklib.backends.registry import Resolved

__all__ = ["assign", "resume"]


def assign(root: Root, folder: RunFolder, backends: Iterable[Resolved]) -> list[str]:
    """Write a receipt for each backend that a run is to go to, and mark the run; return the relays' keys.

    A backend whose destination is another one than last time gets a receipt of its own, so that both places are
    accounted for.
    """
    mark(root, folder)
    known = list(all_receipts(folder))
    keys = []
    for resolved in backends:
        destination = resolved.settings.destination()
        receipt = next((r for r in known if (r.backend, r.destination) == (resolved.spec.name, destination)), None)
        if receipt is None:
            receipt = Receipt(_free_entry(resolved.entry, known), resolved.spec.name, destination)
            known.append(receipt)
        keys.append(_hand_over(root, folder, receipt, launch.relay_key(root, resolved)))
    return keys


def resume(root: Root, folder: RunFolder, receipt: Receipt) -> str:
    """Put a receipt in the charge of a relay with this shell's credentials, at its recorded place; return the key.

    Raises:
        ConfigError: The backend is not installed, or its settings do not hold any more.
    """
    from tracklib.backends.registry import reopen

    resolved = reopen(receipt.entry, receipt.backend, receipt.destination)
    mark(root, folder)
    return _hand_over(root, folder, receipt, launch.relay_key(root, resolved))


def _hand_over(root: Root, folder: RunFolder, receipt: Receipt, key: str) -> str:
    """Put a receipt in the charge of a relay, unless one that is running has it: then it alone writes the receipt."""
    if receipt.relay and launch.RelayFolder(root, receipt.relay).is_running():
        return receipt.relay
    receipt.relay = key
    if receipt.state in ("paused", "complete"):
        receipt.state, receipt.error = "waiting", ""
    receipt.save(folder)
    return key


def _free_entry(entry: str, known: Iterable[Receipt]) -> str:
    taken = {receipt.entry for receipt in known}
    names = [entry, *(f"{entry}-{number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)
