"""`OnlineHistory`: the rows of a run at a W&B server, in a way that samples nothing."""

from __future__ import annotations

import functools
import inspect
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tracklib.errors import TransientError
from tracklib_wandb.border import border
from tracklib_wandb.patience import TRIES, pause
from tracklib_wandb.tokens import special_floats, without_nulls

__all__ = ["OnlineHistory"]

_ROWS = """
query HistoryPage($entity: String!, $project: String!, $run: String!, $minStep: Int64!, $maxStep: Int64!, $size: Int!) {
  project(name: $project, entityName: $entity) { run(name: $run) {
    history(minStep: $minStep, maxStep: $maxStep, samples: $size)
  } }
}
"""
_PAGE = 1000
_SPARSE = 64
"""More steps for one row than this, and most pages would hold none."""

_WIDEST = 1 << 18

_Read = Callable[..., Iterator[Mapping[str, Any]]]
"""Yields the rows from a step to below another, at most so many at a time."""


class OnlineHistory:
    """Reads the history of one run: rows that the server holds by its questions, exported files by the SDK.

    Args:
        asked: Asks a question of GraphQL about the run.
        sdk_run: Returns the SDK's object for it.
        renew: Called where the SDK's program failed, before it is asked again.
        lost: Takes how many rows the server keeps for itself.
    """

    def __init__(
        self,
        asked: Callable[..., Mapping[str, Any]],
        sdk_run: Callable[[], Any],
        renew: Callable[[], None],
        lost: Counter[str],
    ) -> None:
        self._asked = asked
        self._sdk_run = sdk_run
        self._renew = renew
        self._lost = lost

    def rows(self, told: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Yield the rows, none of them sampled away.

        Args:
            told: The run's ``historyLineCount``, ``historyKeys`` and ``parquetHistory``.
        """
        count, last = int(told.get("historyLineCount") or 0), int((told.get("historyKeys") or {}).get("lastStep", -1))
        is_sparse = last + 1 > _SPARSE * max(count, _PAGE)
        if (told.get("parquetHistory") or {}).get("parquetUrls"):  # then a row has every key, or null
            read = functools.partial(_windows, self._scan) if is_sparse else self._scan
            rows: Iterator[Mapping[str, Any]] = map(without_nulls, self._resumed(read, last))
        else:
            crowd = count if count > last + 1 else 0  # of rows at one step, a page holds as many as it has room for
            rows = (_windows if is_sparse else _pages)(functools.partial(self._page, crowd), 0, last + 1)
        for row in rows:
            count -= 1
            yield special_floats(row)
        if count > 0:
            self._lost["rows that W&B counts and does not give"] = count

    def _page(self, crowd: int, low: int, high: int, size: int = _PAGE) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of some steps, asked for as the SDK does; at least so many of a crowd have room."""
        bounds = {"minStep": low, "maxStep": high, "size": max(crowd, size)}
        yield from map(json.loads, self._asked(_ROWS, **bounds).get("history") or [])

    def _resumed(self, read: _Read, last: int) -> Iterator[Mapping[str, Any]]:
        """Yield the rows by the SDK's scan; one that breaks off goes on where it was."""
        step, seen, tried = 0, 0, 0
        while step <= last:
            skipped = seen
            try:
                for row in read(step, last + 1):
                    if skipped and row.get("_step") == step:
                        skipped -= 1
                        continue
                    at = int(row.get("_step", step))
                    step, seen, skipped, tried = at, seen + 1 if at == step else 1, 0, 0
                    yield row
            except TransientError as error:
                if (tried := tried + 1) >= TRIES:
                    raise
                pause(tried, error)
                self._renew()
            else:
                break

    def _scan(self, low: int, high: int, size: int = _PAGE) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of some steps; the SDK's cache is left aside, as it knows runs by their ids alone."""
        run = self._sdk_run()
        more = {"use_cache": False} if "use_cache" in inspect.signature(run.scan_history).parameters else {}
        with border("reading the history"):
            rows = iter(run.scan_history(page_size=size, min_step=low, max_step=high, **more))
        while True:
            with border("reading the history"):
                row = next(rows, None)
            if row is None:
                return
            yield row


def _pages(read: _Read, low: int, high: int) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of some steps, so many steps at a time."""
    for start in range(low, high, _PAGE):
        yield from read(start, min(start + _PAGE, high))


def _windows(read: _Read, low: int, high: int) -> Iterator[Mapping[str, Any]]:
    """Yield rows that are far apart: the fewer rows a window has, the wider is the next one."""
    width = _PAGE
    while low < high:
        count = 0
        for row in read(low, min(low + width, high), width):
            count += 1
            yield row
        low += width
        width = min(width * 8, _WIDEST) if count < _PAGE else max(width // 8, _PAGE)
