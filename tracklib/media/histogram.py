"""`Histogram`: how values are spread."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from tracklib.errors import BadValueError
from tracklib.media.arrays import as_array, is_array, numpy
from tracklib.media.sources import settled
from tracklib.media.values import MediaValue, RenderContext, Rendered
from tracklib.model.media import HistogramData, write_histogram
from tracklib.model.scalars import describe, number
from tracklib.typing import JSON, Number

__all__ = ["Histogram"]

_MAX_BINS = 10_000
_WORDS = {"nan": "NaN", "infinite": "infinite values"}


class Histogram(MediaValue):
    """How values are spread.

    NaN and infinities lie in no bin: they are left out, counted in the metadata, and named in a notice.

    Args:
        values: An array, tensor or series of any shape, or an iterable of numbers.
        bins: How many bins of equal width there are from the lowest value to the highest.
        edges, counts: A histogram that was made before, in place of values; ``numpy.histogram`` returns the counts first.
    """

    media_type = "histogram"

    def __init__(
        self,
        values: object = None,
        *,
        bins: int = 64,
        edges: object = None,
        counts: object = None,
        caption: str | None = None,
    ) -> None:
        super().__init__(caption=caption)
        self.values = values
        self.bins = bins
        self.edges = edges
        self.counts = counts

    def _settle(self) -> None:
        self.values = settled(self.values)
        self.edges = settled(self.edges)
        self.counts = settled(self.counts)

    def _render(self, context: RenderContext) -> Rendered:
        if self.edges is None and self.counts is None:
            return self._counted(context)
        if self.values is not None or self.edges is None or self.counts is None:
            raise BadValueError("expected either values, or both edges and counts, got something else")
        data = HistogramData(_numbers(self.edges), _numbers(self.counts))
        return Rendered(write_histogram(data), "json", self._metadata(values=sum(data.counts)))

    def _counted(self, context: RenderContext) -> Rendered:
        bins = number(self.bins)
        if not isinstance(bins, int) or not 1 <= bins <= _MAX_BINS:
            raise BadValueError(f"expected 1 to {_MAX_BINS:,} bins, got {describe(self.bins)}")
        numbers, left_out = _of_array(self.values) if is_array(self.values) else _of_iterable(self.values)
        if left_out:
            told = " and ".join(f"{count:,} {_WORDS[word]}" for word, count in left_out.items())
            context.tell(f"leaves out {told}, which lie in no bin")
        if not len(numbers):
            raise BadValueError("expected one finite value or more, got none")
        data = _histogram(numbers, bins)
        known: dict[str, JSON] = {"values": len(numbers), "left_out": {**left_out} or None}
        return Rendered(write_histogram(data), "json", self._metadata(**known))


def _numbers(values: object) -> tuple[Number, ...]:
    if not isinstance(values, Iterable):
        raise BadValueError(f"expected numbers, got {describe(values)}")
    return tuple(map(number, values))


def _of_array(values: object) -> tuple[Sequence[float], dict[str, int]]:
    """Return the finite values of an array, flat, and how many others there are."""
    np = numpy()
    array = as_array(values)
    if array.dtype.kind == "O":
        return _of_iterable(array.ravel().tolist())
    if array.dtype.kind not in "biuf":
        raise BadValueError(f"expected real numbers, got an array of {array.dtype}")
    flat = array.ravel().astype("f8")
    finite: Sequence[float] = flat[np.isfinite(flat)]
    nans = int(np.isnan(flat).sum())
    return finite, _some(nan=nans, infinite=len(flat) - len(finite) - nans)


def _of_iterable(values: object) -> tuple[Sequence[float], dict[str, int]]:
    if not isinstance(values, Iterable) or isinstance(values, (str, bytes)):
        raise BadValueError(f"expected an array or numbers, got {describe(values)}")
    numbers = [float(number(value)) for value in values]
    finite = [value for value in numbers if math.isfinite(value)]
    nans = sum(map(math.isnan, numbers))
    return finite, _some(nan=nans, infinite=len(numbers) - len(finite) - nans)


def _some(**counts: int) -> dict[str, int]:
    return {word: count for word, count in counts.items() if count}


def _histogram(values: Sequence[float], bins: int) -> HistogramData:
    """Count values in bins of equal width, as ``numpy.histogram`` does."""
    low, high = float(min(values)), float(max(values))
    if not math.isfinite(high - low):
        raise BadValueError(f"expected values whose span a float holds, got {low:g} to {high:g}")
    if isinstance(values, list):
        low, high = (low - 0.5, high + 0.5) if low == high else (low, high)
        edges = [low + (high - low) * i / bins for i in range(bins)] + [high]
        return HistogramData(tuple(edges), tuple(_count(values, low, high, bins)))
    counts, edges_found = numpy().histogram(values, bins)
    return HistogramData(tuple(edges_found.tolist()), tuple(counts.tolist()))


def _count(values: Iterable[float], low: float, high: float, bins: int) -> list[int]:
    counts = [0] * bins
    for value in values:
        counts[min(int((value - low) / (high - low) * bins), bins - 1)] += 1
    return counts
