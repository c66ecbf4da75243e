"""The ledger: what has to be held at W&B before a record is, and up to where each writer's records are."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from tracklib.model.records import Position, Record

__all__ = ["Ledger", "Need"]


class Need:
    """Something that W&B has to hold: a row, or a state of the config."""

    __slots__ = ("_is_met", "_others")

    def __init__(self) -> None:
        self._is_met = False
        self._others: list[Need] = []

    @property
    def is_met(self) -> bool:
        """Whether it is held."""
        return self._is_met

    def meet(self) -> None:
        """Note that it is held."""
        self._is_met = True
        for other in self._others:
            other.meet()

    def also(self, other: Need) -> None:
        """Note that with this the other is held, too."""
        if self._is_met:
            other.meet()
        else:
            self._others.append(other)


class Ledger:
    """Knows, for each writer, which records were taken and which are held."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}
        self._held: dict[str, int] = {}
        self._open: dict[str, deque[tuple[int, tuple[Need, ...]]]] = {}

    def is_taken(self, record: Record) -> bool:
        """Tell whether a record was taken before, by this process."""
        return record.seq <= self._taken.get(record.writer, 0)

    def add(self, record: Record, needs: Iterable[Need]) -> None:
        """Note a record that was taken, and what has to be held for it."""
        self._taken[record.writer] = record.seq
        self._open.setdefault(record.writer, deque()).append((record.seq, tuple(needs)))

    @property
    def is_settled(self) -> bool:
        """Whether everything that was taken is held."""
        self.position()
        return not any(self._open.values())

    def position(self) -> Position:
        """Return up to where all records of each writer are held."""
        for writer, waiting in self._open.items():
            while waiting and all(need.is_met for need in waiting[0][1]):
                self._held[writer] = waiting.popleft()[0]
        return dict(self._held)
