"""Steps that a ``log()`` gets which names none: where earlier attempts, of the same rank, left off."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tracklib.journal.layout import RunFolder
from tracklib.model.records import Body, Media, Metrics

if TYPE_CHECKING:
    from typing import TypeGuard

__all__ = ["next_step"]

_RANK = re.compile(r"rank_[1-9][0-9]*/")


def next_step(folder: RunFolder, prefix: str) -> int:
    """Return the step after the highest one that earlier attempts recorded, of the rank whose names begin so."""
    from tracklib.journal.reader import read_run

    steps = (body.step for body in (record.body for record in read_run(folder)) if _is_of(body, prefix))
    return int(max(steps, default=-1) // 1) + 1


def _is_of(body: Body, prefix: str) -> TypeGuard[Metrics | Media]:
    """Tell whether a record holds a step of the rank whose names begin so."""
    if isinstance(body, Media):
        return _rank_of(body.key) == prefix
    return isinstance(body, Metrics) and any(_rank_of(key) == prefix for key in body.values)


def _rank_of(key: str) -> str:
    """Return what a metric's name begins with where a rank other than the first recorded it."""
    found = _RANK.match(key)
    return found[0] if found is not None else ""
