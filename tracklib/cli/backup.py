"""``tracklib backup``: copies what is new to a bundle, clears old snapshots away, and sounds the alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracklib.cli.copying import Display, choice_of, tell
from tracklib.cli.options import Jobs, Json, Select

if TYPE_CHECKING:
    from tracklib.cli.balance import Results
    from tracklib.portability.bundle.backup import Backup
    from tracklib.portability.bundle.catalog import Catalog
    from tracklib.portability.bundle.retention import Retained
    from tracklib.portability.places import Place

__all__ = ["EXAMPLE", "backup"]

EXAMPLE = "tracklib backup local:.tracklib bundle:s3://bucket/runs --retain 30d"


def backup(
    places: Annotated[
        list[str],
        typer.Argument(
            metavar="SRC BUNDLE", help="Where runs are read, and bundle:FOLDER or bundle:URL.", show_default=False
        ),
    ],
    select: Select = None,
    jobs: Jobs = 1,
    again: Annotated[
        bool, typer.Option("--again", help="Read all runs again, whether they seem changed or not.")
    ] = False,
    retain: Annotated[
        str | None,
        typer.Option(
            "--retain", help="Then remove older snapshots: keep so many backups (10), or those of 30d, 8w, ..."
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Copy nothing; exit code 1 where the bundle is stale, not whole or damaged.")
    ] = False,
    max_age: Annotated[
        str | None, typer.Option("--max-age", help="Of --check: how old the last backup may be, 26h or 2d.")
    ] = None,
    deep: Annotated[bool, typer.Option("--deep", help="Of --check: read and verify every byte.")] = False,
    json: Json = False,
) -> int:
    """Copy runs that are new or changed to a bundle, or check one.

    Interrupted, it goes on where it stopped, on any machine: the bundle itself says what it holds. JSON: source,
    bundle, snapshot, runs, total, states, retained. With --check and BUNDLE alone, or SRC BUNDLE to ask for a backup of
    that source: bundle, snapshot, age, runs, problems. Exit code 1 where a run failed, a record was refused, a
    source is damaged, or a check finds something.
    """
    from tracklib.cli.quantities import plural
    from tracklib.errors import UsageError

    if check:
        _refuse({"--select": select, "--again": again or None, "--retain": retain}, "that --check has not")
        from tracklib.cli.inspection import check_bundle

        return check_bundle(places, max_age, deep=deep, json=json)
    _refuse({"--max-age": max_age, "--deep": deep or None}, "of --check")
    if len(places) != 2:
        raise UsageError(
            f"expected where runs are read and a bundle, as in: {EXAMPLE}; got {plural(len(places), 'place')}"
        )
    return _back_up(places, _Asked(select, jobs, retain, again=again), json=json)


def _refuse(options: dict[str, object], belong: str) -> None:
    from tracklib.errors import UsageError

    for name, value in options.items():
        if value is not None:
            raise UsageError(f"{name} is an option {belong}")


class _Asked:
    """What the command line asked for."""

    def __init__(self, select: list[str] | None, jobs: int, retain: str | None, *, again: bool) -> None:
        self.choice = choice_of(select)
        self.jobs = jobs
        self.again = again
        self.retention = None if retain is None else _retention(retain)


def _retention(text: str) -> dict[str, Any]:
    """Return what ``--retain`` means, as arguments of `Retention`."""
    from tracklib.cli.quantities import duration
    from tracklib.errors import UsageError

    kept = {"last": int(text)} if text.isascii() and text.isdigit() else {"seconds": duration(text)}
    if not any(kept.values()):
        raise UsageError(f"--retain: expected a number of backups or an age, as in 10, 30d or 8w, got {text!r}")
    return kept


def _back_up(words: list[str], asked: _Asked, *, json: bool) -> int:
    from tracklib.cli.balance import Results
    from tracklib.cli.bundles import open_bundle
    from tracklib.cli.console import interruptible
    from tracklib.portability.places import open_place

    source = open_place(words[0])
    bundle, catalog = open_bundle(words[1])
    from tracklib.portability.bundle.backup import Backup  # pyarrow is there: `open_bundle` looked

    work = Backup(source, bundle, catalog, asked.choice, asked.jobs, again=asked.again)
    results = Results(keeps_runs=json)
    with (
        interruptible(lambda: "what was copied is in the bundle; repeat the command to go on"),
        Display() as work.watch,
    ):
        for result in work.run():
            results.add(result)
            if not json:
                tell(result)
    retained = _clear(catalog, asked.retention)
    _show(work, results, retained, json=json)
    return int(results.failed or results.damaged or bool(catalog.damage))


def _clear(catalog: Catalog, retention: dict[str, Any] | None) -> Retained | None:
    """Remove old snapshots; the backup is made all the same where that cannot be done."""
    from tracklib.cli.console import complain
    from tracklib.errors import RejectedError, UsageError
    from tracklib.portability.bundle.retention import Retention, retain

    if retention is None:
        return None
    try:
        return retain(catalog, Retention(**retention))
    except (RejectedError, UsageError) as error:
        complain(str(error))
        return None


def _show(work: Backup, results: Results, retained: Retained | None, *, json: bool) -> None:
    from dataclasses import asdict

    from tracklib.cli.console import complain, out, safe
    from tracklib.cli.quantities import bytes_text, plural

    for where, words in work.catalog.damage.items():
        complain(f"{where}: {words}")
    if json:
        snapshot = work.snapshot.name if work.snapshot is not None else None
        freed = None if retained is None else asdict(retained)
        results.print_json({**_places(work.source, work.bundle), "snapshot": snapshot, "retained": freed})
        return
    for reason, count in results.total.refused.items():
        out().print(safe(f"{count:,} x {reason}"))
    out().print(safe(str(results)))
    if retained is not None:
        out().print(
            safe(
                f"removed {plural(retained.snapshots, 'snapshot')}, {plural(retained.files, 'file')}, {bytes_text(retained.bytes)}"
            )
        )


def _places(source: Place, bundle: Place) -> dict[str, Any]:
    from tracklib.portability.places import name_of

    return {"source": name_of(source), "bundle": name_of(bundle)}
