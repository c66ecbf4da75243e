"""``tracklib migrate``: copies runs from one place to another, each once."""

from __future__ import annotations

import itertools
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tracklib.cli.copying import Display, choice_of, tell
from tracklib.cli.options import Jobs, Json, Select, expect_writable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tracklib.cli.balance import Balance
    from tracklib.model.run import RunInfo
    from tracklib.portability.choice import Choice
    from tracklib.portability.copy import Change
    from tracklib.portability.ledger import Ledger
    from tracklib.portability.migrate import Migration, Result
    from tracklib.portability.places import Place
    from tracklib.portability.plan import Plan

__all__ = ["EXAMPLE", "migrate"]

EXAMPLE = "tracklib migrate local:.tracklib mlflow:http://host:5000 --select project=digits,since=30d"

_Place = "A place such as mlflow:http://host:5000, aim:./repo or local:.tracklib."


def migrate(
    source: Annotated[str, typer.Argument(metavar="SRC", help=f"Where runs are read. {_Place}", show_default=False)],
    destination: Annotated[str, typer.Argument(metavar="DST", help="Where they are written.", show_default=False)],
    select: Select = None,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="At most so many runs.")] = None,
    sample: Annotated[int, typer.Option("--sample", min=1, help="Only every so-many-th run.")] = 1,
    wave: Annotated[int | None, typer.Option("--wave", min=1, help="In groups of so many, each compared.")] = None,
    users: Annotated[
        Path | None, typer.Option("--map-users", help="A JSON file: an object of old names to new ones.")
    ] = None,
    unfinished: Annotated[
        bool,
        typer.Option(
            "--unfinished", help="Also runs that have not ended, as far as they came; repeated, it completes them."
        ),
    ] = False,
    jobs: Jobs = 1,
    ledger: Annotated[
        Path | None, typer.Option("--ledger", help="Where it is kept what was copied; in the journal root.")
    ] = None,
    map: Annotated[Path | None, typer.Option("--map", help="Write the ids of both sides to this CSV file.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be copied and changed.")] = False,
    via: Annotated[
        str | None,
        typer.Option(
            "--via", help="Copy to this place first, such as bundle:./backup, and from there; SRC is read once."
        ),
    ] = None,
    json: Json = False,
) -> int:
    """Copy runs from one place to another.

    Each once: interrupted, it goes on where it stopped; repeated, it copies what is new or was still running. A run
    that fails is reported and left. JSON: source, destination, runs, total, states, left_out, unlisted, leftovers,
    gone, differences, stopped. Exit code 1 where a run failed, a record was refused, a source is damaged, a wave
    differs, or a run is gone from SRC whose copy is not whole.
    """
    from tracklib.cli.balance import Balance
    from tracklib.cli.console import interruptible
    from tracklib.portability.places import name_of, open_place

    places = [open_place(place) for place in (source, via, destination) if place is not None]
    _expect_others(places)
    expect_writable("--map", map)
    choice = choice_of(select, limit, sample)
    if dry_run:
        return _plan(places, choice, ledger, json=json)
    balance = Balance(keeps_runs=json)
    with ExitStack() as stack:
        stack.enter_context(interruptible(lambda: "what was copied is kept in the ledger; repeat the command to go on"))
        migrations = _legs(places, ledger, choice, jobs, stack)
        for migration in migrations:
            migration.unfinished = unfinished
        migrations[0].change = _change(users)
        with Display() as watch:
            for migration in migrations:
                migration.watch = watch
            _run(migrations, balance, wave, quiet=json)
        balance.left_out.update(migrations[0].left_out())
        balance.behind.add(migrations[0].leftovers())
        for migration in migrations:
            balance.unlisted.update(migration.unlisted())
            balance.gone += migration.gone()
        if map is not None:
            _write_map(map, migrations[-1])
    balance.show({"source": name_of(places[0]), "destination": name_of(places[-1])})
    return balance.exit_code


def _expect_others(places: list[Place]) -> None:
    """Refuse a place as its own destination.

    Raises:
        UsageError: It is one.
    """
    from tracklib.errors import UsageError
    from tracklib.portability.places import name_of

    for one, other in itertools.pairwise(places):
        if name_of(one) == name_of(other):
            raise UsageError(f"expected two places, got one: {one.text}")


def _legs(places: list[Place], ledger: Path | None, choice: Choice, jobs: int, stack: ExitStack) -> list[Migration]:
    """Return a migration from each place to the next one, with ledgers that the stack closes."""
    from tracklib.portability.migrate import Migration

    made = []
    for leg in itertools.pairwise(places):
        book = stack.enter_context(closing(_ledger(leg, ledger if leg[1] is places[-1] else None)))
        made.append(Migration(*leg, book, choice, jobs=jobs))
    return made


