"""Pairing: which run of one place is which run of another."""

from __future__ import annotations

import dataclasses
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from tracklib.errors import UsageError
from tracklib.model.codec import dumps, loads
from tracklib.model.query import RunQuery
from tracklib.model.run import RunInfo
from tracklib.portability.labels import tags_of

if TYPE_CHECKING:
    from tracklib.backends.contract import Source

__all__ = ["Match", "Pair", "pairs"]

Pair: TypeAlias = "tuple[RunInfo | None, RunInfo | None]"
"""A run of each place; ``None`` where a place has none."""

_MARGIN = 3_600 * 10**9
"""How much further than asked a place is searched: the other may have rounded the start, or have begun later."""


@dataclass(frozen=True, slots=True)
class Match:
    """What makes two runs one.

    Attributes:
        by: ``id``; ``name``, within a project; or ``tag``.
        tag: The key, where it is a tag.
    """

    by: str = "id"
    tag: str = ""

    @classmethod
    def parse(cls, text: str) -> Match:
        """Read ``id``, ``name`` or ``tag:KEY``.

        Raises:
            UsageError: It is none of these.
        """
        by, _, tag = text.partition(":")
        if (by in ("id", "name") and not tag) or (by == "tag" and tag):
            return cls(by, tag)
        raise UsageError(f"--match: expected id, name or tag:KEY, got {text!r}")

    def key(self, source: Source, run: RunInfo) -> str | None:
        """Return what the run is found by; ``None`` where it lacks the tag, or nobody knows its tags."""
        if self.by == "id":
            return run.id
        if self.by == "name":
            return dumps({"project": run.project, "name": run.name}).decode()
        held = tags_of(source, run)
        return None if held is None else held.get(self.tag)  # it has no other half then, and comparing it tells why


def pairs(a: Source, b: Source, match: Match, query: RunQuery) -> Iterator[Pair]:
    """Yield every run that a query selects in either place, with its other half.

    Runs of one key are paired within a project first, then in the order of their starts. The lists lie in a temporary
    file, so that memory does not grow with the number of runs.
    """
    with tempfile.TemporaryDirectory(prefix="tracklib-verify-") as folder:
        book = sqlite3.connect(Path(folder) / "runs.sqlite", isolation_level=None)
        try:
            book.execute("PRAGMA synchronous = OFF")
            book.execute("CREATE TABLE run (key BLOB, side INTEGER, info BLOB)")
            for side, source in enumerate((a, b)):
                book.execute("BEGIN")
                _list(book, side, source, match, query)
                book.execute("COMMIT")
            book.execute("CREATE INDEX by_key ON run (key)")
            for ours, theirs in _groups(book):
                yield from (pair for pair in _paired(ours, theirs) if _is_meant(pair, query))
        finally:
            book.close()


def _list(book: sqlite3.Connection, side: int, source: Source, match: Match, query: RunQuery) -> None:
    """Write the runs of a place down."""
    wide = dataclasses.replace(
        query,
        since=None if query.since is None else query.since - _MARGIN,
        until=None if query.until is None else query.until + _MARGIN,
    )
    for number, run in enumerate(source.runs(wide)):
        key = match.key(source, run)
        found_by = f"0 {side} {number}" if key is None else f"1 {key}"
        row = found_by.encode(errors="surrogatepass"), side, dumps(dataclasses.asdict(run))
        book.execute("INSERT INTO run VALUES (?, ?, ?)", row)


def _groups(book: sqlite3.Connection) -> Iterator[tuple[list[RunInfo], list[RunInfo]]]:
    for (key,) in book.execute("SELECT DISTINCT key FROM run ORDER BY key"):
        sides: tuple[list[RunInfo], list[RunInfo]] = ([], [])
        for side, info in book.execute("SELECT side, info FROM run WHERE key = ?", (key,)):
            sides[side].append(RunInfo(**loads(info)))
        yield sides


def _paired(ours: list[RunInfo], theirs: list[RunInfo]) -> Iterator[Pair]:
    left = sorted(ours, key=lambda run: run.started)
    right = sorted(theirs, key=lambda run: run.started)
    for within in (True, False):
        rest = []
        for run in left:
            twin = next((other for other in right if not within or other.project == run.project), None)
            if twin is None:
                rest.append(run)
            else:
                right.remove(twin)
                yield run, twin
        left = rest
    yield from ((run, None) for run in left)
    yield from ((None, run) for run in right)


def _is_meant(pair: Pair, query: RunQuery) -> bool:
    return any(run is not None and query.matches(run) for run in pair)
