"""``tracklib sql``: questions to the runs of a place, in SQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracklib.cli.options import Dir, Json, OtherPlace

if TYPE_CHECKING:
    from tracklib.reading.reader import Reader

__all__ = ["EXAMPLE", "sql"]

EXAMPLE = "tracklib sql \"SELECT run, min(value) FROM metrics WHERE metric = 'loss' GROUP BY run\""


def sql(
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
    from tracklib.cli.console import say
    from tracklib.cli.counted import counted
    from tracklib.cli.quantities import plural
    from tracklib.errors import UsageError
    from tracklib.reading.query import answer

    if csv and json:
        raise UsageError("expected --csv or --json, got both")
    _save_memory()
    reader = _reader(place, dir)
    unread: dict[str, str] = {}
    with answer(reader, query, watch=lambda runs: counted(runs, "run"), unread=unread) as stream:
        columns, rows = list(stream.schema.names), _rows(stream)
        if json:
            _print_json(columns, rows)
        elif csv:
            _print_csv(columns, rows)
        else:
            _print_table(columns, rows, limit)
    if reader.damaged:
        say(f"{plural(reader.damaged, 'damaged record')} could not be read: the answer lacks them")
    for reason in unread.values():
        say(f"{reason}; the answer lacks it")
    for name, words in (unlisted := dict(getattr(reader.source, "unlisted", {}))).items():
        say(f"runs may be missing from the answer: {name}: {words}")
    return 1 if unread or unlisted else 0


def _save_memory() -> None:
    """Let Arrow take its memory where DuckDB and Python do: a pool of its own keeps what it had at its peak."""
    from tracklib.reading.arrow import needed

    arrow = needed("pyarrow", what="SQL")
    arrow.set_memory_pool(arrow.system_memory_pool())


def _reader(place: str | None, dir: Path | None) -> Reader:
    from tracklib.cli.elsewhere import open_named

    return open_named("local" if dir is None else f"local:{dir}", None) if place is None else open_named(place, dir)


def _rows(stream: Any) -> Iterator[list[Any]]:
    """Yield each row, as JSON and people can have it."""
    for batch in stream:
        yield from map(list, zip(*(_values(column) for column in batch.columns), strict=True))


def _values(column: Any) -> list[Any]:
    """Return a column's values; times, of which Python's own lack the nanoseconds, as text."""
    from tracklib.cli.quantities import iso_time

    kind = str(column.type)
    if kind.startswith("timestamp"):
        factor = {"s": 10**9, "ms": 10**6, "us": 1000, "ns": 1}[column.type.unit]
        return [iso_time(None if value is None else value * factor) for value in column.cast("int64").to_pylist()]
    return list(map(_plain, column.to_pylist()))


def _plain(value: Any) -> Any:
    """Return a value as JSON can have it, and exactly."""
    import decimal

    from tracklib.model.codec import metric_token

    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, decimal.Decimal):
        near = int(value) if value == value.to_integral_value() else float(value)
        return _plain(near) if decimal.Decimal(str(near)) == value else str(value)
    if isinstance(value, (int, float)):
        return metric_token(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return list(map(_plain, value))
    return value.hex() if isinstance(value, bytes) else str(value)


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


def _print_table(columns: list[str], rows: Iterator[list[Any]], limit: int) -> None:
    from tracklib.cli.console import grid, out, safe, say
    from tracklib.cli.quantities import plural

    table = grid(*(name.rstrip("!>") or " " for name in columns))
    more = 0
    for number, row in enumerate(rows):
        if number >= limit:
            more += 1
            continue
        table.add_row(*(safe("" if value is None else value) for value in row))
    out().print(table)
    if more:
        say(f"{plural(more, 'more row')}: --limit N, --csv or --json give them")
