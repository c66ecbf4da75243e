"""Points: what Comet shows of a metric's value, and how that and the exact record beside it become the point again.

Comet holds a value as a number that it gives back as a text, a step that its SDK calls whole, and a time in
milliseconds. Every point has its nearest such *native* point, so that it is plotted; all of them stand, exactly, in the
companions. What is read are the companions' points, but only where Comet still holds the native point of each: a
companion never hides that somebody changed or removed a value. Where Comet itself leaves points out, as it does beyond
15,000 of a metric, the companion counts for those that it left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tracklib.typing import Number, Step
from tracklib_comet.experiment import Held, Shown
from tracklib_comet.identity import milliseconds
from tracklib_comet.names import shown

__all__ = ["MS", "Point", "native", "number", "restore"]

MS = 1_000_000
"""Nanoseconds in Comet's unit of time."""

_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1
_LARGEST = math.nextafter(math.inf, 0)
_WORDS = {"true": 1, "false": 0, "nan": math.nan, "inf": math.inf, "-inf": -math.inf}


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


def native(name: str, step: Step, value: Number, time: int) -> Shown:
    """Return the nearest point that Comet holds."""
    return Shown(shown(name), max(_INT_MIN, min(_INT_MAX, math.floor(step))), _nearest(value), milliseconds(time))


def _nearest(value: Number) -> int | float:
    if isinstance(value, int) and not _INT_MIN <= value <= _INT_MAX:
        try:
            return float(value)
        except OverflowError:
            return _LARGEST if value > 0 else -_LARGEST
    return value


def number(text: str) -> Number | None:
    """Return the number that a text of Comet's stands for; ``None`` where it stands for none.

    Whole numbers are whole; ``true`` is 1 and ``false`` 0; NaN and the infinities have the words that the SDK gives
    them, or Python's.
    """
    clean = text.strip()
    if re.fullmatch(r"[+-]?[0-9]{1,4000}", clean):
        return -0.0 if re.fullmatch("-0+", clean) else int(clean)
    if (word := clean.lower().replace("infinity", "inf")) in _WORDS:
        return _WORDS[word]
    try:
        return float(clean)
    except ValueError:
        return None


def restore(
    held: Iterable[Held], points: Iterable[tuple[Shown, Point]], *, is_part: bool, silent: Iterable[Shown] = ()
) -> Iterator[tuple[Number | str, Step | None, int]]:
    """Yield value, step and time of each point of a metric; a value that is no number as its text.

    Args:
        held: What Comet holds.
        points: What stands beside it.
        is_part: Whether Comet left points out.
        silent: Native points that are accounted for elsewhere.
    """
    places: dict[tuple[Step | None, int], list[str]] = {}
    for step, text, time, _ in held:
        places.setdefault((step, time), []).append(text)
    beside: dict[tuple[Step | None, int], dict[tuple[str, int], tuple[Shown, Point]]] = {}
    for at, point in points:
        beside.setdefault((at.step, at.time), {})[point.writer, point.seq] = at, point  # sent twice is held once
    quiet: dict[tuple[Step | None, int], list[int | float]] = {}
    for at in silent:
        quiet.setdefault((at.step, at.time), []).append(at.value)
    for place, own in beside.items():
        yield from _at(places.pop(place, []), list(own.values()), quiet.get(place, []), is_part=is_part)
    for (step, time), texts in places.items():
        for text in texts:
            if not any(_is_same(text, value) for value in quiet.get((step, time), [])):
                yield _read(text), step, time * MS


def _at(
    texts: list[str], own: list[tuple[Shown, Point]], quiet: list[int | float], *, is_part: bool
) -> Iterator[tuple[Number | str, Step | None, int]]:
    known = [at.value for at, _ in own] + quiet
    strange = [text for text in texts if not any(_is_same(text, value) for value in known)]
    for at, point in own:
        if any(_is_same(text, at.value) for text in texts):
            yield point.value, point.step, point.time
        elif strange:  # somebody changed it: what Comet has counts, at the place of what was written
            yield _read(strange.pop(0)), point.step, point.time
        elif is_part:
            yield point.value, point.step, point.time
    for text in strange:
        yield _read(text), own[0][1].step, own[0][0].time * MS


def _read(text: str) -> Number | str:
    value = number(text)
    return text if value is None else value


def _is_same(text: str, value: float) -> bool:
    """Tell whether a text of Comet's stands for a value that was sent."""
    found = number(text)
    if found is None:
        return False
    if value != value or found != found:  # noqa: PLR0124  NaN
        return value != value and found != found  # noqa: PLR0124
    try:
        return found == value or float(found) == float(value)
    except OverflowError:
        return False
