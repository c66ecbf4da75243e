"""`Leftovers`: what is logged in rows and is neither a number nor media, kept in tables, a key's values together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tracklib.model.media import TableData, write_table
from tracklib.model.records import Media
from tracklib.typing import Step
from tracklib_wandb.contents import Contents

__all__ = ["Leftovers"]

_MAX_VALUES = 10_000
_MAX_CHARS = 4_000_000


class Leftovers:
    """Texts, lists, nulls, ... of the history: tracklib's metrics are numbers.

    A key's values become a table of ``step``, ``time`` (nanoseconds since the epoch) and ``value``, at the step of the
    last of them; a new one is begun before memory grows.
    """

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._rows: dict[str, list[tuple[Step, int, Any]]] = {}
        self._values = 0
        self._chars = 0

    def add(self, key: str, step: Step, when: int, value: Any) -> None:
        """Take in a value."""
        self._rows.setdefault(key, []).append((step, when, value))
        self._values += 1
        self._chars += len(value) if isinstance(value, str) else 16

    @property
    def is_full(self) -> bool:
        """Whether it is time to write."""
        return self._values >= _MAX_VALUES or self._chars >= _MAX_CHARS

    def written(self) -> Iterator[tuple[int, Media]]:
        """Yield the tables so far, and begin anew."""
        rows, self._rows, self._values, self._chars = self._rows, {}, 0, 0
        for key, values in rows.items():
            step, when, _ = values[-1]
            content = write_table(TableData(("step", "time", "value"), tuple(values)))
            file = self._contents.made(content, "table.json")
            yield (
                when,
                Media(key, step, "table", file, {"wandb": {"history": "values that are no numbers"}}, None, (), when),
            )
