"""``tracklib restore``: copies the runs of a bundle to any place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tracklib.cli.migrate import migrate
from tracklib.cli.options import Jobs, Json, Select

__all__ = ["EXAMPLE", "restore"]

EXAMPLE = "tracklib restore bundle:s3://bucket/runs local:.tracklib --select project=digits"


def restore(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="bundle:FOLDER or bundle:URL.", show_default=False)],
    destination: Annotated[str, typer.Argument(metavar="DST", help="Where runs are written.", show_default=False)],
    select: Select = None,
    jobs: Jobs = 1,
    ledger: Annotated[
        Path | None, typer.Option("--ledger", help="Where it is kept what was copied; in the journal root.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be copied and changed.")] = False,
    json: Json = False,
) -> int:
    """Copy runs of a bundle to a journal root, or to any backend.

    As tracklib migrate does, which it is but for the check that the bundle's list is whole. A run that is damaged is
    reported and left. Exit code 1 where a run failed, a record was refused, or the bundle's list is damaged.
    """
    from tracklib.cli.bundles import open_bundle
    from tracklib.cli.console import complain

    _, catalog = open_bundle(bundle)
    catalog.refresh()
    for where, words in catalog.damage.items():
        complain(f"{where}: {words}")
    code = migrate(bundle, destination, select, jobs=jobs, ledger=ledger, dry_run=dry_run, json=json)
    return code or int(bool(catalog.damage))
