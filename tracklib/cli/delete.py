"""``tracklib delete``: removes one run from this disk."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tracklib.cli.options import Dir, Json, OneRun, Yes

if TYPE_CHECKING:
    from tracklib.cli.deliveries import Receipts
    from tracklib.journal.glance import Glance
    from tracklib.journal.layout import Root, RunFolder

__all__ = ["EXAMPLE", "delete"]

EXAMPLE = "tracklib delete digits/4f2k"

_PATIENCE = 10.0


def delete(run: OneRun, yes: Yes = False, dir: Dir = None, json: Json = False) -> int:
    """Remove one run from this disk.

    With it go the blobs that no other run needs; what vendors hold of it stays there. A run that goes on is refused. Repeating it after an interruption goes on. JSON: run, freed, blobs, undelivered.
    """
    from tracklib.cli.console import interruptible
    from tracklib.cli.deliveries import receipts_of
    from tracklib.cli.questions import agreed
    from tracklib.cli.selection import label, open_root, open_run

    root = open_root(dir)
    folder = open_run(root, run)
    glance, receipts = _settled(folder), receipts_of(folder)
    _refuse_open(folder, glance)
    undelivered = {r.entry: pending for r in receipts.good if (pending := r.pending(glance.totals))}
    if not agreed(_question(folder, glance, undelivered), yes=yes):
        return 1
    rest = f"{label(folder)} is half removed or whole: repeat the command, or tracklib prune takes the rest away"
    with interruptible(lambda: rest):
        count, freed = _remove(root, folder, receipts)
    _report(glance, count, freed, undelivered, json=json)
    return 0


def _settled(folder: RunFolder) -> Glance:
    """Look at a run; where it has just ended, wait until what was captured of it is written too."""
    from tracklib.cli.selection import look

    deadline = time.monotonic() + _PATIENCE
    while (found := look(folder)).open and found.info.status not in ("running", "stale"):
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    return found


def _refuse_open(folder: RunFolder, look: Glance) -> None:
    from tracklib.cli.selection import label
    from tracklib.errors import RunStateError

    if not look.open:
        return
    if look.storing and look.info.ended is not None:
        advice = "an artifact of it is being stored; tracklib sync waits for that"
    elif look.info.status == "stale":
        advice = f"it was begun on another machine that is silent; end it first: tracklib sync --adopt {label(folder)}"
    elif look.info.status == "running":
        advice = "its process goes on; finish or stop that first"
    else:
        advice = "what was captured of it is still being written; repeat the command in some seconds"
    raise RunStateError(f"expected a run that has ended, got {label(folder)}, which is {look.info.status}: {advice}")


def _question(folder: RunFolder, look: Glance, undelivered: dict[str, int]) -> str:
    from tracklib.cli.quantities import bytes_text, plural
    from tracklib.cli.removal import folder_size
    from tracklib.cli.selection import label

    text = f"remove {label(folder)} ({look.info.name}, {plural(look.records, 'record')}, {bytes_text(folder_size(folder.path))})"
    for entry, pending in undelivered.items():
        text += f"\n{plural(pending, 'record')} of it never reached {entry} and will be lost"
    return text


def _remove(root: Root, folder: RunFolder, receipts: Receipts) -> tuple[int, int]:
    from tracklib.cli.removal import references, remove_blobs, remove_run, settle_down, tidy
    from tracklib.cli.selection import look
    from tracklib.delivery.launch import lives

    began = time.time()
    tidy(root)
    mine = references(folder)
    any_open = any(look(other).open for other in root.runs() if other.path != folder.path) if mine else False
    busy = any(r.state != "complete" and r.relay and lives(root, r.relay) for r in receipts.good)
    freed = remove_run(root, folder)
    count, more = remove_blobs(root, mine, any_open=any_open, began=began)
    if busy:
        settle_down([folder])
    return count, freed + more


def _report(look: Glance, count: int, freed: int, undelivered: dict[str, int], *, json: bool) -> None:
    from tracklib.cli.console import out, print_json, safe
    from tracklib.cli.documents import run_document
    from tracklib.cli.quantities import bytes_text, plural

    if json:
        print_json({"run": run_document(look.info), "freed": freed, "blobs": count, "undelivered": undelivered})
        return
    name = f"{look.info.project}/{look.info.id}"
    text = (
        f"removed {name} and {plural(count, 'blob')}: {bytes_text(freed)} freed; what vendors hold of it is untouched"
    )
    out().print(safe(text))
