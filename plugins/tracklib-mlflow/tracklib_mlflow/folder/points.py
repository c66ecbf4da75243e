"""Points: the lines of a metric's file, ``time value step``, as all versions of MLflow have written them.

Before 1.0 there was no step, and the time was in seconds (0.8.2: ``int(time.time())``). Since 2.15 the names of a dataset may
stand behind the step. MLflow ends each line with a line feed: one without was cut off, and its last number may be a part.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from tracklib_mlflow.folder.disk import Disk
from tracklib_mlflow.points import Native

__all__ = ["read_points"]

_LONGEST_LINE = 1 << 20
_FIRST_MILLISECOND = 10**11
"""A smaller time is in seconds: as milliseconds it would lie before 1973, as seconds it reaches to the year 5138."""


def read_points(disk: Disk, path: str, key: str, problem: Callable[[str], None]) -> Iterator[Native]:
    """Yield the points of a metric, in the order in which they were logged; ``problem`` hears of lines that are none."""
    bad, first, number = 0, 0, 0
    try:
        with disk.open(path) as file:
            while line := file.readline(_LONGEST_LINE):
                number += 1
                point = _point(key, line)
                if point is not None:
                    yield point
                else:
                    bad += 1
                    first = first or number
    except OSError as error:
        problem(f"the metric {key!r} cannot be read: {error.strerror or error}")
    if bad:
        told = "a line that is no point" if bad == 1 else f"{bad:,} lines that are no points, the first one"
        problem(f"the metric {key!r} has {told} (line {first})")


def _point(key: str, line: bytes) -> Native | None:
    """Return a line's point, or ``None`` where it is damaged or cut off."""
    parts = line.decode("utf-8", "replace").split()
    if not line.endswith(b"\n") or len(parts) < 2:
        return None
    try:
        time, value = int(parts[0]), float(parts[1])
        step = _step(parts[2]) if len(parts) > 2 else 0
    except ValueError:
        return None
    if len(parts) == 2 and 0 <= time < _FIRST_MILLISECOND:
        time *= 1000
    return Native(key, value, step, time)


def _step(text: str) -> int | float:
    """Return a step; the file store takes fractional ones, and then cannot read them itself."""
    try:
        return int(text)
    except ValueError:
        step = float(text)
        if not math.isfinite(step):
            raise
        return step
