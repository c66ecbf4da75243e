"""``tracklib runs``: a table of the local runs, or of those of any place."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracklib.cli.options import Dir, Json, OtherPlace, Project

if TYPE_CHECKING:
    from tracklib.cli.deliveries import Receipts
    from tracklib.journal.glance import Glance
    from tracklib.journal.layout import RunFolder

__all__ = ["EXAMPLE", "runs"]

EXAMPLE = "tracklib runs --project digits --status crashed --since 7d"


def runs(
    place: OtherPlace = None,
    project: Project = None,
    status: Annotated[
        str | None, typer.Option("--status", "-s", help="running, finished, failed, killed, crashed or stale.")
    ] = None,
    since: Annotated[str | None, typer.Option("--since", help="Started since: 7d ago, or 2026-11-23.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 50,
    every: Annotated[bool, typer.Option("--all", "-a", help="All of them.")] = False,
    dir: Dir = None,
    json: Json = False,
) -> int:
    """List the local runs, or those of a place such as mlflow:http://host:5000, newest first.

    A local one whose process vanished without a word is ended as crashed before it is shown. JSON: root, runs, more; a run has id, project, name, status, started, ended, ..., records, bytes, path, delivery. Of a place: place, runs, more; a run has vendor_id and url too.
    """
    from tracklib.cli.quantities import moment, status_of
    from tracklib.cli.selection import of_project, open_root

    status = None if status is None else status_of(status, "--status")
    wanted = _Wanted(status, moment(since) if since is not None else 0)
    if place is not None:
        from tracklib.cli.elsewhere import list_runs, reader_or_root
        from tracklib.model.query import RunQuery

        found = reader_or_root(place, dir)
        if not isinstance(found, Path):
            query = RunQuery(project=project, status=status, since=wanted.since or None)
            return list_runs(found, query, None if every else limit, json=json)
        root = open_root(found)
    else:
        root = open_root(dir)
    shown, more = _newest(of_project(root, project), wanted, None if every else limit)
    if json:
        _print_json(str(root.path), shown, more)
    else:
        _print_table(str(root.path), shown, more)
    return 0


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Conditions that a run is looked into for.

    Attributes:
        since: Nanoseconds since the epoch.
    """

    status: str | None
    since: int

    def matches(self, look: Glance) -> bool:
        return self.status in (None, look.info.status) and look.info.started >= self.since


_BEGAN = re.compile(r"\d{8}t\d{6}")


def _began(folder: RunFolder) -> str:
    """Return when a run began, to the second, from its first segment's name: nothing is opened."""
    first = next(iter(folder.segments()), None)
    match = _BEGAN.match(first.name) if first is not None else None
    if match is not None or first is None:
        return match[0] if match is not None else ""
    from tracklib.journal.glance import glance

    return time.strftime("%Y%m%dt%H%M%S", time.gmtime(glance(folder).info.started // 10**9))


Found = list[tuple["RunFolder", "Glance"]]


def _newest(folders: list[RunFolder], wanted: _Wanted, limit: int | None) -> tuple[Found, int]:
    """Return the newest runs that are wanted, and how many more there are.

    Only those that are shown are looked into, unless the status decides: it stands inside.
    """
    since = time.strftime("%Y%m%dt%H%M%S", time.gmtime(wanted.since // 10**9))
    dated = sorted(
        ((began, folder) for folder in folders if (began := _began(folder)) >= since), key=_key, reverse=True
    )
    found: Found = []
    seen = 0
    for _, group in groupby(dated, key=_key):  # within a second, the journals tell which one came first
        if limit is not None and len(found) >= limit and wanted.status is None:
            break
        same_second = [folder for _, folder in group]
        seen += len(same_second)
        found += _matching(same_second, wanted)
    kept = found if limit is None else found[:limit]
    return kept, len(found) - len(kept) + len(dated) - seen


def _key(dated: tuple[str, RunFolder]) -> str:
    return dated[0]


def _matching(folders: list[RunFolder], wanted: _Wanted) -> Found:
    from tracklib.cli.selection import look

    found = [(folder, look(folder)) for folder in folders]
    found = [(folder, glance) for folder, glance in found if wanted.matches(glance)]
    return sorted(found, key=lambda item: item[1].info.started, reverse=True)


def _with_receipts(found: Found) -> Iterator[tuple[RunFolder, Glance, Receipts]]:
    from tracklib.cli.deliveries import receipts_of

    for folder, look in found:
        yield folder, look, receipts_of(folder)


def _print_json(root: str, found: Found, more: int) -> None:
    from tracklib.cli.console import print_json
    from tracklib.cli.documents import delivery_document, run_document

    def document(folder: RunFolder, look: Glance, receipts: Receipts) -> dict[str, Any]:
        delivery = [delivery_document(receipt, look.totals) for receipt in receipts.good]
        sizes = {"records": look.records, "bytes": look.bytes, "path": str(folder.path)}
        return {**run_document(look.info), **sizes, "delivery": delivery, "damaged_receipts": receipts.damage}

    print_json({"root": root, "runs": [document(*item) for item in _with_receipts(found)], "more": more})


def _print_table(root: str, found: Found, more: int) -> None:
    from tracklib.cli.adoption import remedy
    from tracklib.cli.console import grid, out, safe, say
    from tracklib.cli.deliveries import STATUS_STYLES, delivery_text
    from tracklib.cli.quantities import lasted, local_time, plural

    if not found:
        say(f"no run to show in {root}")
        return
    table = grid("id!", "name", "project", "status!", "started!", "duration>", "records>", "delivery")
    for _, look, receipts in _with_receipts(found):
        info = look.info
        table.add_row(
            safe(info.id),
            safe(info.name, cut=True),
            safe(info.project, cut=True),
            safe(info.status, STATUS_STYLES[info.status]),
            safe(local_time(info.started)[:-3]),
            safe(lasted(info.started, info.ended)),
            safe(f"{look.records:,}"),
            delivery_text(receipts, look.totals),
        )
    if not any(str(cell) for cell in table.columns[-1].cells):
        table.columns.pop()  # nothing was ever to be delivered
    out().print(table)
    if stale := [look.info.id for _, look in found if look.info.status == "stale"]:
        say(remedy(stale))
    if more:
        say(f"{plural(more, 'more run')}: --limit N or --all shows them")
