"""``tracklib prune``: removes runs that every backend holds, to free the disk."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracklib.cli.options import Dir, Json, Project, Yes

if TYPE_CHECKING:
    from tracklib.cli.pruning import Plan
    from tracklib.journal.layout import Root

__all__ = ["EXAMPLE", "prune"]

EXAMPLE = "tracklib prune --older-than 30d --dry-run"


def prune(
    older_than: Annotated[
        str | None, typer.Option("--older-than", metavar="TIME", help="Runs that ended longer ago, such as 30d.")
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option("--max-size", metavar="SIZE", help="Oldest first, until the journal root is no larger: 10GB."),
    ] = None,
    project: Project = None,
    undelivered: Annotated[
        bool, typer.Option("--undelivered", help="Also runs that go to no backend: this is their only copy.")
    ] = False,
    refused: Annotated[
        bool, typer.Option("--refused", help="Also runs with records that a backend refused: this is their only copy.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    yes: Yes = False,
    dir: Dir = None,
    json: Json = False,
) -> int:
    """Remove old runs that every backend holds whole.

    They go oldest first, and with them the blobs that no run needs any more. One of --older-than, --max-size and --project is needed; where several are given, all of them must hold. JSON:
    dry_run, runs, blobs, freed, size, kept; exit code 1 where --max-size cannot be reached.
    """
    from tracklib.cli.pruning import Conditions, plan
    from tracklib.cli.quantities import duration, size
    from tracklib.cli.removal import tidy
    from tracklib.cli.selection import open_root
    from tracklib.errors import UsageError

    if older_than is None and max_size is None and project is None:
        raise UsageError(
            "expected --older-than, --max-size or --project, got none; --older-than 0s takes all that is safe"
        )
    age = duration(older_than) if older_than is not None else 0.0
    limit = size(max_size) if max_size is not None else None
    root = open_root(dir)
    if not dry_run:
        tidy(root)
    found = plan(root, Conditions(age, limit, project, undelivered=undelivered, refused=refused))
    if dry_run or not found.worth_doing:
        _report(found, dry_run=dry_run, json=json)
    elif _do(root, found, yes=yes):
        _report(found, dry_run=False, json=json)
    else:
        return 1
    return 0 if limit is None or found.size <= limit else 1


def _do(root: Root, found: Plan, *, yes: bool) -> bool:
    """Ask and remove; return whether it was done."""
    from tracklib.cli.console import interruptible
    from tracklib.cli.pruning import carry_out
    from tracklib.cli.quantities import bytes_text, plural
    from tracklib.cli.questions import agreed

    what = (
        f"remove {plural(len(found.runs), 'run')} and {plural(found.blobs, 'blob')}, freeing {bytes_text(found.freed)}"
    )
    if not agreed(what, yes=yes):
        return False
    done: list[str] = []
    with interruptible(lambda: f"{len(done)} of {plural(len(found.runs), 'run')} removed; repeating continues"):
        carry_out(root, found, done.append, began=time.time())
    return True


def _report(found: Plan, *, dry_run: bool, json: bool) -> None:
    from tracklib.cli.console import out, print_json, safe, say
    from tracklib.cli.quantities import bytes_text, local_time, plural

    if json:
        print_json(_document(found, dry_run=dry_run))
        return
    console = out()
    for run in found.runs:
        ended = local_time(run.look.info.ended or 0)
        verb = "would remove" if dry_run else "removed"
        console.print(safe(f"{verb} {run.label}  ended {ended}  {bytes_text(run.size)}"))
    verb = "would free" if dry_run else "freed"
    counts = f"{plural(len(found.runs), 'run')}, {plural(found.blobs, 'blob')}"
    console.print(safe(f"{counts}: {verb} {bytes_text(found.freed)}; {bytes_text(found.size)} stay"))
    for reason, count in found.kept.items():
        say(f"kept {plural(count, 'run')}: {reason}")


def _document(found: Plan, *, dry_run: bool) -> dict[str, Any]:
    from tracklib.cli.documents import run_document

    runs = [{**run_document(run.look.info), "bytes": run.size, "path": str(run.folder.path)} for run in found.runs]
    counts = {"blobs": found.blobs, "freed": found.freed, "size": found.size}
    return {"dry_run": dry_run, "runs": runs, **counts, "kept": dict(found.kept)}
