"""Columnar: points from a source that has them as columns already, which is many times faster than record by record.

Such a source has ``point_batches(run)``, record batches with ``metric, step, time, value, exact`` and perhaps more, and may
have ``other_records(run)``, the records that hold no points.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from tracklib.model.codec import dumps, loads
from tracklib.reading.arrow import needed, schema, utf8
from tracklib.reading.columns import TABLES

if TYPE_CHECKING:
    from tracklib.model.run import RunInfo

__all__ = ["is_columnar", "point_batches"]


def is_columnar(source: Any) -> bool:
    """Tell whether a source is one of these."""
    return callable(getattr(source, "point_batches", None))


def point_batches(
    source: Any, run: RunInfo, *, size: int, keys: Collection[str] | None = None, zone: str | None = "UTC"
) -> Iterator[Any]:
    """Yield the points of a run as batches of the table of metrics.

    Args:
        source: A columnar one.
        run: One of its runs.
        size: Rows of a batch at most.
        keys: Only metrics of these names.
        zone: What the times say of theirs.
    """
    arrow, compute = needed("pyarrow", what="an Arrow table"), needed("pyarrow.compute", what="an Arrow table")
    fields = schema(TABLES["metrics"], zone)
    wanted = None if keys is None else arrow.array([utf8(key) for key in keys], arrow.string())
    for batch in source.point_batches(run):
        held = _held(arrow, batch)
        ends = {"project": arrow.repeat(utf8(run.project), len(batch)), "run": arrow.repeat(utf8(run.id), len(batch))}
        columns = [{**held, **ends}[field.name].cast(field.type) for field in fields]
        whole = arrow.record_batch(columns, schema=fields)
        if wanted is not None:
            whole = whole.filter(compute.is_in(whole.column("metric"), value_set=wanted))
        yield from (whole.slice(start, size) for start in range(0, len(whole), size))


def _held(arrow: Any, batch: Any) -> dict[str, Any]:
    """Return the columns of points; of what is exact beside them, only what is the point's own."""
    held = {name: batch.column(name) for name in ("metric", "step", "time", "value", "exact")}
    odd = held["exact"]
    if odd.null_count == len(odd):
        return held
    names, exact = held["metric"].to_pylist(), odd.to_pylist()
    for place, text in enumerate(exact):
        if text is not None:
            told = loads(text)
            own = {name: told[name] for name in ("metric", "step", "value", "time") if name in told}
            exact[place] = dumps(own).decode() if own else None
            names[place] = utf8(told.get("metric", names[place]))
    return {**held, "metric": arrow.array(names, arrow.string()), "exact": arrow.array(exact, arrow.string())}
