"""A run's rows as the read API gives them: pages, samples, keys."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeVar

from tracklib.testing.emulators.exchange import loads
from tracklib.testing.emulators.wandb.state import Run

__all__ = ["keys", "page", "rows", "sampled", "sampled_lines", "tail"]

T = TypeVar("T")
Row = dict[str, Any]


def rows(run: Run, stream: str) -> list[Row]:
    """Return the rows of a stream, of which each line is parsed once for all pages; not to be changed."""
    return [_parsed(line) for line in run.lines.get(stream, []) if line]


@lru_cache(maxsize=1 << 18)
def _parsed(line: str) -> Row:
    row: Row = loads(line)
    return row


def page(rows: Sequence[Row], low: int, high: int, size: int) -> list[str]:
    """Return at most `size` rows as JSON, of the steps from `low` to below `high`."""
    return [_text(row) for row in rows if low <= row.get("_step", 0) < high][:size]


def sampled(rows: Sequence[Row], spec: Row) -> list[Row]:
    """Return the rows that have all keys of a specification, thinned out to its number of samples.

    Its ``maxStep`` is the last one taken, other than that of a page.
    """
    wanted, low, high = spec.get("keys") or [], spec.get("minStep"), spec.get("maxStep")
    chosen = [
        {key: row[key] for key in wanted} if wanted else row
        for row in rows
        if all(key in row for key in wanted)
        and (low is None or row.get("_step", 0) >= low)
        and (high is None or row.get("_step", 0) <= high)
    ]
    return _thinned(chosen, int(spec.get("samples") or 500))


def sampled_lines(rows: Sequence[Row], samples: int) -> list[str]:
    """Return the rows as JSON, thinned out."""
    return [_text(row) for row in _thinned(rows, samples)]


def tail(run: Run, stream: str) -> str:
    """Return the last row of a stream, as the text of a list of texts, which is what resuming asks for."""
    lines = [line for line in run.lines.get(stream, []) if line]
    return json.dumps([_text(loads(line)) for line in lines[-1:]])


def keys(rows: Sequence[Row]) -> Row:
    """Return which keys the rows have, how often and of which type, and the last step."""
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        for key, value in row.items():
            counts = found.setdefault(key, {})
            kind = _kind(value)
            counts[kind] = counts.get(kind, 0) + 1
    described = {
        key: {"typeCounts": [{"type": kind, "count": n} for kind, n in counts.items()], "monotonic": False}
        for key, counts in found.items()
    }
    return {"keys": described, "lastStep": max((row.get("_step", -1) for row in rows), default=-1), "sets": []}


def _kind(value: Any) -> str:
    if isinstance(value, (int, float)):
        return "number"
    return "string" if isinstance(value, str) else "map" if isinstance(value, dict) else "other"


def _thinned(items: Sequence[T], count: int) -> list[T]:
    if len(items) <= count:
        return list(items)
    return [items[i * len(items) // count] for i in range(count)]


def _text(row: Row) -> str:
    return json.dumps(row, allow_nan=False)
