"""``tracklib export``: writes runs as plain JSON or CSV."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracklib.cli.copying import choice_of, tell_unlisted
from tracklib.cli.options import Json, Select

if TYPE_CHECKING:
    from tracklib.portability.export import Exported

__all__ = ["EXAMPLE", "export"]

EXAMPLE = "tracklib export bundle:./backup --format csv --output ./plain --select project=digits"


def export(
    place: Annotated[str, typer.Argument(metavar="PLACE", help="Where runs are read.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder, a folder in it for each run.")],
    format: Annotated[str, typer.Option("--format", "-f", help="json or csv; for Parquet, tracklib backup.")] = "json",
    select: Select = None,
    files: Annotated[bool, typer.Option("--files/--no-files", help="The contents of artifacts and media too.")] = True,
    json: Json = False,
) -> int:
    """Write runs of any place as plain files: metrics, params, tags, console, and the files themselves.

    Repeated, a run's folder is written anew. JSON: output, runs, unlisted; each run has run, folder, failed, problems and counts. Exit code 1
    where something of a run could not be written.
    """
    from tracklib.cli.console import interruptible, print_json
    from tracklib.errors import UsageError
    from tracklib.portability.export import Export
    from tracklib.portability.places import open_place

    if output.exists() and not output.is_dir():
        raise UsageError(f"--output: expected a folder, or a place for one, got the file {output}")
    if format not in ("json", "csv"):
        hint = "; a bundle is Parquet: tracklib backup" if format == "parquet" else ""
        raise UsageError(f"--format: expected json or csv, got {format!r}{hint}")
    source, choice = open_place(place).source(), choice_of(select)
    work = Export(source, output, "csv" if format == "csv" else "json", files)
    done: list[Exported] = []
    with interruptible(lambda: f"{len(done)} runs done; repeat to write all"):
        for run in choice.runs(source):
            done.append(work.write(run))
            if not json:
                _tell(done[-1])
    unlisted = dict(getattr(source, "unlisted", {}))
    if json:
        print_json({"output": str(output), "runs": [_document(item) for item in done], "unlisted": unlisted})
    else:
        tell_unlisted(unlisted)
        _conclude(done)
    return int(bool(unlisted) or any(item.problems for item in done))


def _tell(item: Exported) -> None:
    from tracklib.cli.console import out, safe

    for text in item.problems:
        out().print(safe(f"{item.run.project}/{item.run.id}: {text}", "red"))


def _conclude(done: list[Exported]) -> None:
    from tracklib.cli.console import out, safe
    from tracklib.cli.quantities import plural

    points, failed = sum(item.tally.points for item in done), sum(item.failed for item in done)
    told = f"; {failed:,} failed" if failed else ""
    out().print(safe(f"{plural(len(done) - failed, 'run')} written, {points:,} points{told}"))


def _document(item: Exported) -> dict[str, Any]:
    from tracklib.cli.documents import run_document

    numbers = item.tally.document()
    return {
        "run": run_document(item.run),
        "folder": str(item.folder),
        "failed": item.failed,
        "problems": item.problems,
        **{name: numbers[name] for name in ("records", "points", "params", "artifacts", "media", "files", "bytes")},
    }
