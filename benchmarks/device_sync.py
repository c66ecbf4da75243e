"""Whether ``log()`` waits for a GPU: what torch's profiler saw of the calling thread while values on one were logged.

    python benchmarks/device_sync.py [--json]

It trains nothing: it keeps the GPU busy with matrix products, logs a scalar after each and changes it in place, in two
ways: as tracklib does, and with ``float(loss)``, which waits. Without a GPU there is nothing to measure.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

import tracklib
from tracklib.journal.layout import RunFolder
from tracklib.journal.reader import read_run
from tracklib.model.records import Metrics

STEPS = 200
WAITING = ("Synchronize", "Memcpy")
"""Parts of the names of the CUDA calls that wait, or move values."""


def busy(size: int = 4096) -> torch.Tensor:
    """Return a matrix whose products keep the GPU behind the processor."""
    return torch.rand(size, size, device="cuda")


def train(run: Any, matrix: torch.Tensor, *, waits: bool) -> float:
    """Log a scalar per step and spoil it; return the seconds that the loop took."""
    loss = torch.zeros((), device="cuda")
    torch.cuda.synchronize()
    began = time.perf_counter()
    for step in range(STEPS):
        matrix @ matrix
        loss.fill_(step)
        run.log({"loss": float(loss) if waits else loss}, step=step)
        loss.fill_(-1)
    took = time.perf_counter() - began
    torch.cuda.synchronize()
    return took


def calls(seen: profile, thread: int) -> list[str]:
    """Return the waiting CUDA calls that one thread made, as the trace names threads."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "trace.json")
        seen.export_chrome_trace(path)
        with open(path, encoding="utf-8") as file:
            events = json.load(file)["traceEvents"]
    runtime = [event for event in events if event.get("cat") in ("cuda_runtime", "cuda_driver")]
    return [e["name"] for e in runtime if e["tid"] == thread and any(word in e["name"] for word in WAITING)]


def measure(*, waits: bool) -> dict[str, Any]:
    """Return how long a loop took, which waiting calls it made, and how many values came out wrong."""
    matrix = busy()
    with tempfile.TemporaryDirectory() as folder:
        run = tracklib.init("device", dir=folder, backends=[])
        train(run, matrix, waits=waits)  # allocates, loads, starts the thread
        torch.cuda.synchronize()
        with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as seen:
            took = train(run, matrix, waits=waits)
        run.finish()
        points = [record.body for record in read_run(RunFolder(run.path)) if isinstance(record.body, Metrics)]
    wrong = 2 * STEPS - sum(body.values["loss"] == body.step for body in points)
    # Two synchronisations frame the loop; they are the measurement's own.
    waiting = calls(seen, threading.get_native_id())
    for own in ("cudaDeviceSynchronize", "cudaDeviceSynchronize"):
        if own in waiting:
            waiting.remove(own)
    return {"seconds": took, "synchronisations": waiting, "wrong": wrong}


def main() -> None:
    """Measure and print."""
    if not torch.cuda.is_available():
        sys.exit("expected a GPU that torch can use, got none")
    found = measure(waits=False)
    other = measure(waits=True)
    if "--json" in sys.argv:
        print(json.dumps(found))
        return
    for name, one in (("run.log({'loss': loss})", found), ("run.log({'loss': float(loss)})", other)):
        waited = len(one["synchronisations"])
        print(f"{name:32} {one['seconds'] / STEPS * 1e6:9.1f} us a step, {waited} waits, {one['wrong']} wrong values")


if __name__ == "__main__":
    main()
