"""`OnlineHistory`: the rows of a run at a W&B server, by the SDK's scan, which samples nothing."""

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
"""More steps for one row than this, and the SDK would ask mostly for pages without any."""

_WIDEST = 1 << 18


class OnlineHistory:
    """Reads the history of one run.

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
        """Yield the rows, by the SDK's scan, which samples nothing; one that breaks off goes on where it was.

        Args:
            told: The run's ``historyLineCount``, ``historyKeys`` and ``parquetHistory``.
        """
        count, last = int(told.get("historyLineCount") or 0), int((told.get("historyKeys") or {}).get("lastStep", -1))
        exported = bool((told.get("parquetHistory") or {}).get("parquetUrls"))  # then a row has every key, or null
        clean = without_nulls if exported else dict
        read = self._windows if last + 1 > _SPARSE * max(count, _PAGE) else self._scan
        if count > last + 1 and not exported:  # of rows at one step, the scan asks for one
            read = functools.partial(self._crowded, count)
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
                    count -= 1
                    yield clean(special_floats(row))
            except TransientError as error:
                if (tried := tried + 1) >= TRIES:
                    raise
                pause(tried, error)
                self._renew()
            else:
                break
        if count > 0:
            self._lost["rows that W&B counts and does not give"] = count

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

    def _crowded(self, count: int, low: int, high: int) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of some steps, asked for as the SDK does, but for as many in a page as there are in all."""
        for start in range(low, high, _PAGE):
            bounds = {"minStep": start, "maxStep": min(start + _PAGE, high), "size": count}
            yield from map(json.loads, self._asked(_ROWS, **bounds).get("history") or [])

    def _windows(self, low: int, high: int) -> Iterator[Mapping[str, Any]]:
        """Yield rows that are far apart: the fewer rows a window has, the wider is the next one."""
        width = _PAGE
        while low < high:
            count = 0
            for row in self._scan(low, min(low + width, high), width):
                count += 1
                yield row
            low += width
            width = min(width * 8, _WIDEST) if count < _PAGE else max(width // 8, _PAGE)
