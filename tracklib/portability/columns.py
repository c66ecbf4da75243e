"""Columns: the points of a side compared by numpy, thousands at a time, where both sides give them so.

A point is hashed to twice 64 bits by three rounds of a secret start, an addition and the finalizer of splitmix64; each
bucket of a metric keeps the sums of the halves of these hashes. Nobody knows the secrets, so two different multisets have
equal sums by chance alone, about once in 2**128.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np

from tracklib.errors import RejectedError
from tracklib.model import members
from tracklib.model.codec import loads
from tracklib.portability.fingerprint import Buckets, bucket_of
from tracklib.portability.side import Drawing, Side, Wanted
from tracklib.portability.surplus import Surplus
from tracklib.typing import Number, Step

if TYPE_CHECKING:
    import numpy.typing as npt
    from pyarrow import RecordBatch  # type: ignore[import-untyped]  # pyarrow has no types

    Words: TypeAlias = npt.NDArray[np.uint64]
    Indices: TypeAlias = npt.NDArray[np.intp]

__all__ = ["ColumnSide"]

_BUCKETS = 16
_ROWS = 1 << 20  # sums of so many halves of 32 bits are exact in a double
_STARTS = [[np.uint64(secrets.randbits(64)) for _ in range(3)] for _ in range(2)]
_NAN = np.float64("nan").view(np.uint64)

Point: TypeAlias = "tuple[str, Step, int, Number]"


class ColumnSide(Side):
    """A side whose points come as columns.

    Points that no column holds exactly are taken one by one, into buckets of their own.

    Attributes:
        sums: Of the hashes of each bucket of each metric.
    """

    def __init__(self, batches: Callable[[], Iterator[RecordBatch]], codes: dict[str, int], **more: Any) -> None:
        """Prepare to read a run.

        Args:
            codes: The numbers of metrics, which both sides share.
            more: As for `Side`, which reads what is no point.
        """
        super().__init__(**more)
        self._batches = batches
        self._codes = codes
        self.sums: Words = np.zeros((0, 4), np.uint64)

    def scan(self) -> None:
        """Read the run, and keep its state and its fingerprints."""
        super().scan()
        counts: Indices = np.zeros(0, np.intp)
        for rows in self._rows():
            counts = _longer(counts, len(self._codes))
            counts += np.bincount(rows.metrics, minlength=len(counts))
            self._add(rows)
            for key, step, time, value in rows.points(rows.odd):
                self.counts[key] += 1
                self.points.add({key: value}, step, time, bucket_of(step))
        for key, code in self._codes.items():
            if code < len(counts) and counts[code]:
                self.counts[key] += int(counts[code])

    def _add(self, rows: _Rows) -> None:
        self.sums = _longer(self.sums, len(self._codes) * _BUCKETS)
        groups, places = np.unique(rows.groups, return_inverse=True)
        for lane, hashes in enumerate(rows.hashes):
            for half, bits in enumerate((hashes & np.uint64(0xFFFFFFFF), hashes >> np.uint64(32))):
                sums = np.bincount(places, bits.astype(np.float64), len(groups))
                self.sums[groups, 2 * lane + half] += sums.astype(np.uint64)

    def differing(self, other: Side) -> Buckets:
        """Return where the points of two sides differ."""
        assert isinstance(other, ColumnSide)
        size = len(self._codes) * _BUCKETS
        ours, theirs = (_longer(side.sums, size)[:size] for side in (self, other))
        names = list(self._codes)
        found: Buckets = {}
        for group in np.flatnonzero((ours != theirs).any(axis=1)).tolist():
            found.setdefault(names[group // _BUCKETS], set()).add(group % _BUCKETS)
        for key, buckets in super().differing(other).items():
            found.setdefault(key, set()).update(_BUCKETS + bucket for bucket in buckets)
        return found

    def _spill(self, wanted: Wanted, surplus: Surplus, sign: int, drawing: Drawing) -> None:
        if wanted.system or wanted.console:
            super()._spill(wanted, surplus, sign, drawing)
        groups: npt.NDArray[np.bool_] = np.zeros(len(self._codes) * _BUCKETS, np.bool_)
        for key, buckets in wanted.points.items():
            if key in self._codes:
                groups[[self._codes[key] * _BUCKETS + bucket for bucket in buckets if bucket < _BUCKETS]] = True
        for rows in self._rows():
            for key in drawing.points:
                held = rows.of(key)
                for _, step, _, value in rows.points(held[drawing.chosen(key, len(held))]):
                    drawing.points[key].append((step, value))
            for key, step, time, value in rows.points(rows.plain[groups[rows.groups]]):
                surplus.add_point(key, step, time, value, sign)
            for key, step, time, value in rows.points(rows.odd):
                if _BUCKETS + bucket_of(step) in wanted.points.get(key, ()):
                    surplus.add_point(key, step, time, value, sign)

    def _rows(self) -> Iterator[_Rows]:
        for batch in self._batches():
            for start in range(0, len(batch), _ROWS):
                yield _Rows(batch.slice(start, _ROWS), self._codes)


class _Rows:
    """A batch, as numpy sees it.

    Attributes:
        plain: The rows that the columns hold exactly.
        odd: All others.
        metrics: The number of each plain row's metric.
        groups: The number of its metric and bucket.
        hashes: Twice 64 bits for each of them.
    """

    def __init__(self, batch: RecordBatch, codes: dict[str, int]) -> None:
        self._texts = _texts(batch.column("exact"))
        self._columns = {name: _array(batch.column(name).cast("double"), np.float64) for name in ("step", "value")}
        self._columns["time"] = _array(batch.column("time").view("int64"), np.int64)
        for name in ("step_int", "value_int"):
            self._columns[name] = _array(batch.column(name).cast("uint8"), np.uint8)
        self._names, self._local = _words(batch.column("metric"))
        self.odd: Indices = np.array([*self._texts], np.intp)
        self.plain: Indices = np.delete(np.arange(len(batch)), self.odd)
        numbers = np.array([codes.setdefault(name, len(codes)) for name in self._names], np.intp)
        self.metrics: Indices = numbers[self._local[self.plain]]
        steps, values = self._bits("step"), self._bits("value")
        first = [_mixed(steps ^ start[0]) for start in _STARTS]
        self.groups: Indices = self.metrics * _BUCKETS + (first[0] >> np.uint64(60)).astype(np.intp)
        times = self._columns["time"][self.plain].view(np.uint64)
        self.hashes = [
            _mixed(values ^ (start[2] + _mixed(times ^ (start[1] + hashed))))
            for start, hashed in zip(_STARTS, first, strict=True)
        ]

    def _bits(self, name: str) -> Words:
        """Return the bits of doubles, those of every NaN being the same."""
        numbers = self._columns[name][self.plain]
        bits = cast("Words", numbers.view(np.uint64))
        missing = np.isnan(numbers)
        return np.where(missing, _NAN, bits) if missing.any() else bits

    def of(self, key: str) -> Indices:
        """Return the rows of a metric, in their order."""
        plain = self.plain[self._local[self.plain] == self._names.index(key)] if key in self._names else self.plain[:0]
        return np.sort(np.concatenate([plain, [row for row in self.odd.tolist() if self._key(row) == key]])).astype(int)

    def points(self, rows: Indices) -> Iterator[Point]:
        """Yield the points of some rows."""
        return map(self._point, rows.tolist())

    def _key(self, row: int) -> str:
        texts = self._texts.get(row, _NOTHING)
        return members.text(texts["metric"]) if "metric" in texts else self._names[self._local[row]]

    def _point(self, row: int) -> Point:
        texts = self._texts.get(row, _NOTHING)
        step, value = (self._number(name, row, texts) for name in ("step", "value"))
        time = members.number(texts["time"]) if "time" in texts else int(self._columns["time"][row])
        return self._key(row), step, members.integer(time), value

    def _number(self, name: str, row: int, texts: Mapping[str, Any]) -> Number:
        if name in texts:
            return members.number(texts[name])
        number = float(self._columns[name][row])
        return int(number) if self._columns[f"{name}_int"][row] else number


_NOTHING: Mapping[str, Any] = {}


def _words(column: Any) -> tuple[list[str], Indices]:
    """Return the words of a column, and which one stands in each row."""
    words = column if hasattr(column, "dictionary") else column.dictionary_encode()
    return words.dictionary.to_pylist(), _array(words.indices.cast("int64"), np.int64)


def _array(column: Any, kind: Any) -> npt.NDArray[Any]:
    """Return a column of a fixed width; zeros stand for nulls.

    By its buffer: Arrow's own way to numpy would import pandas, which takes longer than many a comparison.
    """
    if not len(column):
        return np.zeros(0, kind)
    filled = column.fill_null(0) if column.null_count else column
    return np.frombuffer(filled.buffers()[1], kind, len(filled), filled.offset * np.dtype(kind).itemsize)


def _texts(column: Any) -> dict[int, Mapping[str, Any]]:
    """Return what ``exact`` says of a point, by row; what it says of the record alone is left out."""
    if column.null_count == len(column):
        return {}
    found: dict[int, Mapping[str, Any]] = {}
    for row in np.flatnonzero(_array(column.is_valid().cast("uint8"), np.uint8)).tolist():
        try:
            texts = {key: text for key, text in loads(column[row].as_py().encode()).items() if key in _OF_POINTS}
        except (ValueError, AttributeError) as error:
            raise RejectedError(f"expected an object of texts as exact, got {column[row].as_py()[:100]!r}") from error
        if texts:
            found[row] = texts
    return found


_OF_POINTS = frozenset({"metric", "step", "value", "time"})


def _mixed(words: Words) -> Words:
    """Return the finalizer of splitmix64 (Steele, Lea and Flood, 2014) of each word."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return cast("Words", words ^ (words >> np.uint64(31)))


def _longer(held: Any, size: int) -> Any:
    """Return an array with zeros behind it, twice as long where it must grow."""
    if len(held) >= size:
        return held
    return np.concatenate([held, np.zeros((max(size, 2 * len(held)) - len(held), *held.shape[1:]), held.dtype)])
