"""Verifying: one run's journal against what a backend gives back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracklib.backends import registry
from tracklib.journal.glance import glance
from tracklib.model.query import RunQuery
from tracklib.portability.compare import compare_runs
from tracklib.portability.comparison import Comparison, Difference
from tracklib.portability.local import JournalSource

if TYPE_CHECKING:
    from tracklib.backends.contract import Source
    from tracklib.delivery.receipt import Receipt
    from tracklib.journal.layout import Root, RunFolder

__all__ = ["verify_run"]


def verify_run(root: Root, folder: RunFolder, receipt: Receipt) -> Comparison:
    """Compare a run with its copy at the destination that a receipt names.

    Records that are pending are differences: the copy lacks them. Damaged lines of the journal are differences too:
    nobody can say what they held.

    Raises:
        BackendError: The backend does not answer.
        ConfigError: It is not installed, or has no source.
    """
    look = glance(folder)
    resolved = registry.reopen(receipt.entry, receipt.backend, receipt.destination)
    source: Source = resolved.spec.load(resolved.spec.source)(resolved.settings)
    place = receipt.vendor_id
    remote = next(iter(source.runs(RunQuery(place=place))), None) if place is not None else None
    if remote is None:
        missing = Comparison()
        missing.add(Difference("run", look.info.id, f"{look.records} records", None))
        return missing
    local = JournalSource(root)
    result = compare_runs(local, look.info, source, remote)
    if pending := receipt.pending(look.totals):
        result.add(Difference("pending", "", f"{pending} records", None))
    if local.damage:
        lines = f"{local.damage.lines} damaged lines, {local.damage.missing} records missing"
        result.add(Difference("journal", "", lines, None))
    return result
