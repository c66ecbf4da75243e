"""The choice: which runs of a source a migration is about."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tracklib.model.query import RunQuery
from tracklib.portability.labels import tags_of

if TYPE_CHECKING:
    from tracklib.backends.contract import Source
    from tracklib.model.run import RunInfo

__all__ = ["Choice"]


@dataclass(frozen=True, slots=True)
class Choice:
    """Conditions that all hold.

    Attributes:
        query: What a source can answer by itself.
        tags: Each is set on the run, to the value where one is given. A run's records are read to know its tags.
        limit: How many runs at most.
        every: Only each so-many-th run; 1 means all.
    """

    query: RunQuery = field(default_factory=RunQuery)
    tags: tuple[tuple[str, str | None], ...] = field(default=())
    limit: int | None = None
    every: int = 1

    def runs(self, source: Source) -> Iterator[RunInfo]:
        """Yield the runs that are meant."""
        found = (run for run in source.runs(self.query) if not self.tags or self._has_tags(source, run))
        yield from itertools.islice(itertools.islice(found, 0, None, self.every), self.limit)

    def _has_tags(self, source: Source, run: RunInfo) -> bool:
        if (held := tags_of(source, run)) is None:
            return True  # it is chosen, so that it is told
        return all(held.get(key) is not None and value in (None, held[key]) for key, value in self.tags)
