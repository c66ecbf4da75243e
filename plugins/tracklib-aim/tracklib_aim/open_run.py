"""`OpenRun`: a run of Aim's, open for writing: locked, its databases open, its columns at hand.

Aim's own ``Run`` is not used: it can neither take an id of ours nor the time of a run's start, sets the time of the end
to that of closing, samples the machine and reports in threads of its own.
"""

from __future__ import annotations

from tracklib.errors import TransientError
from tracklib.model.run import RunInfo
from tracklib_aim.border import border
from tracklib_aim.database import Database, Operation, put
from tracklib_aim.identity import KEY, Identity, clean, run_hash
from tracklib_aim.repository import Properties, Repository

__all__ = ["OpenRun"]

_PATIENCE = 10
"""Seconds that the end of a run waits for the index."""


class OpenRun:
    """A run that this process writes.

    Attributes:
        hash: Aim's id of it.
        meta, seqs: Its databases.
        identity: Who it is, as last written.
    """

    def __init__(self, repository: Repository, info: RunInfo) -> None:
        self.repository = repository
        self.hash = run_hash(info.project, info.id)
        self._has_replaced = True  # by whoever had it before
        repository.lock(self.hash)
        try:
            self.meta: Database = repository.database("meta", self.hash, writes=True)
            self.seqs: Database = repository.database("seqs", self.hash, writes=True)
            self.properties: Properties = repository.properties(self.hash, info.started)
            with border("reading the run"):
                held = Identity.within(self.meta.get((*self.attributes, KEY)))
            self.identity = held or Identity.of(info)
            if held is None:
                self._begin_without_tags()
                self.write_identity(self.identity, first=True)
        except BaseException:
            repository.unlock(self.hash)
            raise

    def _begin_without_tags(self) -> None:
        """Take off the tags of a deleted run: Aim leaves them to whichever run gets its number in SQLite (3.29)."""
        for word in self.properties.get("tags") or []:
            self.properties.remove_tag(word)

    @property
    def chunk(self) -> tuple[str, ...]:
        """Return where the run's own part of ``meta`` is."""
        return ("meta", "chunks", self.hash)

    @property
    def attributes(self) -> tuple[str, ...]:
        """Return where the run's params are."""
        return (*self.chunk, "attrs")

    def write_identity(self, identity: Identity, *, first: bool = False) -> None:
        """Write who the run is and how it stands; the columns first, as what comes last says that all is there."""
        before = self.identity
        if first or identity.project != before.project:
            self.properties.set("experiment", clean(identity.project) or None)
        if first or identity.name != before.name:
            self.properties.set("name", clean(identity.name or identity.id))
        roots = (self.attributes, ("meta", "attrs"))  # the second is what Aim's pages propose to who types a query
        shown = [put((*root, KEY, key), value) for root in roots for key, value in identity.tree().items()]
        with border("writing the run's identity"):
            self.meta.write([put((*self.chunk, "end_time"), identity.end_time), *shown])
        self.identity = identity

    def write(self, meta: list[Operation], seqs: list[Operation], doing: str) -> None:
        """Write to both databases; first the data, then what says that it is there."""
        with border(doing):
            self.seqs.write(seqs)
            self.meta.write(meta)
        self._has_replaced |= any(operation.kind == "replace" for operation in meta)

    def index(self) -> bool:
        """Make the run visible; return whether the index could be had.

        A run that is over waits for its turn, as nobody comes back to it: relays of other roots write this index too.
        """
        patience = _PATIENCE if self.identity.is_over else 0
        try:
            self.repository.index(self.meta, self.attributes if self._has_replaced else (), patience=patience)
        except TransientError:
            return False
        self._has_replaced = False
        return True

    def close(self) -> None:
        """Let go of the run."""
        del self.meta, self.seqs, self.properties
        self.repository.unlock(self.hash)
