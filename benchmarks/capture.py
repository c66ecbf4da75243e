"""What capture costs the training thread, and how much memory the observer takes."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from measure import Row

SCRIPT = """
import json, sys, time
import tracklib
thread = time.thread_time_ns
began = thread()
run = tracklib.init("bench", dir=sys.argv[1])
init = thread() - began
spent = 0
for step in range(1500):  # three seconds, with a sample in each: ten times as often as usual
    began = thread()
    run.log({"train/loss": 0.3134, "val/accuracy": 0.9212, "lr": 1e-3, "grad_norm": 1.2345}, step=step)
    spent += thread() - began
    time.sleep(0.002)
rss = 0.0
if sys.argv[2] == "on":
    import psutil
    rss = max(child.memory_info().rss for child in psutil.Process().children()) / 1e6
run.finish()
print(json.dumps([init / 1e6, spent / 1500 / 1e3, rss]))
"""
ROUNDS = 7


def rows(folder: Path) -> Iterator[Row]:
    """Measure; the thread's own processor time counts, which no other process on the machine adds to."""
    found: dict[str, list[list[float]]] = {"off": [], "on": []}
    for _ in range(ROUNDS):  # one beside the other: the machine is noisy
        for mode, measured in found.items():
            measured.append(_measured(folder, mode))
    off, on = ([statistics.median(values) for values in zip(*each, strict=True)] for each in found.values())
    yield Row("init(), capture off: thread's time", off[0], "ms")
    yield Row("init(), capture on: thread's time", on[0], "ms", off[0] + 10)
    yield Row("log() each 2 ms, capture off: thread's time", off[1], "µs")
    yield Row("log() each 2 ms, a sample each second", on[1], "µs", note=f"{on[1] / off[1]:.2f} times that without")
    yield Row("observer: resident memory", on[2], "MB", 60)


def _measured(folder: Path, mode: str) -> list[float]:
    import json
    import os

    clean = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    steering = {"TRACKLIB_CAPTURE": "none" if mode == "off" else "all,-console", "TRACKLIB_SYSTEM_INTERVAL": "1"}
    command = [sys.executable, "-c", SCRIPT, str(folder / mode), mode]
    done = subprocess.run(command, cwd=folder, env=clean | steering, check=True, capture_output=True, text=True)
    return [float(value) for value in json.loads(done.stdout)]
