"""How fast the rows of W&B's offline logs are read: the whole way, from the file to records."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from measure import Row

from tracklib.model.query import RunQuery
from tracklib.model.records import Metrics

ROWS, METRICS, ROUNDS = 20_000, 10, 3

WRITE = f"""
import wandb
run = wandb.init(project="bench", id="rows", settings=wandb.Settings(console="off"))
for i in range({ROWS}):
    run.log({{f"m{{k}}": i / (k + 1) for k in range({METRICS})}})
run.finish()
wandb.teardown()
"""


def rows(folder: Path) -> Iterator[Row]:
    """Measure processor time, as reading waits for nothing else; the bound is that of 20,000 rows a second."""
    from tracklib_wandb.messages import load_messages

    _write(folder)
    load_messages()  # importing the SDK is no part of reading
    took = min(_read(folder) for _ in range(ROUNDS))
    note = f"{ROWS / took:,.0f} rows/s of {METRICS} metrics, from the log to records"
    yield Row("read a row of a .wandb log", took / ROWS * 1e6, "us", 50, note)


def _write(folder: Path) -> None:
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    kinds = ("DIR", "CACHE_DIR", "CONFIG_DIR", "DATA_DIR")
    own = {f"WANDB_{kind}": str(folder) for kind in kinds}
    environ = {**clean, **own, "WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"}
    subprocess.run([sys.executable, "-c", WRITE], cwd=folder, env=environ, check=True)


def _read(folder: Path) -> float:
    from tracklib_wandb.settings import WandbSettings
    from tracklib_wandb.source import WandbSource

    source = WandbSource(WandbSettings(directory=str(folder)))
    (run,) = source.runs(RunQuery())
    began = time.process_time()
    steps = [record.body.step for record in source.read(run) if isinstance(record.body, Metrics)]
    took = time.process_time() - began
    assert steps == list(range(ROWS)), f"expected {ROWS} rows, got {len(steps)}"
    return took
