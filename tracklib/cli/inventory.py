"""``tracklib inventory``: the assessment before a migration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracklib.cli.options import Json, expect_writable

if TYPE_CHECKING:
    from tracklib.cli.assessment import Assessment
    from tracklib.portability.codebase import CodeReport

__all__ = ["EXAMPLE", "inventory"]

EXAMPLE = "tracklib inventory aim:./repo --to mlflow:http://host:5000 --html inventory.html"


def inventory(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[SRC]", help="Where runs are read, such as aim:./repo or local:.tracklib.", show_default=False
        ),
    ] = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="DST", help="Also what this destination would change.")
    ] = None,
    code: Annotated[
        Path | None, typer.Option("--code", metavar="DIR", help="Also list the vendor calls in a folder's files.")
    ] = None,
    project: Annotated[str | None, typer.Option("--project", "-p", help="Only runs of this project.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="Only runs begun since, 7d or a date.")] = None,
    sample: Annotated[int, typer.Option("--sample", min=1, help="Look into every so-many-th run; all are listed.")] = 1,
    html: Annotated[Path | None, typer.Option("--html", help="Write a page that shows all of it.")] = None,
    json: Json = False,
) -> int:
    """Take stock of a place before it is migrated, and of the code that has to change.

    Nothing is written, and no content of a file is fetched. JSON: source, destination, inventory, code; an inventory has runs, read, open, total, projects, statuses, months, users, metrics, values, steps, media, artifacts, largest, limits, losses, unread, estimate, waves. Exit code 1 where a run or a file could not be read.
    """
    from tracklib.errors import UsageError

    if source is None and code is None:
        raise UsageError("expected a place, --code DIR, or both, got neither")
    if source is None and to is not None:
        raise UsageError("--to asks what a destination makes of a place: expected one, got none")
    expect_writable("--html", html)
    assessment = None if source is None else _assess(source, to, project, since, sample)
    report = None if code is None else _look_through(code)
    if json:
        _print_json(assessment, report)
    else:
        _print(assessment, report)
    if html is not None:
        from tracklib.cli.inventory_page import write_page

        write_page(html, assessment, report)
    failed = (assessment is not None and assessment.found.unread) or (report is not None and report.unread)
    return int(bool(failed))


def _assess(source: str, to: str | None, project: str | None, since: str | None, sample: int) -> Assessment:
    from tracklib.backends.registry import load_spec, split_entry
    from tracklib.cli.assessment import Assessment
    from tracklib.cli.console import interruptible
    from tracklib.cli.counted import counted
    from tracklib.cli.quantities import moment
    from tracklib.model.query import RunQuery
    from tracklib.portability.inventory import take_stock
    from tracklib.reading.reader import open as open_reader

    target = None if to is None else load_spec(split_entry(to)[0])
    capabilities = None if target is None or target.capabilities is None else target.load(target.capabilities)
    place = open_reader(source)
    runs = place.source.runs(RunQuery(project=project, since=None if since is None else moment(since)))
    with interruptible(lambda: "nothing was written; repeat, or look into fewer runs with --sample N"):
        found = take_stock(place.source, counted(runs, "run"), capabilities, every=sample)
    return Assessment(source, to, target, capabilities, found)


def _look_through(folder: Path) -> CodeReport:
    from tracklib.errors import UsageError
    from tracklib.portability.codebase import look_through
    from tracklib.portability.vendor import vendors

    if not folder.is_dir():
        raise UsageError(f"--code: expected a folder at {folder}, got {'a file' if folder.exists() else 'nothing'}")
    return look_through(folder, vendors())


def _print_json(assessment: Assessment | None, report: CodeReport | None) -> None:
    from tracklib.cli.console import print_json

    document: dict[str, Any] = {"source": None, "destination": None, "inventory": None}
    if assessment is not None:
        document = {"source": assessment.source, "destination": assessment.to, "inventory": assessment.document()}
    print_json({**document, "code": None if report is None else report.document()})


def _print(assessment: Assessment | None, report: CodeReport | None) -> None:
    from tracklib.cli.console import grid, out, safe, say

    console = out()
    for title, columns, rows in (*_sections(assessment), *_code_sections(report)):
        console.print(safe(title, "bold"))
        table = grid(*columns)
        for row in rows:
            table.add_row(*map(safe, row))
        console.print(table)
        console.print()
    if assessment is not None:
        for run, reason in assessment.found.unread:
            say(f"{run} could not be read: {reason}")
    for file, reason in report.unread.items() if report is not None else ():
        say(f"{file} could not be read: {reason}")


def _sections(assessment: Assessment | None) -> Any:
    return () if assessment is None else assessment.sections()


def _code_sections(report: CodeReport | None) -> Any:
    from tracklib.cli.assessment import code_sections

    return () if report is None else code_sections(report)
