"""The envelope: a series of any length in a bounded number of buckets, none of its extremes lost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from tracklib.typing import Number

__all__ = ["Bucket", "Envelope", "drawable", "fraction"]

_LARGEST = 1.7976931348623157e308


def drawable(value: Number) -> float:
    """Return a value as a float; an integer beyond all floats becomes the largest one."""
    try:
        return float(value)
    except OverflowError:
        return math.copysign(_LARGEST, 1 if value > 0 else -1)


def fraction(value: float, low: float, high: float) -> float:
    """Return where a value lies between two others, from 0 to 1; the middle where these are one."""
    if high <= low:
        return 0.5
    # Halved first: the distance of two floats may be beyond all floats.
    return min(1.0, max(0.0, (value / 2 - low / 2) / (high / 2 - low / 2)))


@dataclass(slots=True)
class Bucket:
    """Values that were met one after another.

    Attributes:
        low, high: Of the finite ones.
        total: Their sum.
        finite, others: How many are finite, and how many are NaN or infinite.
    """

    low: float = math.inf
    high: float = -math.inf
    total: float = 0.0
    finite: int = 0
    others: int = 0

    def add(self, value: float) -> None:
        """Take in a value."""
        if value - value != 0.0:  # NaN and the infinities
            self.others += 1
            return
        self.low = min(self.low, value)
        self.high = max(self.high, value)
        self.total += value
        self.finite += 1

    def merge(self, other: Bucket) -> None:
        """Take in all values of another bucket."""
        self.low = min(self.low, other.low)
        self.high = max(self.high, other.high)
        self.total += other.total
        self.finite += other.finite
        self.others += other.others

    @property
    def count(self) -> int:
        """How many values it holds."""
        return self.finite + self.others

    @property
    def mean(self) -> float:
        """The mean of the finite values, NaN where there are none; inside its bounds though the sum overflowed."""
        if not self.finite:
            return math.nan
        return min(self.high, max(self.low, self.total / self.finite))


def merged(buckets: Sequence[Bucket]) -> Bucket:
    """Return one bucket for several."""
    whole = Bucket()
    for bucket in buckets:
        whole.merge(bucket)
    return whole


@dataclass(slots=True)
class Envelope:
    """Values in the order in which they came; two buckets become one where there would be too many.

    Attributes:
        capacity: The most buckets that are kept; even.
    """

    capacity: int = 512
    buckets: list[Bucket] = field(default_factory=list)
    _span: int = 1

    def add(self, value: float) -> None:
        """Take in a value."""
        buckets = self.buckets
        if not buckets or buckets[-1].count >= self._span:
            if len(buckets) >= self.capacity:
                self._halve()
            buckets.append(Bucket())
        buckets[-1].add(value)

    def _halve(self) -> None:
        pairs = zip(self.buckets[::2], self.buckets[1::2], strict=True)
        self.buckets[:] = [merged(pair) for pair in pairs]
        self._span *= 2

    def resample(self, width: int) -> list[Bucket]:
        """Return at most ``width`` buckets."""
        count = len(self.buckets)
        if count <= width:
            return list(self.buckets)
        return [merged(self.buckets[i * count // width : (i + 1) * count // width]) for i in range(width)]
