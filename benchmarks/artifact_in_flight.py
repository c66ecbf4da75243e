"""What a ``log()`` costs while a large artifact is being stored, beside the same with nothing in flight.

Whoever copies gigabytes slows down everybody on the machine: what that alone does to a ``log()`` is measured too.
``BENCH_GB`` says how large the artifact is; 1 by default.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from measure import Row

import tracklib
from tracklib.journal.staging import is_pending

VALUES = {"train/loss": 0.31340000000000001, "val/accuracy": 0.9212, "lr": 1e-3, "grad_norm": 1.2345}
COPY = """
import hashlib, os, pathlib, sys
for path in pathlib.Path(sys.argv[1]).iterdir():
    found = hashlib.sha256()
    with path.open("rb") as source, open(f"{sys.argv[2]}-{path.name}", "wb") as copy:
        while block := source.read(1 << 20):
            found.update(block)
            copy.write(block)
        os.fsync(copy.fileno())
"""
PAUSE = 0.0002
"""Seconds between two calls: a loop that does nothing but log would fight the porter for the processor by itself."""


def rows(folder: Path) -> Iterator[Row]:
    """Measure."""
    size = float(os.environ.get("BENCH_GB", "1"))
    checkpoint = _checkpoint(folder, size)
    run = tracklib.init("bench", dir=folder / "root")
    assert isinstance(run, tracklib.Run), "the environment must not disable tracking"
    _sample(run, 2_000)
    alone = _sample(run, 10_000)
    began = time.perf_counter()
    run.log_artifact(checkpoint)
    returned = time.perf_counter()
    busy: list[float] = []
    while is_pending(run.folder):
        busy += _sample(run, 500)
    stored = time.perf_counter()
    beside: list[float] = []
    with subprocess.Popen([sys.executable, "-c", COPY, str(checkpoint), str(folder / "copy")]) as stranger:
        while stranger.poll() is None:
            beside += _sample(run, 500)
    alone += _sample(run, 10_000)
    run.finish()
    yield Row(f"log_artifact() of {size:g} GB: the call", (returned - began) * 1e3, "ms")
    yield Row(f"log_artifact() of {size:g} GB: the background", stored - returned, "s")
    ours, theirs, quiet = map(statistics.median, (busy, beside, alone))
    yield Row("log() beside a stranger's copy / alone, medians", theirs / quiet, "x")
    yield Row("log() while it is stored / alone, medians", ours / quiet, "x", 1.25)
    yield Row("log() while it is stored / beside the copy", ours / theirs, "x", 1.1)
    yield Row("log() while it is stored: 99th percentile", sorted(busy)[len(busy) * 99 // 100] * 1e6, "µs")
    yield Row("log() alone: 99th percentile", sorted(alone)[len(alone) * 99 // 100] * 1e6, "µs")


def _checkpoint(folder: Path, gigabytes: float) -> Path:
    path = folder / "checkpoint"
    path.mkdir()
    block = os.urandom(16 << 20)
    for shard in range(4):
        with (path / f"shard{shard}.bin").open("wb") as file:
            for number in range(int(gigabytes * 64) // 4):
                file.write(bytes([shard, number % 256]) + block[2:])
    os.sync()
    return path


def _sample(run: tracklib.Run, count: int) -> list[float]:
    """Return the seconds of each of so many calls."""
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        run.log(VALUES)
        taken.append(time.perf_counter() - began)
        time.sleep(PAUSE)
    return taken