def _ledger(leg: tuple[Place, Place], path: Path | None) -> Ledger:
    from tracklib.portability.ledger import Ledger
    from tracklib.portability.places import name_of

    names = name_of(leg[0]), name_of(leg[1])
    return Ledger(path or _ledger_path(*names), *names)


def _run(migrations: list[Migration], balance: Balance, wave: int | None, *, quiet: bool) -> None:
    """Copy group by group, and stop behind one that differs."""
    for runs in migrations[0].waves(wave):
        results = []
        for result in _through(migrations, runs):
            balance.results.add(result)
            if not quiet:
                tell(result)
            if wave is not None:
                results.append(result)
        for result in results:
            if (found := migrations[-1].check(result)) is not None and not found.equal:
                balance.differ(result.run, found)
        if balance.stopped:
            return


def _through(migrations: list[Migration], runs: list[RunInfo]) -> Iterator[Result]:
    """Copy runs through all places; yield what became of each at the last one, or where it was stopped."""
    for number, migration in enumerate(migrations):
        arrived = []
        for result in migration.copy(runs):
            halfway = number < len(migrations) - 1
            found = migration.find(result.run) if halfway and result.state not in ("failed", "waiting") else None
            if found is None:
                yield result
            else:
                arrived.append(found)
        runs = arrived


def _ledger_path(source: str, destination: str) -> Path:
    import hashlib

    from tracklib import config

    digest = hashlib.sha256(f"{source}\n{destination}".encode()).hexdigest()[:16]
    return Path(config.load().root) / f"migration-{digest}.sqlite"


def _change(users: Path | None) -> Change | None:
    from tracklib.errors import UsageError
    from tracklib.model.codec import loads
    from tracklib.portability.migrate import map_users

    if users is None:
        return None
    try:
        names = loads(users.read_bytes())
    except ValueError as error:
        raise UsageError(f"--map-users: expected JSON in {users}: {error}") from error
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise UsageError(f"--map-users: expected an object of names in {users}, got another document")
    return map_users(names)


def _plan(places: list[Place], choice: Choice, ledger: Path | None, *, json: bool) -> int:
    from tracklib.cli.balance import Behind
    from tracklib.cli.console import print_json
    from tracklib.cli.counted import counted
    from tracklib.portability.migrate import leftovers_of
    from tracklib.portability.places import name_of
    from tracklib.portability.plan import plan_runs

    target = places[-1].resolved.spec
    capabilities = target.load(target.capabilities) if target.capabilities else None
    leg = places[-2], places[-1]
    path = ledger or _ledger_path(name_of(leg[0]), name_of(leg[1]))
    source, book, behind = places[0].source(), _ledger(leg, path) if path.exists() else None, Behind()
    try:
        plan = plan_runs(source, counted(choice.runs(source), "run"), capabilities, book)
        behind.add(leftovers_of(source))
        left_out = dict(getattr(source, "left_out", {}))
    finally:
        if book is not None:
            book.close()
    if json:
        print_json({**plan.document(), "left_out": left_out, "leftovers": behind.document()})
    else:
        _show_plan(plan, left_out, target.title, known=capabilities is not None)
        behind.show()
    return int(bool(plan.unreadable))


def _show_plan(plan: Plan, left_out: Mapping[str, int], title: str, *, known: bool) -> None:
    from tracklib.cli.console import out, safe
    from tracklib.cli.quantities import bytes_text, duration_text, plural

    total = plan.total
    parts = [plural(plan.runs, "run"), f"{total.points:,} points", f"{total.artifacts:,} artifacts"]
    out().print(safe(f"{', '.join(parts)}, {total.files:,} files, {bytes_text(total.bytes)}; {plan.open:,} still run"))
    for what, count in left_out.items():
        out().print(safe(f"left out: {count:,} x {what}"))
    if plan.copied:
        out().print(safe(f"{plural(plan.copied, 'run')} copied already, and passed over"))
    for run, error in plan.unreadable.items():
        out().print(safe(f"{run} cannot be read: {error}", "red"))
    for reason, count in plan.losses.items():
        out().print(safe(f"changed as {title} declares: {count:,} x {reason}"))
    if not known:
        out().print(safe(f"{title} declares nothing that could be looked up beforehand"))
    read = f"reading it took {duration_text(plan.seconds)}"
    if plan.estimate is None:
        told = f"{read}, and copying takes longer; copy some, as with --limit 10, and the plan will estimate it"
    else:
        low, high = map(duration_text, plan.estimate)
        between = low if low == high else f"{low} to {high}"
        told = f"{read}; copying may take {between}: an estimate from {plural(plan.rate.runs, 'run')} copied so far"
    out().print(safe(f"{told}; nothing was written"))


def _write_map(path: Path, migration: Migration) -> None:
    import csv

    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["project", "id", "state", "destination_id", "url"])
        for entry in migration.ledger.entries():
            writer.writerow([entry.project, entry.id, entry.state, entry.progress.vendor_id, entry.progress.url])
