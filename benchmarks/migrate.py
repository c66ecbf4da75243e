"""Measure migrating W&B's offline directories to an MLflow server, beside the obvious script, and beside a loop.

The script calls ``mlflow.log_metric`` for each point; the loop calls ``log_batch`` and has its data in memory. All three
write to one server, over SQLite, of as few processes as MLflow has.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from measure import Row
from volume import mlflow_server

from tracklib.portability.ledger import Ledger
from tracklib.portability.migrate import Migration
from tracklib.portability.places import open_place

__all__ = ["rows"]

_POINTS, _METRICS, _ONE_BY_ONE, _BATCH = 50_000, 20, 200, 1000

_WRITE = f"""
import wandb
run = wandb.init(project="bench", id="run", settings=wandb.Settings(console="off"))
for i in range({_POINTS // _METRICS}):
    run.log({{f"metric/{{k}}": i / (k + 1) for k in range({_METRICS})}})
run.finish()
wandb.teardown()
"""


def rows(folder: Path) -> Iterator[Row]:
    """Yield how long a point takes, and the two ratios."""
    os.environ.update({"GIT_PYTHON_REFRESH": "quiet", "MLFLOW_ENABLE_ASYNC_LOGGING": "false"})
    _train(folder)
    with mlflow_server(folder) as (place, environ):
        url = environ["MLFLOW_TRACKING_URI"]
        _client(url).search_experiments()  # MLflow is imported, and the server is awake
        _migrate(folder, place, "warm")
        ours = _timed(lambda: _migrate(folder, place, "ours")) / _POINTS
        loop = _bare(url)
        script = _obvious(url)
    yield Row("migrate to an MLflow server, a point", ours * 1e6, "us", None, f"{1 / ours:,.0f} points a second")
    yield Row("migrate, of the obvious script's time", ours / script, "", 1 / 50, f"{script / ours:.0f} times its rate")
    yield Row("migrate, of a bare log_batch loop's time", ours / loop, "", 1 / 0.7, f"{loop / ours:.2f} of its rate")


def _train(folder: Path) -> None:
    """Write a run with W&B's own SDK."""
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    own = {f"WANDB_{kind}": str(folder) for kind in ("DIR", "CACHE_DIR", "CONFIG_DIR", "DATA_DIR")}
    environ = {**clean, **own, "WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"}
    subprocess.run([sys.executable, "-c", _WRITE], cwd=folder, env=environ, check=True)


def _migrate(folder: Path, place: str, project: str) -> None:
    """Migrate everything, into an experiment of its own."""
    source, target = open_place(f"wandb:{folder / 'wandb'}"), open_place(f"{place}#{project}")
    book = Ledger(folder / f"{project}.sqlite", "a", "b")
    migration = Migration(source, target, book)
    results = [result for wave in migration.waves(None) for result in migration.copy(wave)]
    assert [result.state for result in results] == ["copied"], results
    assert results[0].progress.tally.points == _POINTS, results
    book.close()


def _client(url: str) -> Any:
    """Return MLflow's client, which is imported here alone."""
    from mlflow import MlflowClient

    return MlflowClient(url)


def _obvious(url: str) -> float:
    """Return what a point takes by ``mlflow.log_metric``."""
    import mlflow

    mlflow.set_tracking_uri(url)
    with mlflow.start_run():
        mlflow.log_metric("warm", 0.0)
        return _timed(lambda: [mlflow.log_metric("loss", 0.5, step=step) for step in range(_ONE_BY_ONE)]) / _ONE_BY_ONE


def _bare(url: str) -> float:
    """Return what a point takes by ``log_batch``, all of them being there as MLflow's own objects."""
    from mlflow.entities import Metric

    client = _client(url)
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
