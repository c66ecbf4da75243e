"""The entry: what a manifest says of one run, on one line that is sealed with its own checksum."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

from tracklib.errors import RejectedError
from tracklib.journal.segment import seal, unseal
from tracklib.model import members
from tracklib.model.codec import dumps, metric_token
from tracklib.model.records import Position
from tracklib.model.run import RunInfo
from tracklib.portability.bundle.layout import VERSION, is_supported, run_folder
from tracklib.portability.tally import Tally
from tracklib.typing import JSON, Status

__all__ = ["Part", "RunEntry", "Table"]

Table = Literal["points", "records", "files"]
_TABLES = ("points", "records", "files")
_NAME = re.compile(r"(points|records|files)-[0-9]{12,19}-[0-9a-f]{16}\.parquet")
_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Part:
    """One Parquet file of a run.

    Attributes:
        path: Within the bundle.
        first: The number of the first record in it.
    """

    table: Table
    path: str
    first: int
    rows: int
    size: int
    sha256: str

    def document(self) -> dict[str, JSON]:
        """Return it as JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class RunEntry:
    """One run of a bundle.

    Attributes:
        generation: 1, and one more at each change; the highest holds.
        source: Where a backup took the run from; empty where it was copied otherwise.
        mark: What the source said of the run then; another one means that it changed since.
        position: Up to where each writer's records are held.
        parts: By table, and in the order of the records.
        tally: What was copied, and what was refused on the way.
        committed: When, in nanoseconds since the epoch.
    """

    run: RunInfo
    generation: int = 1
    source: str = ""
    mark: str = ""
    position: Position = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    tally: Tally = field(default_factory=Tally)
    committed: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """The project and the id."""
        return self.run.project, self.run.id

    def of(self, table: Table) -> list[Part]:
        """Return the parts of a table."""
        return [part for part in self.parts if part.table == table]

    def line(self) -> bytes:
        """Return it as a line of a manifest."""
        run = {name: getattr(self.run, name) for name in _RUN if getattr(self.run, name) is not None}
        run |= {name: metric_token(run[name]) for name in ("started", "ended") if name in run}
        own = {"generation": self.generation, "source": self.source, "mark": self.mark, "committed": self.committed}
        position = {writer: metric_token(seq) for writer, seq in self.position.items()}
        parts = [part.document() for part in self.parts]
        rest = {"tally": self.tally.document(), "position": position, "parts": parts}
        return seal(dumps({"version": VERSION, **run, **own, **rest}), 0)

    @classmethod
    def from_line(cls, line: bytes) -> RunEntry:
        """Read what `line` wrote.

        Raises:
            RejectedError: It is damaged, of a newer version, or names what lies elsewhere.
        """
        fields = unseal(line, 0)
        if fields is None:
            raise RejectedError("expected the entry of a run, got a line that is damaged")
        if not is_supported(fields.get("version")):
            raise RejectedError(
                f"{fields.get('project')}/{fields.get('id')} is in a format of version {fields.get('version')!r}; "
                "install a newer tracklib to read it"
            )
        try:
            return _entry(fields)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RejectedError(f"expected the entry of a run, got {type(error).__name__}: {error}") from error

    def is_news_to(self, old: RunEntry) -> bool:
        """Tell whether it says something that an older entry does not."""
        return replace(self, generation=0, committed=0) != replace(old, generation=0, committed=0)

    def at(self, **changes: Any) -> RunEntry:
        """Return the entry with changes."""
        return replace(self, **changes)


_RUN = ("project", "id", "name", "status", "started", "ended", "group", "job_type", "parent", "attempt")
_STATUSES = ("running", "finished", "failed", "killed", "crashed", "stale")


def _whole(value: object) -> int:
    """Return an integer, which is a text where it is beyond 64 bits."""
    return members.integer(members.number(value))


def _entry(tree: dict[str, Any]) -> RunEntry:
    run = _run(tree)
    folder = run_folder(run.project, run.id)
    held = tree["tally"]
    told = {name: _counts(held[name]) for name in ("changed", "refused")}
    tally = Tally.from_document({**held, **told, "damaged": _counts(held.get("damaged", {}))})
    return RunEntry(
        run,
        members.integer(tree["generation"]),
        members.text(tree["source"]),
        members.text(tree["mark"]),
        {writer: _whole(seq) for writer, seq in tree["position"].items()},
        tuple(_part(part, folder) for part in tree["parts"]),
        tally,
        members.integer(tree["committed"]),
    )


def _run(tree: dict[str, Any]) -> RunInfo:
    status = members.text(tree["status"])
    if status not in _STATUSES:
        raise ValueError(f"expected a status, got {status[:40]!r}")
    return RunInfo(
        members.text(tree["project"]),
        members.text(tree["id"]),
        members.text(tree["name"]),
        cast("Status", status),
        _whole(tree["started"]),
        None if tree.get("ended") is None else _whole(tree["ended"]),
        members.maybe(str, tree.get("group")),
        members.maybe(str, tree.get("job_type")),
        members.maybe(str, tree.get("parent")),
        members.integer(tree["attempt"]),
    )


def _counts(held: dict[str, Any]) -> Counter[str]:
    return Counter({key: members.integer(count) for key, count in held.items()})


def _part(held: dict[str, Any], folder: str) -> Part:
    """Return a part; its path is none but the one that this run's part has, so that it leads nowhere else."""
    path, table = members.text(held["path"]), held["table"]
    parent, _, name = path.rpartition("/")
    if table not in _TABLES or parent != folder or _NAME.fullmatch(name) is None or not name.startswith(table):
        raise ValueError(f"expected a part of the run below {folder}, got {path[:200]!r}")
    digest = members.text(held["sha256"])
    if _DIGEST.fullmatch(digest) is None or digest[:16] != name[-24:-8]:
        raise ValueError(f"expected the SHA-256 of {path}, got {digest[:80]!r}")
    first, rows, size = (members.integer(held[key]) for key in ("first", "rows", "size"))
    return Part(table, path, first, rows, size, digest)
