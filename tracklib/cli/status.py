"""``tracklib status``: how far each run is at each backend."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracklib.cli.completion import run_ids
from tracklib.cli.options import Dir, Json

if TYPE_CHECKING:
    from tracklib.cli.storing import Waiting
    from tracklib.delivery.receipt import Receipt
    from tracklib.journal.glance import Glance
    from tracklib.journal.layout import Root, RunFolder

__all__ = ["EXAMPLE", "status"]

EXAMPLE = "tracklib status 4f2k --refused"


def status(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]", help="One run: its id, the beginning of one, or project/id.", autocompletion=run_ids
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", "-a", help="Also runs that are ended and delivered.")] = False,
    refused: Annotated[
        bool, typer.Option("--refused", help="List each record that a backend refused, and why.")
    ] = False,
    dir: Dir = None,
    json: Json = False,
) -> int:
    """Show how far the runs under way are delivered.

    Those that are open or not fully delivered. Exit code 1 where a record is refused or a backend paused. JSON: root, deliveries, damaged_receipts, storing; a delivery has run, state, confirmed, pending, changes, refusals, lag, ...
    """
    from tracklib.cli.selection import open_root
    from tracklib.cli.storing import waiting_of

    root = open_root(dir)
    damaged: dict[str, str] = {}
    folders = _folders(root, run, every=every)
    found = [item for folder in folders for item in _deliveries(root, folder, damaged)]
    storing = [item for folder in folders for item in waiting_of(folder)]
    if json:
        from tracklib.cli.console import print_json

        told = {"deliveries": list(map(_document, found)), "damaged_receipts": damaged}
        print_json({"root": str(root.path), **told, "storing": [item.document() for item in storing]})
    else:
        if found or damaged or not storing:
            _print(root, found, damaged, refused=refused, one=run is not None)
        _print_storing(root, storing)
    wrong = damaged or any(item.receipt.refused or item.receipt.state == "paused" for item in found)
    return 1 if wrong else 0


def _folders(root: Root, run: str | None, *, every: bool) -> list[RunFolder]:
    from tracklib.cli.selection import open_run
    from tracklib.delivery.active import active_runs

    if run is not None:
        return [open_run(root, run)]
    return root.runs() if every else active_runs(root)


@dataclass(frozen=True, slots=True)
class _Delivery:
    """One run at one backend.

    Attributes:
        lag: Seconds that its oldest pending record has waited.
        relay: Whether a relay is at work for it.
    """

    look: Glance
    receipt: Receipt
    pending: int
    lag: float
    relay: bool

    @property
    def name(self) -> str:
        return f"{self.look.info.project}/{self.look.info.id}"


def _deliveries(root: Root, folder: RunFolder, damaged: dict[str, str]) -> Iterator[_Delivery]:
    from tracklib.cli.deliveries import lag, receipts_of
    from tracklib.cli.selection import label, look
    from tracklib.delivery.launch import lives

    glance = look(folder)
    receipts = receipts_of(folder)
    if receipts.damage:
        damaged[label(folder)] = receipts.damage
    for receipt in receipts.good:
        pending = receipt.pending(glance.totals)
        waited = lag(folder, receipt, glance.totals) if pending else 0.0
        yield _Delivery(glance, receipt, pending, waited, bool(receipt.relay) and lives(root, receipt.relay))


def _document(item: _Delivery) -> dict[str, Any]:
    from tracklib.cli.documents import delivery_document, run_document

    refusals = [{"writer": r.writer, "seq": r.seq, "kind": r.kind, "reason": r.reason} for r in item.receipt.refusals]
    return {
        "run": run_document(item.look.info),
        **delivery_document(item.receipt, item.look.totals),
        "refusals": refusals,
        "lag": round(item.lag, 3),
        "relay_running": item.relay,
    }


def _print(root: Root, found: list[_Delivery], damaged: dict[str, str], *, refused: bool, one: bool) -> None:
    from tracklib.cli.console import out, safe, say

    if not found and not damaged:
        say("the run goes to no backend: it is in the journal alone" if one else f"nothing is under way in {root.path}")
        return
    console = out()
    console.print(_table(found))
    for item in found:
        for text, style in _remarks(item, refused=refused):
            console.print(text, style=style)
    for name, damage in damaged.items():
        console.print(safe(f"{name}: {damage}", "red"))


def _print_storing(root: Root, storing: list[Waiting]) -> None:
    from tracklib.cli.console import out, safe, say
    from tracklib.delivery import launch, porter

    for item in storing:
        out().print(safe(str(item)))
    if storing and not launch.lives(root, porter.KEY):
        say("no process stores them: tracklib sync does")


def _table(found: list[_Delivery]) -> Any:
    from tracklib.cli.console import grid, safe
    from tracklib.cli.deliveries import STATE_STYLES
    from tracklib.cli.quantities import duration_text

    table = grid("run!", "project", "backend", "state!", "confirmed>", "pending>", "lag>")
    for item in found:
        receipt, info = item.receipt, item.look.info
        table.add_row(
            safe(info.id),
            safe(info.project, cut=True),
            safe(receipt.entry, cut=True),
            safe(receipt.state, STATE_STYLES[receipt.state]),
            safe(f"{receipt.confirmed_records:,}"),
            safe(f"{item.pending:,}"),
            safe(duration_text(item.lag) if item.pending else "-"),
        )
    return table


def _remarks(item: _Delivery, *, refused: bool) -> Iterator[tuple[Any, str]]:
    from tracklib.cli.adoption import remedy
    from tracklib.cli.console import safe

    receipt = item.receipt
    head = f"{item.name} {receipt.entry}:"
    if item.look.info.status == "stale":
        yield safe(remedy([item.look.info.id])), "yellow"
    if receipt.error:
        yield safe(f"{head} {receipt.state}: {receipt.error}"), "red" if receipt.state == "paused" else "yellow"
    if item.pending and not item.relay and receipt.state != "paused":
        yield safe(f"{head} no relay is at work: tracklib sync starts one"), "yellow"
    if receipt.url:
        yield safe(f"{head} {receipt.url}"), ""
    if receipt.resent:
        yield safe(f"{head} {receipt.resent:,} sent again after a fault"), "dim"
    for reason, count in receipt.changes.items():
        yield safe(f"{head} {count:,} changed: {reason}"), "dim"
    if receipt.refused and not refused:
        yield safe(f"{head} {receipt.refused:,} refused (--refused lists them)"), "red"
    for refusal in receipt.refusals if refused else ():
        yield safe(f"{head} refused {refusal.kind} {refusal.writer}:{refusal.seq}: {refusal.reason}"), "red"
    if refused and receipt.refused > len(receipt.refusals):
        yield safe(f"{head} and {receipt.refused - len(receipt.refusals):,} more that are not listed"), "red"
