"""Points: what Aim holds of a metric's value, what stands beside it, and how the two become the point again.

Aim holds one value at each step of a sequence: a float64 with a time in float64 seconds, whose resolution is a
quarter of a microsecond today. Every point has its nearest such *native* point, so that it is plotted; where several
have the same one, the last to be written stays. All points stand, exactly, in *chunks* beside the native ones, in the
same sequence. What is read are the chunks' points, but only where the native point still is that of one of them: a
chunk never hides that somebody changed or removed a value in Aim.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from tracklib.errors import BadValueError
from tracklib.model.codec import dumps, loads, metric_number, metric_token
from tracklib.typing import Number, Step

__all__ = ["NS", "Native", "Point", "native", "read_chunk", "restore", "write_chunk"]

NS = 1_000_000_000
"""Nanoseconds in Aim's unit of time."""

_MAX_STEP = 2**53
"""Beyond it, Aim hashes a step as a float, and 2**63 - 1 has the address of 4."""

_LARGEST = math.nextafter(math.inf, 0)


class Native(NamedTuple):
    """A point as Aim holds it; the time is in seconds."""

    step: int
    value: float
    time: float


class Point(NamedTuple):
    """A point as tracklib has it.

    Attributes:
        time: Nanoseconds since the epoch.
    """

    writer: str
    seq: int
    step: Step
    value: Number
    time: int


def native(point: Point) -> Native:
    """Return the nearest point that Aim holds."""
    return Native(max(-_MAX_STEP, min(_MAX_STEP, math.floor(point.step))), _nearest(point.value), _seconds(point.time))


def _seconds(nanoseconds: int) -> float:
    return nanoseconds / NS if abs(nanoseconds) < 2**1000 else math.copysign(_LARGEST, nanoseconds)


def _nearest(value: Number) -> float:
    try:
        return float(value)
    except OverflowError:
        return _LARGEST if value > 0 else -_LARGEST


def write_chunk(points: Iterable[Point]) -> bytes:
    """Return the points of one writer, exactly."""
    rows = [[p.seq, metric_token(p.step), metric_token(p.value), metric_token(p.time)] for p in points]
    return zlib.compress(dumps({"points": rows}), 1)


def read_chunk(writer: str, content: bytes) -> Iterator[Point]:
    """Yield what `write_chunk` was given.

    Raises:
        BadValueError: It is no chunk.
    """
    try:
        rows = loads(zlib.decompress(content))["points"]
        for seq, step, value, time in rows:
            yield Point(writer, seq, metric_number(step), metric_number(value), int(metric_number(time)))
    except (zlib.error, ValueError, TypeError, KeyError) as error:
        raise BadValueError(f"expected a chunk of points, got what raised {type(error).__name__}: {error}") from error


def restore(natives: Mapping[int, Native], points: Iterable[Point]) -> Iterator[tuple[Number, Step, int]]:
    """Yield value, step and time of each point of a sequence; ``natives`` are by their steps."""
    places: dict[int, dict[tuple[str, int], Point]] = {}
    for point in points:
        places.setdefault(native(point).step, {})[point.writer, point.seq] = point  # sent twice is held once
    for step, held in natives.items():
        yield from _at(held, sorted(places.get(step, {}).values(), key=lambda point: (point.time, point.seq)))


def _at(held: Native, beside: list[Point]) -> Iterator[tuple[Number, Step, int]]:
    if not any(_is_same(native(point), held) for point in beside):
        # The native point is no longer what was written: it stands for the one that was written last, as far as known.
        own = next((p for p in reversed(beside) if _seconds(p.time) == held.time), beside[-1] if beside else None)
        beside = [point for point in beside if point is not own]
        is_own_time = own is not None and _seconds(own.time) == held.time
        yield held.value, held.step, own.time if own is not None and is_own_time else _nanoseconds(held.time)
    yield from ((point.value, point.step, point.time) for point in beside)


def _nanoseconds(seconds: float) -> int:
    """Return a time to the microsecond, beyond which Aim's own says nothing."""
    return round(seconds * 1_000_000) * 1000 if seconds - seconds == 0 else 0


def _is_same(a: Native, b: Native) -> bool:
    """Compare bit for bit; NaN is NaN."""
    return (a.step, _bits(a.value), _bits(a.time)) == (b.step, _bits(b.value), _bits(b.time))


def _bits(value: float) -> bytes:
    return b"NaN" if math.isnan(value) else struct.pack("<d", value)
