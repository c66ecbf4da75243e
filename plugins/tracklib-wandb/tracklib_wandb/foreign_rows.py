"""`ForeignRows`: the history of a run that tracklib did not write, as points, media and tables of the rest."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from tracklib.errors import BadValueError, RejectedError
from tracklib.model.records import Body, Metrics
from tracklib.model.scalars import timestamp_ns
from tracklib.typing import Number, Step
from tracklib_wandb.contents import Contents
from tracklib_wandb.leftovers import Leftovers
from tracklib_wandb.logged_media import Place, read_media
from tracklib_wandb.view import RunView

__all__ = ["OWN", "ForeignRows", "Timed", "time_of"]

Timed: TypeAlias = tuple[int, Body]
"""A body with the time of its record."""

OWN = frozenset(("_step", "_timestamp", "_runtime", "_wandb"))
"""What W&B itself puts into rows and summaries."""


def time_of(row: Mapping[str, Any], start: int) -> int:
    """Return a row's time; the SDK always writes one, unless the caller gave something else in its place."""
    for member, origin in (("_timestamp", 0), ("_runtime", start)):
        value = row.get(member)
        if type(value) is float or type(value) is int:
            try:
                return origin + timestamp_ns(value)
            except BadValueError:
                continue
    return start


def _step(told: Any, before: Step) -> Step:
    """Return a row's step; the SDK always writes one."""
    if type(told) is int or (type(told) is float and math.isfinite(told)):
        return told
    return before + 1


class ForeignRows:
    """Reads rows, and remembers of them what the summary and the context need.

    Attributes:
        last: The last value of each key that is no medium.
        media: The keys of media.
        nested: The parts of each key that was nested.
        bools: The keys with values that are true or false, which stand as 1 and 0.
        refused: What could not be read, in words for people, and how often.
    """

    def __init__(self, view: RunView, contents: Contents) -> None:
        self._view = view
        self._contents = contents
        self.last: dict[str, Any] = {}
        self.media: set[str] = set()
        self.nested: dict[str, list[str]] = {}
        self.bools: set[str] = set()
        self.refused: Counter[str] = Counter()

    def bodies(self, start: int) -> Iterator[Timed]:
        """Yield the points and media of all rows, then what is neither."""
        left = Leftovers(self._contents)
        internals = self._view.internals()
        step: Step = -1
        for row in self._view.history():
            step = _step(row.get("_step"), step)
            when = time_of(row, start)
            values: dict[str, Number] = {}
            media: list[Timed] = []
            for key, value in row.items():
                kind = type(value)
                if key in OWN:
                    continue
                if kind is float or kind is int:
                    values[key] = value
                elif kind is bool:
                    values[key] = int(value)
                    self.bools.add(key)
                else:
                    self._other((key,), value, Place(key, step, when), values, media, left, internals)
            if values:
                self.last.update(values)
                yield when, Metrics(values, step, when)
            yield from media
            if left.is_full:
                yield from left.written()
        yield from left.written()

    def _other(
        self,
        path: tuple[str, ...],
        value: Any,
        place: Place,
        values: dict[str, Number],
        media: list[Timed],
        left: Leftovers,
        internals: Mapping[str, Any],
    ) -> None:
        """Take in a value of a row that is no plain number; ``place.key`` is its path with dots."""
        key = place.key
        if isinstance(value, bool):
            values[key] = int(value)
            self.bools.add(key)
        elif isinstance(value, (int, float)):
            values[key] = value
        elif isinstance(value, Mapping) and value and "_type" not in value:
            for name, item in value.items():
                below = (*path, name)
                inner = Place(".".join(below), place.step, place.when)
                self.nested.setdefault(inner.key, list(below))
                self._other(below, item, inner, values, media, left, internals)
        elif isinstance(value, Mapping) and value and self._read_media(place, value, media, internals):
            self.media.add(key)
        else:
            self.last[key] = value
            left.add(key, place.step, place.when, value)

    def _read_media(
        self, place: Place, value: Mapping[str, Any], media: list[Timed], internals: Mapping[str, Any]
    ) -> bool:
        """Read media; where that fails, what W&B says of them is kept like any other value."""
        try:
            media += [(place.when, medium) for medium in read_media(place, value, self._contents, internals)]
        except RejectedError:
            self._contents.missing["media whose files are not held"] += 1
            return False
        except (BadValueError, ValueError, TypeError, AttributeError, KeyError):
            self.refused["values that W&B marks as media, and that are none that can be read"] += 1
            return False
        return True
