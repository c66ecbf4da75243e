"""The snapshot: one moment of a bundle, and for a backup what came of it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tracklib.errors import RejectedError
from tracklib.model import members
from tracklib.model.codec import dumps, loads
from tracklib.portability.bundle.layout import MANIFESTS, SNAPSHOTS, VERSION, is_supported

__all__ = ["Snapshot", "stamp"]

_DIGEST = re.compile("[0-9a-f]{64}")


def stamp(time_ns: int) -> str:
    """Return a time as it stands in names, so that these sort by time: ``20261128T033318.123456789Z``."""
    seconds, nanoseconds = divmod(time_ns, 10**9)
    moment = dt.datetime.fromtimestamp(seconds, dt.timezone.utc)
    return f"{moment:%Y%m%dT%H%M%S}.{nanoseconds:09d}Z"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One moment of a bundle.

    Attributes:
        kind: ``backup``, of all that was asked for; ``fold``, which only gathers what was committed.
        time: When it was complete, in nanoseconds since the epoch.
        name: Its path.
        manifest: The SHA-256 of the list of runs.
        covers: The snapshots that its manifest includes.
        source: Of a backup: where it read.
        states: Of a backup: how many runs were copied, unchanged, ...
        failed: Of a backup: runs that are not, or not wholly, in the bundle, and why; the first thousand.
    """

    kind: str
    time: int
    name: str = ""
    manifest: str = ""
    runs: int = 0
    covers: Sequence[str] = ()
    source: str = ""
    states: Mapping[str, int] = field(default_factory=dict)
    failed: Sequence[Mapping[str, str]] = ()

    @classmethod
    def fold(cls) -> Snapshot:
        """Return one that only gathers what was committed."""
        return cls("fold", time.time_ns())

    @classmethod
    def backup(cls, source: str, states: Mapping[str, int], failed: Sequence[Mapping[str, str]]) -> Snapshot:
        """Return that of a backup which is complete now."""
        return cls("backup", time.time_ns(), source=source, states=dict(states), failed=tuple(failed))

    def of(self, manifest: str, runs: int, covers: Sequence[str]) -> Snapshot:
        """Return it with its manifest, and the name that follows from all of it."""
        made = dataclasses.replace(self, manifest=manifest, runs=runs, covers=tuple(covers))
        digest = hashlib.sha256(made.content()).hexdigest()
        return dataclasses.replace(made, name=f"{SNAPSHOTS}/{stamp(made.time)}-{digest[:16]}.json")

    @property
    def manifest_path(self) -> str:
        """Where its manifest lies."""
        return f"{MANIFESTS}/{self.manifest}.jsonl"

    def content(self) -> bytes:
        """Return it as the JSON of its file; the name ends in the beginning of this one's SHA-256."""
        held = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != "name"}
        held["covers"], held["failed"] = list(self.covers), [dict(item) for item in self.failed]
        return dumps({"version": VERSION, **held, "manifest_path": self.manifest_path}) + b"\n"

    @classmethod
    def from_bytes(cls, name: str, content: bytes) -> Snapshot:
        """Read a snapshot's file.

        Raises:
            RejectedError: It is damaged, or of a newer version.
        """
        if hashlib.sha256(content).hexdigest()[:16] != name.rpartition("-")[2].removesuffix(".json"):
            raise RejectedError("damaged: its checksum is another one")
        try:
            held = loads(content)
            if not is_supported(held["version"]):
                raise RejectedError(f"of version {held['version']!r}; install a newer tracklib to read it")
            return _snapshot(name, held)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RejectedError(f"expected a snapshot, got {type(error).__name__}: {error}") from error


def _snapshot(name: str, held: dict[str, Any]) -> Snapshot:
    manifest = members.text(held["manifest"])
    if _DIGEST.fullmatch(manifest) is None:
        raise ValueError(f"expected the SHA-256 of a manifest, got {manifest[:80]!r}")
    failed = [{key: members.text(word) for key, word in item.items()} for item in held["failed"]]
    states = {key: members.integer(count) for key, count in held["states"].items()}
    return Snapshot(
        members.text(held["kind"]),
        members.integer(held["time"]),
        name,
        manifest,
        members.integer(held["runs"]),
        members.texts(held["covers"]),
        members.text(held["source"]),
        states,
        failed,
    )
