"""``tracklib sync``: delivers what is pending, and fills a backend with the runs that it lacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracklib.cli.options import Backend, Dir, Json, Project, SomeRuns

if TYPE_CHECKING:
    from tracklib.cli.errand import Errand
    from tracklib.cli.storing import Waiting
    from tracklib.cli.watching import Watcher
    from tracklib.delivery.account import Line
    from tracklib.journal.layout import Root, RunFolder

__all__ = ["EXAMPLE", "sync"]

EXAMPLE = "tracklib sync --backend mlflow:http://host:5000 --project digits"


def sync(
    run: SomeRuns = None,
    backend: Backend = None,
    project: Project = None,
    adopt: Annotated[
        bool,
        typer.Option(
            "--adopt", help="First end as crashed the named runs, of machines that have been silent for long."
        ),
    ] = False,
    all_stale: Annotated[bool, typer.Option("--all-stale", help="With --adopt: all such runs.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Go on, as runs come and grow, until Ctrl-C or SIGTERM.")
    ] = False,
    interval: Annotated[str, typer.Option("--interval", help="With --watch: look so often.")] = "5",
    timeout: Annotated[str, typer.Option("--timeout", "-t", help="Wait at most so long: 30, 5m, or inf.")] = "inf",
    dir: Dir = None,
    json: Json = False,
) -> int:
    """Deliver what is pending.

    Of the runs under way, of those named, or with --backend of all runs that it lacks; of a run that goes on, what is
    written by now. Artifacts that were set aside are stored first. Repeating it goes on where it stopped, and does nothing where nothing is left. JSON: root, backends, deliveries, problems, storing; exit code 1 where records are refused or left. With --watch, a line of JSON for each delivery that moved.
    """
    from tracklib.cli.console import say
    from tracklib.cli.errand import prepare
    from tracklib.cli.quantities import timeout as seconds_of
    from tracklib.cli.selection import open_root
    from tracklib.cli.watching import Watcher

    root = open_root(dir)
    seconds = seconds_of(timeout)
    if adopt or all_stale:
        _adopt(root, run, project, all_stale=all_stale)

    def folders() -> list[RunFolder]:
        return _folders(root, run, project, everything=backend is not None)

    if watch:
        return _watch(Watcher(root, folders, backend, json), seconds_of(interval), seconds)
    waiting = _store(root, folders(), seconds)
    errand = prepare(root, folders(), backend)
    lines = _deliver(root, errand, seconds) if errand.keys else errand.before
    if json:
        _print_json(root, errand, lines, waiting)
    else:
        _print(root, errand, lines)
        for item in waiting:
            say(f"{item}; go on with: tracklib sync")
    return errand.exit_code(lines) or int(bool(waiting))


def _folders(root: Root, words: list[str] | None, project: str | None, *, everything: bool) -> list[RunFolder]:
    """Return the runs that are meant: without a word about them, those under way, or all where a backend is filled."""
    from tracklib.cli.selection import select
    from tracklib.delivery.active import active_runs

    if words or project is not None or everything:
        return select(root, words, project)
    return active_runs(root)


def _adopt(root: Root, words: list[str] | None, project: str | None, *, all_stale: bool) -> None:
    """End runs that their machines left in silence.

    Raises:
        UsageError: It is not said which.
    """
    from tracklib.cli.adoption import adopt, stale_among
    from tracklib.cli.selection import select
    from tracklib.errors import UsageError

    if all_stale == bool(words):
        raise UsageError("--adopt: expected the runs to end, or --all-stale, one of both; tracklib runs --status stale")
    folders = select(root, words, project)
    adopt(stale_among(folders) if all_stale else folders)


def _watch(watcher: Watcher, interval: float, seconds: float) -> int:
    import time

    from tracklib.cli.console import say
    from tracklib.cli.watching import until_signalled

    if not watcher.as_json:
        say(f"watching {watcher.root.path}; Ctrl-C ends it, and the relays finish what they have begun")
    with until_signalled() as stop:
        return watcher.run(stop, max(interval, 0.1), time.monotonic() + seconds)


def _store(root: Root, folders: list[RunFolder], seconds: float) -> list[Waiting]:
    """Have stored what is set aside; return what is left."""
    from tracklib.cli.console import interruptible, say
    from tracklib.cli.storing import store, waiting_of

    before = [item for folder in folders for item in waiting_of(folder)]
    for item in before:
        say(str(item))
    with interruptible(lambda: "the porter goes on by itself, and tracklib sync continues"):
        return store(root, folders, seconds)


def _deliver(root: Root, errand: Errand, seconds: float) -> list[Line]:
    """Set the relays to work and wait for them."""
    from tracklib.cli.console import interruptible
    from tracklib.cli.progress import Watch
    from tracklib.cli.quantities import plural
    from tracklib.delivery import launch
    from tracklib.delivery.account import wait

    watch = Watch(errand.before)

    def rest() -> str:
        pending = plural(watch.pending, "record")
        return f"{pending} still wait; the relays go on by themselves, and tracklib sync continues"

    with interruptible(rest), watch:
        for key in errand.keys:
            launch.start(root, key)
            launch.RelayFolder(root, key).nudge()
        return wait(
            root, errand.folders, timeout=seconds, progress=watch.show, live=True, entries=frozenset(errand.entries)
        )


def _print_json(root: Root, errand: Errand, lines: list[Line], waiting: list[Waiting]) -> None:
    from tracklib.cli.console import print_json
    from tracklib.cli.documents import run_document
    from tracklib.delivery.account import totals

    backends = [
        {
            "entry": total.entry,
            "runs": total.runs,
            "confirmed": total.confirmed,
            "pending": total.pending,
            "changed": total.changed,
            "refused": total.refused,
            "errors": list(total.errors),
        }
        for total in totals(lines)
    ]
    names = ("entry", "backend", "state", "confirmed", "pending", "changed", "refused", "resent", "error", "url")
    deliveries: list[dict[str, Any]] = [
        {"run": run_document(line.run), **{name: getattr(line, name) for name in names}} for line in lines
    ]
    told = {"backends": backends, "deliveries": deliveries, "problems": errand.problems}
    print_json({"root": str(root.path), **told, "storing": [item.document() for item in waiting]})


def _print(root: Root, errand: Errand, lines: list[Line]) -> None:
    from tracklib.cli.console import out, safe, say
    from tracklib.cli.quantities import plural
    from tracklib.delivery.account import totals

    console = out()
    if not errand.keys and not errand.problems:
        settled = plural(errand.settled, "delivery is", "deliveries are") if errand.settled else ""
        say(f"nothing to deliver in {root.path}" + (f": {settled} complete" if settled else ""))
    for total in totals(lines):
        counts = f"{total.confirmed:,} confirmed, {total.pending:,} pending, {total.changed:,} changed"
        url = f"  {total.urls[0]}" if len(total.urls) == 1 else ""
        refused = safe(f", {total.refused:,} refused", "red" if total.refused else "")
        console.print(safe(f"{total.entry}: {plural(total.runs, 'run')}: {counts}") + refused + safe(url))
    for text in errand.remarks(lines):
        say(text)
