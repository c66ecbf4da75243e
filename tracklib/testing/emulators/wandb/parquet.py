"""History in the shape of exported runs: Parquet files, and the rows that are not in them yet."""

from __future__ import annotations

import io
from typing import Any

from tracklib.testing.emulators.wandb.state import Run
from tracklib.testing.emulators.wandb.world import World

__all__ = ["exported"]

_ENDED = ("finished", "failed", "crashed", "killed")


def exported(world: World, run: Run) -> dict[str, Any]:
    """Return the addresses of a run's exported history, and its live rows; no address where nothing is exported."""
    if not world.parquet or run.state not in _ENDED or not run.history:
        return {"__typename": "ParquetHistory", "parquetUrls": [], "liveData": []}
    key = f"parquet/{run.path}/{len(run.history)}.parquet"
    if key not in world.blobs:
        world.blobs.put(key, _file(run.history))
    return {"__typename": "ParquetHistory", "parquetUrls": [world.storage_url(key)], "liveData": []}


def _file(rows: list[dict[str, Any]]) -> bytes:
    """Return rows as a Parquet file; a key that a row lacks is null in it.

    Raises:
        ImportError: pyarrow is not installed; ``pip install tracklib-core[testing]``.
    """
    import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow has no types
    import pyarrow.parquet as pq  # type: ignore[import-untyped]  # pyarrow has no types

    names = list(dict.fromkeys(key for row in rows for key in row))
    table = pa.table({name: _column([row.get(name) for row in rows]) for name in names})
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def _column(values: list[Any]) -> list[Any]:
    """Return a column of one type: numbers, of which NaN and the infinities came as texts, or what there is."""
    special = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
    if any(isinstance(value, (int, float)) for value in values):
        values = [special.get(value, value) if isinstance(value, str) else value for value in values]
    if any(isinstance(value, float) for value in values):
        return [float(value) if isinstance(value, int) else value for value in values]
    return values
