"""``tracklib sql``: questions to the runs of a place, in SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracklib.cli.options import Dir, Json, OtherPlace

if TYPE_CHECKING:
    from tracklib.reading.reader import Reader

__all__ = ["EXAMPLE", "sql"]

EXAMPLE = "tracklib sql \"SELECT run, min(value) FROM metrics WHERE metric = 'loss' GROUP BY run\""


def sql(
    ctx: typer.Context,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="One SELECT, in DuckDB's SQL.", show_default=False)],
    place: OtherPlace = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="Rows of the table for people.")] = 100,
    csv: Annotated[bool, typer.Option("--csv", help="Print all rows as CSV.")] = False,
    dir: Dir = None,
    json: Json = False,
) -> int:
    """Ask the local runs, or those of a place, in SQL.

    Tables: runs, metrics, params, summary, tags, artifacts, media, system, console; docs/reading.md has their columns. Only what the query needs is read, and nothing can be written or reached. JSON: columns, rows; a row is a list. Exit code 1 where a run could not be read.
    """
    from tracklib.cli.cells import rows
    from tracklib.cli.console import say
    from tracklib.cli.counted import counted
    from tracklib.cli.memory import OWN_PROCESS, spare
    from tracklib.cli.quantities import plural
    from tracklib.errors import UsageError
    from tracklib.reading.query import answer

    if csv and json:
        raise UsageError("expected --csv or --json, got both")
    if ctx.obj is OWN_PROCESS:
        spare("SQL")
    reader = _reader(place, dir)
    unread: dict[str, str] = {}
    with answer(reader, query, watch=lambda runs: counted(runs, "run"), unread=unread) as stream:
        columns = list(stream.schema.names)
        if json:
            _print_json(columns, rows(stream))
        elif csv:
            _print_csv(columns, rows(stream))
        else:
            _print_table(columns, stream, limit)
    if reader.damaged:
        say(f"{plural(reader.damaged, 'damaged record')} could not be read: the answer lacks them")
    for reason in unread.values():
        say(f"{reason}; the answer lacks it")
    for name, words in (unlisted := dict(getattr(reader.source, "unlisted", {}))).items():
        say(f"runs may be missing from the answer: {name}: {words}")
    return 1 if unread or unlisted else 0


def _reader(place: str | None, dir: Path | None) -> Reader:
    from tracklib.cli.elsewhere import open_named

    return open_named("local" if dir is None else f"local:{dir}", None) if place is None else open_named(place, dir)


def _print_json(columns: list[str], rows: Iterator[list[Any]]) -> None:
    """Print the rows as they come, a line each, so that none of them has to be held."""
    import json
    import sys

    sys.stdout.write(f'{{"columns": {json.dumps(columns)}, "rows": [')
    for number, row in enumerate(rows):
        sys.stdout.write(("," if number else "") + "\n  " + json.dumps(row, allow_nan=False))
    sys.stdout.write("\n]}\n")


def _print_csv(columns: list[str], rows: Iterator[list[Any]]) -> None:
    import csv
    import json
    import sys

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([json.dumps(value) if isinstance(value, (list, dict)) else value for value in row])


def _print_table(columns: list[str], batches: Iterable[Any], limit: int) -> None:
    from tracklib.cli.cells import rows
    from tracklib.cli.console import grid, out, safe, say
    from tracklib.cli.quantities import plural

    table = grid(*(name.rstrip("!>") or " " for name in columns))
    left = limit
    for batch in batches:
        for row in rows([batch.slice(0, max(left, 0))]):
            table.add_row(*(safe("" if value is None else value) for value in row))
        left -= len(batch)
    out().print(table)
    if left < 0:
        say(f"{plural(-left, 'more row')}: --limit N, --csv or --json give them")
