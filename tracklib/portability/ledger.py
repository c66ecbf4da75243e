"""The ledger: which runs a migration copied, how far, and what became of them."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from tracklib import platform
from tracklib.errors import ConfigError, UsageError
from tracklib.journal.layout import private_folder
from tracklib.model.run import RunInfo
from tracklib.portability.copy import Progress
from tracklib.portability.tally import Tally

__all__ = ["Book", "Entry", "Ledger", "is_copied", "mark_of", "started_of", "status_of"]

_VERSION = 1
_TABLES = """
CREATE TABLE about (version INTEGER, source TEXT, destination TEXT);
CREATE TABLE runs (project TEXT, id TEXT, name TEXT, state TEXT, mark TEXT, entry TEXT, PRIMARY KEY (project, id));
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One run of the source, and how far its copy came.

    Attributes:
        state: ``begun``; ``partial``, copied as far as it was written, for it goes on; ``copied``; ``failed``.
        mark: What the source said of the run when it was copied; another one means that it changed since.
        error: Why it failed.
        seconds: What copying it took, all tries together.
        checked: The copy was compared with the run, and found equal.
    """

    project: str
    id: str
    name: str
    state: Literal["begun", "partial", "copied", "failed"] = "begun"
    mark: str = ""
    progress: Progress = field(default_factory=Progress)
    error: str = ""
    seconds: float = 0.0
    checked: bool = False

    def at(self, progress: Progress) -> Entry:
        """Return the entry with more of the run copied."""
        return replace(self, progress=progress)


def mark_of(run: RunInfo) -> str:
    """Return what tells a run that changed from one that did not, as far as a listing can."""
    return json.dumps([run.status, run.ended, run.attempt, run.started, run.name])


def is_copied(entry: Entry | None, run: RunInfo) -> bool:
    """Tell whether a run is copied, and has not changed since."""
    return entry is not None and entry.state == "copied" and entry.mark == mark_of(run)


def status_of(mark: str) -> str:
    """Return the status that a mark tells of."""
    return str(_marked(mark, 0))


def started_of(mark: str) -> int | None:
    """Return the start that a mark tells of."""
    started = _marked(mark, 3)
    return started if isinstance(started, int) else None


def _marked(mark: str, place: int) -> object:
    try:
        return json.loads(mark)[place]
    except (ValueError, LookupError, TypeError):  # no mark, or one of another version
        return None


class Book(Protocol):
    """What a migration keeps its account in."""

    def find(self, project: str, run_id: str) -> Entry | None:
        """Return what is known of a run."""
        ...

    def save(self, entry: Entry) -> None:
        """Keep an entry."""
        ...

    def entries(self) -> Iterator[Entry]:
        """Yield all entries, by project and id."""
        ...


class Ledger:
    """A SQLite file; every change is on the disk when the call returns.

    Only one migration uses it at a time.
    """

    def __init__(self, path: Path, source: str, destination: str) -> None:
        """Open the ledger of one migration, or begin it.

        Raises:
            UsageError: Another migration uses it now.
            ConfigError: It belongs to another source or destination, or is no ledger.
        """
        self.path = path
        private_folder(path.parent)
        self._lock = threading.Lock()
        self._fd = platform.open_private(f"{path}.lock", os.O_RDWR)
        if platform.try_lock(self._fd) is False:
            os.close(self._fd)
            raise UsageError(f"expected to be the only one to use {path}, but another migration runs; wait for it")
        os.close(platform.open_private(path, os.O_RDWR))
        self._base = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._base.execute("PRAGMA synchronous = FULL")
            self._begin(source, destination)
        except BaseException as error:
            self.close()
            if isinstance(error, sqlite3.DatabaseError):
                raise ConfigError(f"expected the ledger of a migration at {path}: {error}") from error
            raise

    def _begin(self, source: str, destination: str) -> None:
        if not self._base.execute("SELECT 1 FROM sqlite_master WHERE name = 'about'").fetchone():
            insert = "INSERT INTO about VALUES"
            self._base.executescript(f"BEGIN;{_TABLES}COMMIT;")
            self._base.execute(f"{insert} (?, ?, ?)", (_VERSION, source, destination))
        held = self._base.execute("SELECT version, source, destination FROM about").fetchone()
        if held != (_VERSION, source, destination):
            raise ConfigError(
                f"expected the ledger of {source} to {destination} at {self.path}, got {held}; name another one"
            )

    def find(self, project: str, run_id: str) -> Entry | None:
        """Return what is known of a run."""
        query = "SELECT project, id, name, state, mark, entry FROM runs WHERE project = ? AND id = ?"
        with self._lock:
            row = self._base.execute(query, (_stored(project), _stored(run_id))).fetchone()
        return None if row is None else _entry(row)

    def save(self, entry: Entry) -> None:
        """Keep an entry."""
        progress = entry.progress
        held = {
            "position": dict(progress.position),
            "vendor_id": progress.vendor_id,
            "url": progress.url,
            "tally": progress.tally.document(),
            "error": entry.error,
            "seconds": entry.seconds,
            "checked": entry.checked,
        }
        names = map(_stored, (entry.project, entry.id, entry.name))
        row = (*names, entry.state, entry.mark, json.dumps(held))
        with self._lock:
            self._base.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, ?)", row)

    def entries(self) -> Iterator[Entry]:
        """Yield all entries, by project and id; memory holds some of them."""
        query = "SELECT project, id, name, state, mark, entry FROM runs WHERE (project, id) > (?, ?) ORDER BY project, id LIMIT 500"
        last: tuple[str | bytes, ...] = ("", "")
        while True:
            with self._lock:
                rows = self._base.execute(query, last).fetchall()
            if not rows:
                return
            yield from map(_entry, rows)
            last = rows[-1][:2]

    def close(self) -> None:
        """Close the file, and let others use it."""
        self._base.close()
        os.close(self._fd)


def _entry(row: tuple[Any, ...]) -> Entry:
    project, run_id, name = map(_read, row[:3])
    state, mark, text = row[3:]
    held = json.loads(text)
    tally = Tally.from_document(held["tally"])
    progress = Progress(held["position"], held["vendor_id"], held["url"], tally)
    later = held.get("seconds", 0.0), held.get("checked", False)  # what ledgers of earlier versions lack
    return Entry(project, run_id, name, state, mark, progress, held["error"], *later)


def _stored(name: str) -> str | bytes:
    """Return a name as SQLite takes it: one with half a surrogate pair in it, as bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return name.encode("utf-8", "surrogatepass")
    return name


def _read(stored: str | bytes) -> str:
    return stored.decode("utf-8", "surrogatepass") if isinstance(stored, bytes) else stored
