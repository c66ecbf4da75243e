"""Measure how soon each of four vendors holds a point that a training logs, while it trains and all four are on.

A real MLflow server and Aim repository; W&B and Comet are emulated here. The latency is from the record's own time, when
``log()`` was called, to when the receipt first says that the vendor holds it. ``BENCH_SECONDS`` says how long it trains.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from measure import Row
from volume import VENDORS, clean_environ

from tracklib.delivery.receipt import all_receipts
from tracklib.journal.layout import Root, RunFolder
from tracklib.journal.reader import read_run
from tracklib.model.records import Metrics

__all__ = ["rows"]

SECONDS = float(os.environ.get("BENCH_SECONDS", "60"))
BOUNDS = {"mlflow": 3.0, "wandb": 3.0}
SCRIPT = """
import sys, time
import tracklib
with tracklib.init("live") as run:
    began = time.monotonic()
    step = 0
    while time.monotonic() - began < float(sys.argv[1]):
        run.log({"loss": 1 / (step + 1), "acc": step / 7, "lr": 1e-3}, step=step)
        step += 1
        time.sleep(0.2)
"""

_LOOK = 0.02
_AFTERWARDS = 120.0


def rows(folder: Path) -> Iterator[Row]:
    """Measure."""
    with ExitStack() as stack:
        entries, environ = [], {"TRACKLIB_DIR": str(folder / "root"), "TRACKLIB_CAPTURE": "none"}
        for name, vendor in VENDORS.items():
            own = folder / name
            own.mkdir()
            entry, more = stack.enter_context(vendor.place(own))
            entries.append(entry)
            environ |= more
        environ |= {"TRACKLIB_BACKENDS": ",".join(entries), "TRACKLIB_FINISH_TIMEOUT": "0"}
        command = [sys.executable, "-c", SCRIPT, str(SECONDS)]
        training = subprocess.Popen(command, cwd=folder, env={**clean_environ(), **environ}, stderr=subprocess.DEVNULL)
        seen = _watched(Root(folder / "root"), training)
    for name in VENDORS:
        if not (points := seen.get(name)):
            raise RuntimeError(f"{name} confirmed nothing")
        found = [took for _, took in points]
        first = sum(points[0])
        running = [took for logged, took in points if logged > first]
        note = f"{len(found)} records, the first after {found[0]:.1f} s"
        note += f"; of those logged after that, {statistics.median(running):.2f} s" if running else ""
        yield Row(f"live: log() until {name} holds it, median", statistics.median(found), "s", BOUNDS.get(name), note)
        yield Row(f"live: log() until {name} holds it, 95th percentile", sorted(found)[len(found) * 95 // 100], "s")


def _watched(root: Root, training: subprocess.Popen[bytes]) -> dict[str, list[tuple[float, float]]]:
    """Return of each point, for each vendor, when it was logged and the seconds until it was held."""
    moments: dict[str, dict[int, float]] = {}
    deadline = time.monotonic() + SECONDS + _AFTERWARDS
    folder = _folder(root, deadline)
    while time.monotonic() < deadline:
        receipts = list(all_receipts(folder))
        now = time.time()
        for receipt in receipts:
            reached = max((place.seq for place in receipt.confirmed.values()), default=0)
            known = moments.setdefault(receipt.backend, {})
            for seq in range(len(known) + 1, reached + 1):
                known[seq] = now
        if training.poll() is not None and all(receipt.state == "complete" for receipt in receipts):
            break
        time.sleep(_LOOK)
    if training.wait():
        raise RuntimeError(f"training ended with {training.returncode}")
    times = {record.seq: record.time / 1e9 for record in read_run(folder) if isinstance(record.body, Metrics)}
    return {
        name: [(times[seq], known[seq] - times[seq]) for seq in sorted(times) if seq in known]
        for name, known in moments.items()
    }


def _folder(root: Root, deadline: float) -> RunFolder:
    """Return the run's folder, as soon as it is there with its receipts."""
    while time.monotonic() < deadline:
        found = [folder for folder in root.runs() if len(list(all_receipts(folder))) == len(VENDORS)]
        if found:
            return found[0]
        time.sleep(_LOOK)
    raise RuntimeError("no run appeared")
