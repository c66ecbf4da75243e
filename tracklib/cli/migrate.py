"""``tracklib migrate``: copies runs from one place to another, each once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracklib.cli.copying import Display, choice_of, result_document, tell
from tracklib.cli.options import Jobs, Json, Select

if TYPE_CHECKING:
    from tracklib.portability.choice import Choice
    from tracklib.portability.copy import Change
    from tracklib.portability.migrate import Migration, Result

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
    jobs: Jobs = 1,
    ledger: Annotated[
        Path | None, typer.Option("--ledger", help="Where it is kept what was copied; in the journal root.")
    ] = None,
    map: Annotated[Path | None, typer.Option("--map", help="Write the ids of both sides to this CSV file.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be copied and changed.")] = False,
    json: Json = False,
) -> int:
    """Copy runs from one place to another.

    Each once: interrupted, it goes on where it stopped; repeated, it copies what is new or was still running. A run
    that fails is reported and left. JSON: source, destination, runs, total, states, differences, stopped, left_out.
    Exit code 1 where a run failed, a record was refused, or a wave differs.
    """
    from tracklib.cli.console import interruptible
    from tracklib.portability.ledger import Ledger
    from tracklib.portability.migrate import Migration
    from tracklib.portability.places import open_place

    places = open_place(source), open_place(destination)
    choice = choice_of(select, limit, sample)
    if dry_run:
        return _plan(places[0].source(), choice, places[1].resolved.spec, json=json)
    names = _name(places[0]), _name(places[1])
    book = Ledger(ledger or _ledger_path(*names), *names)
    try:
        migration = Migration(*places, book, choice, _change(users), jobs)
        with interruptible(lambda: "what was copied is kept in the ledger; repeat the command to go on"):
            account = _Account(names)
            with Display() as migration.watch:
                account.run(migration, wave, quiet=json)
        if map is not None:
            _write_map(map, migration)
    finally:
        book.close()
    account.show(json=json)
    return account.exit_code


def _name(place: Any) -> str:
    """Return a place in its one form, whatever folder the command is called in."""
    from tracklib.model.codec import dumps

    settings = place.resolved.settings
    return f"{place.resolved.spec.name} {dumps(dict(sorted(settings.destination().items()))).decode()}"


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


def _plan(source: Any, choice: Choice, target: Any, *, json: bool) -> int:
    from tracklib.cli.console import out, print_json, safe
    from tracklib.cli.quantities import bytes_text, duration_text, plural
    from tracklib.portability.plan import plan_runs

    capabilities = target.load(target.capabilities) if target.capabilities else None
    plan = plan_runs(source, choice.runs(source), capabilities)
    if json:
        print_json(plan.document())
        return 0
    total = plan.total
    parts = [plural(plan.runs, "run"), f"{total.points:,} points", f"{total.artifacts:,} artifacts"]
    out().print(safe(f"{', '.join(parts)}, {total.files:,} files, {bytes_text(total.bytes)}; {plan.open:,} still run"))
    for run, error in plan.unreadable.items():
        out().print(safe(f"{run} cannot be read: {error}", "red"))
    for reason, count in plan.losses.items():
        out().print(safe(f"changed as {target.title} declares: {count:,} x {reason}"))
    if capabilities is None:
        out().print(safe(f"{target.title} declares nothing that could be looked up beforehand"))
    out().print(safe(f"reading it took {duration_text(plan.seconds)}; copying takes longer; nothing was written"))
    return 0


class _Account:
    """What a migration did."""

    def __init__(self, names: tuple[str, str]) -> None:
        self._names = names
        self._results: list[Result] = []
        self._differences: dict[str, list[str]] = {}
        self._stopped = False
        self._left_out: dict[str, int] = {}

    def run(self, migration: Migration, wave: int | None, *, quiet: bool) -> None:
        """Copy wave by wave, and stop behind one that differs."""
        for runs in migration.waves(wave):
            for result in migration.copy(runs):
                self._results.append(result)
                if not quiet:
                    tell(result)
            if wave is not None and self._differs(migration, self._results[-len(runs) :]):
                self._stopped = True
                break
        self._left_out = migration.left_out()

    def _differs(self, migration: Migration, results: list[Result]) -> bool:
        for result in results:
            if result.state == "copied":
                found = migration.compare(result.run)
                if not found.equal:
                    self._differences[result.run.id] = [str(difference) for difference in found.differences]
        return bool(self._differences)

    @property
    def exit_code(self) -> int:
        failed = any(r.state == "failed" or r.progress.tally.refused for r in self._results)
        return int(failed or self._stopped)

    def show(self, *, json: bool) -> None:
        """Print the account."""
        from collections import Counter

        from tracklib.cli.console import out, print_json, safe
        from tracklib.cli.quantities import bytes_text, plural
        from tracklib.portability.tally import Tally

        total, states = Tally(), Counter(result.state for result in self._results)
        for result in self._results:
            total.add(result.progress.tally)
        if json:
            places = {"source": self._names[0], "destination": self._names[1]}
            more = {"differences": self._differences, "stopped": self._stopped, "left_out": self._left_out}
            runs = [result_document(result) for result in self._results]
            print_json({**places, "runs": runs, "total": total.document(), "states": dict(states), **more})
            return
        for run, differences in self._differences.items():
            for text in differences:
                out().print(safe(f"{run}: {text}", "red"))
        for reason, count in (*total.changed.items(), *total.refused.items()):
            out().print(safe(f"{count:,} x {reason}"))
        for what, count in self._left_out.items():
            out().print(safe(f"left out: {count:,} x {what}"))
        told = ", ".join(f"{count:,} {state}" for state, count in states.items()) or "none selected"
        held = f"{total.points:,} points, {total.artifacts:,} artifacts, {bytes_text(total.bytes)}"
        out().print(safe(f"{plural(len(self._results), 'run')}: {told}; {held}"))


def _write_map(path: Path, migration: Migration) -> None:
    import csv

    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["project", "id", "state", "destination_id", "url"])
        for entry in migration.ledger.entries():
            writer.writerow([entry.project, entry.id, entry.state, entry.progress.vendor_id, entry.progress.url])
