"""The catalog: which runs a bundle holds, and how that list grows without ever being half written.

A run is taken in by one small file in ``commits/``. From time to time all of them are folded: a manifest with a line
for every run is written, then a snapshot that names it, and the commits in it go. A reader takes the newest snapshot,
any other that the newest does not cover (two machines may have folded at once), and the commits; of one run the
highest generation holds. So whatever is interrupted, at any point, nothing is lost and nothing is seen twice.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tracklib.errors import ConfigError, RejectedError
from tracklib.journal.segment import unseal
from tracklib.model.codec import loads
from tracklib.model.lines import lines_of
from tracklib.model.run import RunInfo
from tracklib.portability.bundle.entry import RunEntry
from tracklib.portability.bundle.layout import ABOUT, COMMITS, MANIFESTS, SNAPSHOTS, VERSION, is_supported
from tracklib.portability.bundle.snapshots import Snapshot, stamp
from tracklib.portability.bundle.store import Held, Store, digest_of

__all__ = ["Catalog"]

_FOLD_AT = 500
"""Commits of one process that are folded at the latest."""


@dataclass(frozen=True, slots=True)
class _Line:
    generation: int
    line: bytes


class Catalog:
    """The runs of a bundle.

    Attributes:
        store: Where it lies.
        damage: What of the list could not be believed, in words.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.damage: dict[str, str] = {}
        self._lines: dict[tuple[str, str], _Line] = {}
        self._snapshots: set[str] = set()
        self._commits: set[str] = set()
        self._own = 0
        self._lock = threading.RLock()

    def refresh(self) -> None:
        """Read what is new.

        Raises:
            ConfigError: There is no bundle, or one of a newer major version.
        """
        with self._lock:
            self._check_about()
            for _ in range(8):
                # Commits first: what is folded between the two lists is seen in the snapshot then.
                commits = sorted(held.path for held in self.store.list(COMMITS) if held.path.endswith(".json"))
                self._read_snapshots()
                gone = [path for path in commits if path not in self._commits and not self._read_commit(path)]
                if not gone:
                    return
            raise RejectedError("the list of runs changes faster than it can be read; try again")

    def exists(self) -> bool:
        """Tell whether there is a bundle."""
        return self.store.size(ABOUT) is not None

    def create(self) -> None:
        """Make the bundle, where it is not there."""
        if not self.exists():
            about = {"format": "tracklib bundle", "version": VERSION}
            self.store.write(ABOUT, json.dumps(about, indent=1).encode() + b"\n")

    def _check_about(self) -> None:
        try:
            about = loads(self.store.read(ABOUT))
        except FileNotFoundError:
            raise ConfigError(f"expected a bundle at {self.store}, got nothing") from None
        except ValueError as error:
            raise ConfigError(f"expected {ABOUT} of a bundle at {self.store}, got no JSON: {error}") from error
        if not isinstance(about, dict) or about.get("format") != "tracklib bundle":
            raise ConfigError(f"expected {ABOUT} of a bundle at {self.store}, got another document")
        if not is_supported(about.get("version")):
            raise ConfigError(
                f"expected a bundle of version {VERSION} at {self.store}, got {about.get('version')!r}; "
                "install a newer tracklib to read it"
            )

    def _read_snapshots(self) -> None:
        """Take in every snapshot that none covers that was read; the newest mostly covers all."""
        names = [held.path for held in self.store.list(SNAPSHOTS) if held.path.endswith(".json")]
        for name in sorted(names, reverse=True):
            if name in self._snapshots:
                continue
            snapshot = self._snapshot(name)
            if snapshot is None:
                continue
            if self._read_manifest(snapshot):
                self._snapshots.update(snapshot.covers)
            self._snapshots.add(name)

    def _snapshot(self, name: str) -> Snapshot | None:
        try:
            return Snapshot.from_bytes(name, self.store.read(name))
        except FileNotFoundError:  # removed meanwhile
            return None
        except RejectedError as error:
            self.damage[name] = str(error)
            return None

    def _read_manifest(self, snapshot: Snapshot) -> bool:
        """Take in the lines of a manifest; of one that is damaged, those that are whole."""
        path = snapshot.manifest_path
        try:
            with self.store.local(path) as place, place.open("rb") as file:
                digest, _ = digest_of(place)
                for line in lines_of(file):
                    self._take(line, path)
        except FileNotFoundError:
            self.damage[path] = f"missing, though {snapshot.name} names it"
            return False
        if digest != snapshot.manifest:
            self.damage[path] = "altered: its checksum is another one"
            return False
        return True

    def _read_commit(self, path: str) -> bool:
        """Take in a commit; return False where it is gone, because it was folded meanwhile."""
        try:
            line = self.store.read(path)
        except FileNotFoundError:
            return False
        except RejectedError as error:
            self.damage[path] = str(error)
            return True
        if self._take(line, path):
            self._commits.add(path)
        return True

    def _take(self, line: bytes, where: str) -> bool:
        """Take in a run's line, where it is newer than the one that is held; return False where it is damaged."""
        fields = unseal(line, 0)
        if fields is None:
            self.damage[where] = "damaged: a line does not have its own checksum"
            return False
        key, generation = (fields.get("project"), fields.get("id")), fields.get("generation")
        if not isinstance(key[0], str) or not isinstance(key[1], str) or type(generation) is not int:
            self.damage[where] = "expected the entries of runs, got something else"
            return False
        held = self._lines.get(key)  # type: ignore[arg-type]  # both are texts by now
        if held is None or (held.generation, held.line) < (generation, line):
            self._lines[key] = _Line(generation, line)  # type: ignore[index]  # both are texts by now
        return True

    def names(self) -> list[tuple[str, str]]:
        """Return the project and id of each run, in order."""
        with self._lock:
            return sorted(self._lines)

    def find(self, project: str, run_id: str) -> RunEntry | None:
        """Return the entry of a run.

        Raises:
            RejectedError: It is of a newer version, or not to be believed.
        """
        held = self._lines.get((project, run_id))
        return None if held is None else RunEntry.from_line(held.line)

    def stub(self, project: str, run_id: str) -> RunInfo:
        """Return who a run is whose entry is not to be believed."""
        fields = unseal(self._lines[project, run_id].line, 0) or {}
        name = fields.get("name")
        return RunInfo(project, run_id, name if isinstance(name, str) else run_id)

    def entries(self) -> Iterator[RunEntry]:
        """Yield the entries of all runs, in order; those that are not to be believed are told in ``damage``."""
        for project, run_id in self.names():
            try:
                entry = self.find(project, run_id)
            except RejectedError as error:
                self.damage[f"{project}/{run_id}"] = str(error)
                continue
            if entry is not None:
                yield entry

    def commit(self, entry: RunEntry) -> None:
        """Take a run in, in one stroke."""
        line = entry.line()
        path = f"{COMMITS}/{stamp(time.time_ns())}-{hashlib.sha256(line).hexdigest()[:16]}.json"
        with self._lock:
            self.store.write(path, line)
            self._take(line, path)
            self._commits.add(path)
            self._own += 1
            if self._own >= _FOLD_AT:
                self.fold(Snapshot.fold())

    def fold(self, snapshot: Snapshot) -> Snapshot:
        """Write a manifest of all runs and the snapshot that names it; return that one."""
        with self._lock:
            commits = set(self._commits)
            digest, runs = self._write_manifest()
            there = {held.path for held in self.store.list(SNAPSHOTS)}
            made = snapshot.of(digest, runs, sorted(self._snapshots & there))
            self.store.write(made.name, made.content())
            for path in commits:
                self.store.remove(path)
            self._commits -= commits
            self._snapshots.add(made.name)
            self._own = 0
            return made

    def _write_manifest(self) -> tuple[str, int]:
        fd, name = tempfile.mkstemp(prefix="tracklib-manifest-")
        try:
            digest, keys = hashlib.sha256(), self.names()
            with os.fdopen(fd, "wb") as file:
                for key in keys:
                    line = self._lines[key].line
                    file.write(line)
                    digest.update(line)
            path = f"{MANIFESTS}/{digest.hexdigest()}.jsonl"
            if self.store.size(path) != os.path.getsize(name):
                self.store.upload(Path(name), path)
            return digest.hexdigest(), len(keys)
        finally:
            os.unlink(name)

    def snapshots(self) -> Iterator[Snapshot]:
        """Yield all snapshots, newest first; one that is damaged is told in ``damage``."""
        names = sorted((h.path for h in self.store.list(SNAPSHOTS) if h.path.endswith(".json")), reverse=True)
        for name in names:
            if (snapshot := self._snapshot(name)) is not None:
                yield snapshot

    def lines_of(self, snapshot: Snapshot) -> Iterator[bytes]:
        """Yield the lines of a snapshot's manifest."""
        with self.store.local(snapshot.manifest_path) as place, place.open("rb") as file:
            yield from lines_of(file)

    def commits(self) -> list[Held]:
        """Return the commits that no manifest holds yet."""
        return [held for held in self.store.list(COMMITS) if held.path.endswith(".json")]
