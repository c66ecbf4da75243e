"""``tracklib cutover``: may the old place be left?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracklib.cli.options import Dir, Json, expect_writable

if TYPE_CHECKING:
    from tracklib.portability.cutover import Measure
    from tracklib.portability.cutover_record import Record

__all__ = ["EXAMPLE", "cutover"]

EXAMPLE = "tracklib cutover wandb:team/digits mlflow:http://host:5000 --since 14d"


def cutover(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[A B | tick CRITERION | untick CRITERION]",
            help="Two places to compare; or what somebody answers for: consumers, people. Nothing: how it stands.",
            show_default=False,
        ),
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="Of tick: who answers for it.")] = None,
    note: Annotated[str | None, typer.Option("--note", help="Of tick: what was seen.")] = None,
    match: Annotated[str | None, typer.Option("--match", help="Of A B: pair runs by id, name or tag:KEY.")] = None,
    project: Annotated[str | None, typer.Option("--project", "-p", help="Of A B: only runs of this project.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="Of A B: runs begun since, 14d or a date.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Of A B: runs begun before.")] = None,
    fail_under: Annotated[
        float | None, typer.Option("--fail-under", min=0, max=100, help="Of A B: so many % of runs suffice; 100.")
    ] = None,
    record: Annotated[
        Path | None, typer.Option("--record", help="The file that keeps it; cutover.jsonl in the journal root.")
    ] = None,
    md: Annotated[Path | None, typer.Option("--md", help="Write the record as Markdown.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write a page that shows the record.")] = None,
    dir: Dir = None,
    json: Json = False,
) -> int:
    """Go through what must hold before the old place is left: every new run in both, metrics identical, artifacts there, consumers switched, people trained.

    The first three are measured as verify A B does, the others ticked by name; all of it is added to a record, from which nothing is taken. JSON: record, a, b, met, criteria; a criterion has criterion, text, how, met, told, time, ... Exit code 0 where all is met, 1 otherwise.
    """
    from tracklib.cli.parity import refuse
    from tracklib.cli.selection import open_root
    from tracklib.errors import UsageError
    from tracklib.portability.cutover_record import Record

    expect_writable("--md", md)
    expect_writable("--html", html)
    book = Record(record if record is not None else open_root(dir).path / "cutover.jsonl")
    asked = {"match": match, "project": project, "since": since, "until": until, "fail_under": fail_under}
    said = words or []
    is_tick = len(said) == 2 and said[0] in ("tick", "untick")
    if not is_tick:
        refuse({"by": by, "note": note}, "of tick: tracklib cutover tick consumers --by NAME")
    if is_tick or not said:
        refuse(asked, "of a comparison: tracklib cutover A B")
    if is_tick:
        book.tick(said[1], by or "", note or "", undo=said[0] == "untick")
    elif len(said) == 2:
        places = said[0], said[1]
        book.measured(places, _compare(places, asked), _window(asked), 100.0 if fail_under is None else fail_under)
    elif said:
        raise UsageError(f"expected two places, or tick and a criterion, got {' '.join(said)!r}")
    _write(book, md, html)
    return _show(book, json=json)


def _window(asked: dict[str, Any]) -> dict[str, Any]:
    """Return what was asked, with times that a later reader understands."""
    from tracklib.cli.quantities import iso_time, moment

    times = {name: None if asked[name] is None else iso_time(moment(asked[name])) for name in ("since", "until")}
    return {"match": asked["match"] or "id", "project": asked["project"], **times}


def _compare(names: tuple[str, str], asked: dict[str, Any]) -> Measure:
    from tracklib.cli.console import interruptible
    from tracklib.cli.counted import counted
    from tracklib.cli.quantities import moment
    from tracklib.model.query import RunQuery
    from tracklib.portability.cutover import Measure
    from tracklib.portability.pairing import Match
    from tracklib.portability.parity import Parity
    from tracklib.reading.reader import open as open_reader

    since, until = (None if asked[name] is None else moment(asked[name]) for name in ("since", "until"))
    query = RunQuery(project=asked["project"], since=since, until=until)
    a, b = (open_reader(name).source for name in names)
    measure = Measure()
    with interruptible(lambda: "nothing was recorded; repeat the command to measure"):
        for half in counted(Parity(a, b, Match.parse(asked["match"] or "id"), query), "pair of runs", "pairs of runs"):
            measure.add(half)
    return measure


def _write(book: Record, md: Path | None, html: Path | None) -> None:
    from tracklib.cli.cutover_page import write_markdown, write_page

    if md is not None:
        write_markdown(md, book)
    if html is not None:
        write_page(html, book)


def _show(book: Record, *, json: bool) -> int:
    from tracklib.cli.console import grid, out, print_json, safe, say
    from tracklib.cli.cutover_page import verdict
    from tracklib.cli.quantities import plural

    standings = book.standings()
    met = all(each.met for each in standings)
    places = book.places or (None, None)
    if book.damaged:
        say(f"{plural(book.damaged, 'line')} of {book.path} could not be read")
    if json:
        document = {"record": str(book.path), "a": places[0], "b": places[1], "met": met}
        print_json({**document, "criteria": [each.document() for each in standings]})
        return 0 if met else 1
    table = grid("criterion", "!", "what", "why")
    for each in standings:
        mark = safe("met", "green") if each.met else safe("open", "red")
        table.add_row(safe(each.criterion.name), mark, safe(each.criterion.text), safe(each.told))
    out().print(table)
    out().print(safe(verdict(standings), "green" if met else "red"))
    return 0 if met else 1
