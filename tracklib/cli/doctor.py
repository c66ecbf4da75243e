"""``tracklib doctor``: what is configured, and whether it works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tracklib.cli.completion import backend_names
from tracklib.cli.options import Dir, Json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tracklib.cli.checks import Check

__all__ = ["EXAMPLE", "doctor"]

EXAMPLE = "tracklib doctor mlflow:http://host:5000"


def doctor(
    backend: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ENTRY]...",
            help="Ask these backends too, besides the configured ones.",
            autocompletion=backend_names,
        ),
    ] = None,
    timeout: Annotated[str, typer.Option("--timeout", "-t", help="How long each backend may take to answer.")] = "10s",
    dir: Dir = None,
    json: Json = False,
) -> int:
    """Look for problems, and say what to do about each.

    In the configuration, the journal root and the backends. Only configured backends are asked for a sign of life, each in a process of its own. JSON: checks, problems; a
    check has topic, name, verdict (ok, note, warning, problem), text, remedy. Exit code 1 where there is a problem.
    """
    from tracklib.cli.console import err, shows_progress
    from tracklib.cli.quantities import timeout as seconds_of

    checks = _checks(dir, tuple(backend or ()), seconds_of(timeout))
    if json:
        return _print_json(list(checks))
    if shows_progress():
        with err().status("asking the backends"):
            checks = iter(list(checks))
    return _print(list(checks))


def _checks(place: Path | None, entries: tuple[str, ...], seconds: float) -> Iterator[Check]:
    from tracklib import config
    from tracklib.cli.checks import check_backends, check_configuration, check_root, check_versions
    from tracklib.journal.layout import Root

    found = config.load({"dir": place})
    yield from check_versions()
    yield from check_configuration(found)
    yield from check_root(Root(found.root))
    yield from check_backends(found, entries, seconds)


def _print_json(checks: list[Check]) -> int:
    from dataclasses import asdict

    from tracklib.cli.console import print_json

    problems = sum(check.verdict == "problem" for check in checks)
    print_json({"checks": [asdict(check) for check in checks], "problems": problems})
    return 1 if problems else 0


def _print(checks: list[Check]) -> int:
    from tracklib.cli.console import grid, out, safe, say
    from tracklib.cli.quantities import plural

    styles = {"ok": "green", "note": "dim", "warning": "yellow", "problem": "red"}
    console = out()
    for topic in dict.fromkeys(check.topic for check in checks):
        console.print(safe(topic, "bold"))
        table = grid("", "", "")
        for check in checks:
            if check.topic == topic:
                table.add_row(safe(f"  {check.verdict}", styles[check.verdict]), safe(check.name), safe(check.text))
                if check.remedy:
                    table.add_row("", "", safe(f"-> {check.remedy}", "bold" if check.verdict == "problem" else ""))
        console.print(table)
    problems = sum(check.verdict == "problem" for check in checks)
    say(plural(problems, "problem") if problems else "no problem found")
    return 1 if problems else 0
