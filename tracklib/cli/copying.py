"""Copying: what the commands that copy runs have in common: the choice, the display, and a line for each run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tracklib.model.run import RunInfo
    from tracklib.portability.choice import Choice
    from tracklib.portability.copy import Progress
    from tracklib.portability.migrate import Result

__all__ = ["Display", "choice_of", "result_document", "tell", "tell_unlisted"]

_KEYS = {"project": "project", "name": "name", "state": "status", "tag": "tag", "since": "since", "until": "until"}
"""What may stand in ``--select``, and what a query calls it."""


def choice_of(words: list[str] | None, limit: int | None = None, sample: int = 1) -> Choice:
    """Return the runs that ``--select`` and the like mean.

    Raises:
        UsageError: A word is no selection.
    """
    from tracklib.errors import UsageError
    from tracklib.model.query import RunQuery
    from tracklib.portability.choice import Choice

    wanted: dict[str, Any] = {}
    tags: list[tuple[str, str | None]] = []
    for word in (part.strip() for text in words or () for part in text.split(",")):
        key, mark, value = word.partition("=")
        if not mark or key not in _KEYS:
            raise UsageError(f"--select: expected project=, name=, state=, tag=, since= or until=, got {word!r}")
        if not value.partition(":" if key == "tag" else "\0")[0]:
            raise UsageError(f"--select: expected a value behind {key}=, got {repr(value) if value else 'none'}")
        if key == "tag":
            tag, colon, held = value.partition(":")
            tags.append((tag, held if colon else None))
            continue
        if _KEYS[key] in wanted:
            raise UsageError(
                f"--select: expected {key}= once, got it twice; select the runs of both one after the other"
            )
        wanted[_KEYS[key]] = _selected(key, value)
    return Choice(RunQuery(**wanted), tuple(tags), limit, sample)


def _selected(key: str, value: str) -> str | int:
    """Return what a query asks for."""
    from tracklib.cli.quantities import moment, status_of
    from tracklib.errors import UsageError

    if key == "state":
        return status_of(value, "--select")
    if key not in ("since", "until"):
        return value
    try:
        return moment(value)
    except UsageError as error:
        raise UsageError(f"--select {key}=: {error}") from error


class Display:
    """Shows on a terminal which run is on its way, and how far it came."""

    def __init__(self) -> None:
        from contextlib import nullcontext

        from tracklib.cli.console import err, shows_progress

        self._status: Any = err().status("reading the list of runs") if shows_progress() else None
        self._context: Any = self._status or nullcontext()

    def __enter__(self) -> Callable[[RunInfo, Progress], None]:
        self._context.__enter__()
        return self._show

    def __exit__(self, *error: object) -> None:
        self._context.__exit__(*error)

    def _show(self, run: RunInfo, progress: Progress) -> None:
        from tracklib.cli.console import safe

        if self._status is not None:
            self._status.update(safe(f"{run.project}/{run.id}: {progress.tally.points:,} points held"))


def tell(result: Result) -> None:
    """Print what became of a run, unless nothing did."""
    from tracklib.cli.console import out, safe

    if result.state != "unchanged":
        refused = sum(result.progress.tally.refused.values())
        style = "red" if result.state == "failed" or refused else ""
        told = f": {result.error}" if result.error else f", {result.progress.tally.records:,} records"
        told += f", {refused:,} refused" if refused else ""
        out().print(safe(f"{result.run.project}/{result.run.id} {result.state}{told}", style))
        for words, count in result.progress.tally.damaged.items():
            times = f"{count:,} x " if count > 1 else ""
            out().print(safe(f"{result.run.project}/{result.run.id} damaged: {times}{words}", "red"))


def tell_unlisted(lists: Mapping[str, str]) -> None:
    """Print which lists of a place could not be read."""
    from tracklib.cli.console import out, safe

    for name, words in lists.items():
        out().print(safe(f"runs may be missing: {name}: {words}", "red"))


def result_document(result: Result) -> dict[str, Any]:
    """Return what became of a run as JSON."""
    from tracklib.cli.documents import run_document

    progress = result.progress
    place = {"vendor_id": progress.vendor_id, "url": progress.url}
    return {
        "run": run_document(result.run),
        "state": result.state,
        "error": result.error,
        **place,
        **progress.tally.document(),
    }
