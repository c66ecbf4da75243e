"""`Beside`: whole records on their way to be kept: with the next row where one is due, else in a file of the run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tracklib.model.records import Console, Record, System
from tracklib_wandb.companions import by_writer, chunk_path, write_chunk
from tracklib_wandb.holder import Holder
from tracklib_wandb.ledger import Need

__all__ = ["Beside", "Waiting"]

_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0
"""Seconds that records wait for a row: long only while it is output and load that come, of which there is no end."""

_LARGE = 48 << 10
"""Bytes, beyond which records go into a file: W&B advises against large values."""


@dataclass(slots=True)
class Waiting:
    """Records that wait, and what tells that they are held."""

    records: list[Record] = field(default_factory=list)
    need: Need = field(default_factory=Need)
    since: float = field(default_factory=time.monotonic)


class Beside:
    """Keeps whole records.

    Args:
        show: Called with records that are kept, so that those that W&B shows in a stream of its own come once.
    """

    def __init__(self, holder: Holder, show: Callable[[list[Record]], None]) -> None:
        self._holder = holder
        self._show = show
        self._waiting = Waiting()
        self._wait = _FIRST_WAIT

    def take(self, record: Record) -> Need:
        """Take a record; return what tells whether it is held."""
        if not self._waiting.records:
            self._waiting = Waiting()
        self._waiting.records.append(record)
        return self._waiting.need

    def take_along(self) -> Waiting:
        """Return what the next row takes along; what is too much for it is kept in files at once."""
        if self._waiting.records and len(write_chunk(self._waiting.records)) > _LARGE:
            self.flush()
        return self._waiting

    def went(self, waiting: Waiting, sent: Need) -> None:
        """Note that a row took records along."""
        if waiting.records:
            self._waiting, self._wait = Waiting(), _FIRST_WAIT
            sent.also(waiting.need)
            self._show(waiting.records)

    def tick(self) -> None:
        """Keep what has waited for long enough for a row that did not come."""
        records = self._waiting.records
        if not records:
            return
        is_stream = all(isinstance(record.body, (Console, System)) for record in records)
        if time.monotonic() - self._waiting.since > (self._wait if is_stream else _FIRST_WAIT):
            self.flush()
            self._wait = min(_LONGEST_WAIT, self._wait * 2)

    def flush(self) -> None:
        """Keep what waits in files of the run, each for one writer."""
        waiting = self._waiting
        if not waiting.records:
            return
        for records in by_writer(waiting.records):
            self._holder.keep(chunk_path(records), write_chunk(records))
        self._waiting = Waiting()
        waiting.need.meet()
        self._show(waiting.records)
