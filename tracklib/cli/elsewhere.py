"""Elsewhere: runs that are read from a place such as ``mlflow:http://host:5000``, not from the journal root."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracklib.backends.registry import installed
from tracklib.cli.console import grid, out, print_json, safe, say
from tracklib.cli.counted import counted
from tracklib.cli.deliveries import STATUS_STYLES
from tracklib.cli.documents import run_document
from tracklib.cli.quantities import lasted, local_time, plural
from tracklib.errors import RunStateError, UsageError
from tracklib.messages import nearest
from tracklib.model.query import RunQuery
from tracklib.portability.specs import LOCAL
from tracklib.reading.reader import Reader
from tracklib.reading.reader import open as open_reader

if TYPE_CHECKING:
    from tracklib.model.run import RunInfo

__all__ = ["find_run", "list_runs", "open_named", "place_document", "reader_or_root"]


def reader_or_root(place: str, dir: Path | None) -> Reader | Path:
    """Open a place; a journal root is given as its folder, since more is known of runs there.

    Raises:
        UsageError: A root is named beside it.
        ConfigError: It is no place, or cannot be read.
    """
    reader = open_named(place, dir)
    if reader.place.resolved.spec is LOCAL:
        return Path(getattr(reader.place.resolved.settings, "root", ""))
    return reader


def open_named(place: str, dir: Path | None) -> Reader:
    """Open a place that a command line names.

    Raises:
        UsageError: A root is named beside it, or the word is none.
        ConfigError: It cannot be read.
    """
    if dir is not None:
        raise UsageError(f"--dir names a journal root, and so does a place: expected one of them, got {place} too")
    if ":" not in place and place not in (known := installed()):  # a run's id, or a project
        close = nearest(place, known)
        hint = close if close.startswith("; did") else ""
        raise UsageError(f"expected a place such as mlflow:http://host:5000 or local:FOLDER, got {place!r}{hint}")
    return open_reader(place)


def list_runs(reader: Reader, query: RunQuery, limit: int | None, *, json: bool) -> int:
    """Print the runs of a place, newest first, and return the exit code."""
    total = _Total(counted(reader.source.runs(query), "run"))
    newest = sorted(total, key=_started, reverse=True) if limit is None else heapq.nlargest(limit, total, key=_started)
    more = total.count - len(newest)
    if json:
        print_json({"place": reader.place.text, "runs": list(map(place_document, newest)), "more": more})
        return 0
    if not newest:
        say(f"no run to show in {reader.place.text}")
        return 0
    table = grid("id!", "name", "project", "status!", "started!", "duration>")
    for info in newest:
        names = safe(info.id), safe(info.name, cut=True), safe(info.project, cut=True)
        state = safe(info.status, STATUS_STYLES[info.status])
        table.add_row(*names, state, safe(local_time(info.started)[:-3]), safe(lasted(info.started, info.ended)))
    out().print(table)
    if more:
        say(f"{plural(more, 'more run')}: --limit N or --all shows them")
    return 0


def place_document(info: RunInfo) -> dict[str, Any]:
    """Return `run_document` with ``vendor_id, url``."""
    return {**run_document(info), "vendor_id": info.place, "url": info.url}


def find_run(reader: Reader, word: str) -> RunInfo:
    """Return the run that a word means: as `Reader.run` does, or by a unique beginning of an id.

    Raises:
        UsageError: There is none, or more than one.
    """
    try:
        return reader.run(word)
    except RunStateError as error:
        project, _, wanted = word.rpartition("/")
        runs = counted(reader.source.runs(RunQuery(project=project or None)), "run")
        found = [run for run in runs if wanted and (run.id.startswith(wanted) or (run.place or "").startswith(wanted))]
        if not found:
            hint = f"; see its runs with: tracklib runs {reader.place.text}"
            raise UsageError(f"{error}{hint}") from error
        if len(found) > 1:
            names = ", ".join(f"{run.project}/{run.id}" for run in found[:5])
            raise UsageError(f"expected one run, got {word!r}, which may be {names}; type more of it") from error
        return found[0]


class _Total:
    """Runs, counted as they go by."""

    def __init__(self, runs: Iterable[RunInfo]) -> None:
        self._runs = runs
        self.count = 0

    def __iter__(self) -> Iterator[RunInfo]:
        for run in self._runs:
            self.count += 1
            yield run


def _started(info: RunInfo) -> int:
    return info.started
