"""Deliveries: how far a run is at its backends, as the commands show it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracklib.cli.console import safe
from tracklib.delivery.receipt import Place, Receipt, all_receipts
from tracklib.errors import CorruptJournalError
from tracklib.journal.layout import RunFolder
from tracklib.journal.reader import SegmentReader

if TYPE_CHECKING:
    from rich.text import Text

__all__ = ["Receipts", "STATE_STYLES", "STATUS_STYLES", "delivery_text", "lag", "receipts_of"]

STATUS_STYLES = {
    "running": "blue",
    "finished": "green",
    "failed": "red",
    "killed": "yellow",
    "crashed": "red",
    "stale": "magenta",
}
STATE_STYLES = {"complete": "green", "delivering": "blue", "waiting": "yellow", "retrying": "yellow", "paused": "red"}


@dataclass(frozen=True, slots=True)
class Receipts:
    """The receipts of a run.

    Attributes:
        damage: What is wrong with those that cannot be read; empty where all can.
    """

    good: tuple[Receipt, ...]
    damage: str = ""


def receipts_of(folder: RunFolder) -> Receipts:
    """Read a run's receipts, as far as they can be read: one that is damaged hides no run."""
    good: list[Receipt] = []
    try:
        good.extend(all_receipts(folder))
    except (CorruptJournalError, OSError) as error:
        return Receipts(tuple(good), str(error))
    return Receipts(tuple(good))


def delivery_text(receipts: Receipts, totals: dict[str, int]) -> Text:
    """Return one line for all backends of a run: ``mlflow: complete, wandb: 12 pending (paused)``."""
    parts = []
    for receipt in receipts.good:
        pending = receipt.pending(totals)
        text = f"{pending:,} pending" if pending else receipt.state
        text += f" ({receipt.state})" if pending and receipt.state in ("paused", "retrying") else ""
        text += f", {receipt.refused:,} refused" if receipt.refused else ""
        style = "red" if receipt.refused else STATE_STYLES[receipt.state] if not pending else "yellow"
        parts.append(safe(f"{receipt.entry}: ") + safe(text, style))
    if receipts.damage:
        parts.append(safe("damaged receipt", "red"))
    return safe(", ").join(parts)


def lag(folder: RunFolder, receipt: Receipt, totals: dict[str, int]) -> float:
    """Return for how many seconds the oldest record has waited that a backend does not hold; 0 where none waits."""
    oldest = time.time_ns()
    now = oldest
    for segment in folder.segments():
        place = receipt.confirmed.get(segment.stem, Place())
        if totals.get(segment.stem, 0) > place.seq:
            oldest = min(oldest, _first_time(SegmentReader(segment, place.offset, place.seq), now))
    return (now - oldest) / 1e9


def _first_time(reader: SegmentReader, default: int) -> int:
    try:
        return next((record.time for record, _ in reader.records()), default)
    except (CorruptJournalError, OSError):
        return default
