"""Measure migrating a journal root to MLflow, beside the obvious script, and beside a loop that has its data in memory."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from journals import make_run
from measure import Row

from tracklib.portability.ledger import Ledger
from tracklib.portability.migrate import Migration
from tracklib.portability.places import open_place

__all__ = ["rows"]

_POINTS, _METRICS, _ONE_BY_ONE, _BATCH = 50_000, 20, 200, 1000


def rows(folder: Path) -> Iterator[Row]:
    """Yield how long a point takes, and the two ratios."""
    os.environ.update({"GIT_PYTHON_REFRESH": "quiet", "MLFLOW_ENABLE_ASYNC_LOGGING": "false"})
    make_run(folder / "a", "run", _POINTS, _METRICS)
    _client(folder, "ours").search_experiments()  # MLflow is imported, and the tables are made
    ours = _timed(lambda: _migrate(folder)) / _POINTS
    script = _obvious(folder)
    loop = _bare(folder)
    yield Row("migrate to MLflow, a point", ours * 1e6, "us", None, f"{1 / ours:,.0f} points a second, SQLite")
    yield Row("migrate, of the obvious script's time", ours / script, "", 1 / 50, f"{script / ours:.0f} times its rate")
    yield Row("migrate, of a bare log_batch loop's time", ours / loop, "", 1 / 0.7, f"{loop / ours:.2f} of its rate")


def _uri(folder: Path, name: str) -> str:
    return f"sqlite:///{folder / name}.db"


def _migrate(folder: Path) -> None:
    source, target = open_place(f"local:{folder / 'a'}"), open_place(f"mlflow:{_uri(folder, 'ours')}")
    book = Ledger(folder / "ledger.sqlite", "a", "b")
    migration = Migration(source, target, book)
    states = [result.state for wave in migration.waves(None) for result in migration.copy(wave)]
    assert states == ["copied"], states
    book.close()


def _client(folder: Path, name: str) -> Any:
    """Return MLflow's client, which is imported here alone."""
    from mlflow import MlflowClient

    return MlflowClient(_uri(folder, name))


def _obvious(folder: Path) -> float:
    """Return what a point takes by ``mlflow.log_metric``."""
    import mlflow

    mlflow.set_tracking_uri(_uri(folder, "obvious"))
    with mlflow.start_run():
        mlflow.log_metric("warm", 0.0)
        return _timed(lambda: [mlflow.log_metric("loss", 0.5, step=step) for step in range(_ONE_BY_ONE)]) / _ONE_BY_ONE


def _bare(folder: Path) -> float:
    """Return what a point takes by ``log_batch``, all of them being there as MLflow's own objects."""
    from mlflow.entities import Metric

    client = _client(folder, "bare")
    run = client.create_run(client.create_experiment("bench")).info.run_id
    steps = _POINTS // _METRICS
    points = [
        Metric(f"metric/{k}", step / (k + 1), 1_764_000_000_000 + step, step)
        for step in range(steps)
        for k in range(_METRICS)
    ]

    def loop() -> None:
        for start in range(0, len(points), _BATCH):
            client.log_batch(run, points[start : start + _BATCH])

    return _timed(loop) / len(points)


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
