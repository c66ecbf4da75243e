"""What one ``log()`` of four floats costs, beside its floor and beside the vendors' own SDKs."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
from measure import Row, per_call, ratio

import tracklib

VALUES = {"train/loss": 0.31340000000000001, "val/accuracy": 0.9212, "lr": 1e-3, "grad_norm": 1.2345}
COUNT = 5_000
BOUND = 3.0


def rows(folder: Path) -> Iterator[Row]:
    """Measure."""
    fd = os.open(folder / "floor.jsonl", os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def floor(index: int) -> None:
        line = {"kind": "metrics", "seq": index, "time": 1764000000000000000, "step": index, "values": VALUES}
        os.write(fd, orjson.dumps({**line, "crc": "0123abcd"}) + b"\n")

    yield Row("orjson.dumps + os.write of the same line", per_call(floor, COUNT) * 1e6, "µs")
    for name, backends in (("journal alone", []), ("with a backend", [f"mlflow:sqlite:///{folder}/bench.db"])):
        run = tracklib.init("bench", dir=folder / "root", backends=backends)
        yield from _ours(name, run, floor)
        run.finish(wait=True)  # before the folder goes
    off = tracklib.init("bench", mode="disabled")
    yield Row("log(), disabled", per_call(lambda _: off.log(VALUES), COUNT) * 1e6, "µs", 1.0)
    os.close(fd)
    yield from _wandb(folder)
    yield from _mlflow(folder)


def _ours(name: str, run: tracklib.Tracker, floor: Callable[[int], object]) -> Iterator[Row]:
    def log(_: int) -> None:
        run.log(VALUES)

    yield Row(f"log(), {name}", per_call(log, COUNT) * 1e6, "µs")
    yield Row(f"log() / floor, {name}", ratio(log, floor, COUNT), "x", BOUND)


def _wandb(folder: Path) -> Iterator[Row]:
    if importlib.util.find_spec("wandb") is None:
        return
    os.environ |= {"WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false", "WANDB_DIR": str(folder)}
    import wandb

    run = wandb.init(mode="offline", project="bench", settings=wandb.Settings(console="off", x_disable_stats=True))
    cost = per_call(lambda _: run.log(VALUES), COUNT // 5)
    run.finish()
    yield Row("wandb offline: run.log", cost * 1e6, "µs", note="same values, same machine, same run")


def _mlflow(folder: Path) -> Iterator[Row]:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

    client = MlflowClient(tracking_uri=f"sqlite:///{folder}/rival.db")
    run_id = client.create_run(client.create_experiment("bench")).info.run_id

    def log(index: int) -> None:
        now = time.time_ns() // 1_000_000
        client.log_batch(run_id, [Metric(key, value, now, index) for key, value in VALUES.items()])

    log(0)
    yield Row("MlflowClient.log_batch on SQLite", per_call(log, 200) * 1e6, "µs", note="waits for the database")
