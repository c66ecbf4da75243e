"""`Surplus`: what one side of a comparison has and the other has not."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import NamedTuple, TypeAlias

from typing_extensions import Self

from tracklib.portability.fingerprint import bits
from tracklib.typing import Number, Step

__all__ = ["Item", "Surplus"]

_TABLE = """
CREATE TABLE item (what INTEGER, name INTEGER, sort REAL, step, time, value, shown_step TEXT, shown TEXT, sign INTEGER)
"""
_LEFT = """
SELECT name, sort, step, time, value, shown_step, shown, SUM(sign) AS many, MIN(rowid) AS first FROM item
WHERE what = :what GROUP BY name, sort, step, time, value
HAVING (:sign = 0 AND many <> 0) OR many * :sign > 0 ORDER BY name, sort, step, time, first
"""
_POINT, _SAMPLE, _LINE = range(3)
_LIMIT = 1e308
_AT_ONCE = 10_000

_Row: TypeAlias = "tuple[int, int, float, int | str, int | str, int | str | bytes, str, str, int]"


class Item(NamedTuple):
    """Something that one side has more often than the other.

    Attributes:
        key: The metric, system metric or stream.
        step, shown: As text.
        same_step, same_value: Equal for equal steps and values alone.
        many: How often more the left side has it, or the negative of how often more the right side has it.
    """

    key: str
    step: str
    time: int
    shown: str
    same_step: object
    same_value: object
    many: int


class Surplus:
    """A temporary SQLite file, held in memory as long as it is small: both sides are put in, and what is left is asked.

    Attributes:
        names: Metrics in the order in which they are told.
    """

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._names = {name: number for number, name in enumerate(names)}
        self._rows: list[_Row] = []
        self._base = sqlite3.connect("", isolation_level=None)
        self._base.execute("PRAGMA journal_mode = OFF")
        self._base.execute(_TABLE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._base.close()

    def add_point(self, key: str, step: Step, time: int, value: Number, sign: int) -> None:
        """Put in a point."""
        sort = float(max(-_LIMIT, min(step, _LIMIT)))
        self._add((_POINT, self._name(key), sort, _same(step), _time(time), _same(value), str(step), repr(value), sign))

    def add_sample(self, key: str, time: int, value: Number, sign: int) -> None:
        """Put in a sample of a system metric."""
        self._add((_SAMPLE, self._name(key), 0.0, 0, _time(time), _same(value), "", repr(value), sign))

    def add_line(self, stream: str, text: str, sign: int) -> None:
        """Put in a printed line."""
        self._add((_LINE, self._name(stream), 0.0, 0, 0, text.encode("utf-8", "surrogatepass"), "", "", sign))

    def points(self) -> Iterator[Item]:
        """Yield the points that are left, by metric, step and time."""
        return self._left(_POINT, 0)

    def samples(self, sign: int) -> Iterator[Item]:
        """Yield the samples that are left on one side."""
        return self._left(_SAMPLE, sign)

    def lines(self, sign: int) -> Iterator[Item]:
        """Yield the lines that are left on one side."""
        return self._left(_LINE, sign)

    def _name(self, name: str) -> int:
        return self._names.setdefault(name, len(self._names))

    def _add(self, row: _Row) -> None:
        self._rows.append(row)
        if len(self._rows) >= _AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        self._base.execute("BEGIN")
        self._base.executemany("INSERT INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", self._rows)
        self._base.execute("COMMIT")
        self._rows.clear()

    def _left(self, what: int, sign: int) -> Iterator[Item]:
        self._flush()
        names = list(self._names)
        for row in self._base.execute(_LEFT, {"what": what, "sign": sign}):
            name, sort, step, time, value, shown_step, shown, many, _ = row
            text = value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else shown
            yield Item(names[name], shown_step, int(time), text, (sort, step), value, many)


def _same(number: Number) -> int | str:
    """Return what is equal for equal numbers alone, as SQLite can hold it."""
    pattern = bits(number)
    return pattern - 2**63 if pattern < 2**64 else hex(pattern)


def _time(time: int) -> int | str:
    return time if -(2**63) <= time < 2**63 else str(time)
