"""Sparklines: a series in one line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tracklib.cli.envelope import Bucket, Envelope, fraction

__all__ = ["sparkline"]

_BLOCKS = "▁▂▃▄▅▆▇█"
_ASCII = "_.-=+*%#"
_NOT_A_NUMBER = "x"


def sparkline(series: Envelope, width: int, *, ascii_only: bool = False) -> str:
    """Return a line of at most ``width`` characters, one for each stretch of the series.

    A stretch shows that one of its extremes which stands out more from the stretches beside it, so that a single
    spike among a million points is seen. One that holds no finite value is an ``x``.
    """
    buckets = series.resample(width)
    values = [_outstanding(buckets, index) for index in range(len(buckets))]
    finite = [value for value in values if not math.isnan(value)]
    levels = _ASCII if ascii_only else _BLOCKS
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    return "".join(_NOT_A_NUMBER if math.isnan(v) else levels[_level(v, low, high)] for v in values)


def _level(value: float, low: float, high: float) -> int:
    return 3 if low == high else round(fraction(value, low, high) * 7)


def _outstanding(buckets: Sequence[Bucket], index: int) -> float:
    bucket = buckets[index]
    if not bucket.finite:
        return math.nan
    beside = [b.mean for b in (*buckets[max(0, index - 1) : index], *buckets[index + 1 : index + 2]) if b.finite]
    usual = sum(mean / len(beside) for mean in beside) if beside else bucket.mean
    return bucket.high if bucket.high - usual >= usual - bucket.low else bucket.low
