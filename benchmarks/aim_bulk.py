"""Measure writing and reading 100,000 points over 50 metrics, and 10,000 params, beside Aim's own SDK in a loop."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tracklib_aim.settings import AimSettings
from tracklib_aim.sink import AimSink
from tracklib_aim.source import AimSource
from tracklib_aim.surroundings import sdk

from tracklib.backends.contract import SinkContext
from tracklib.model.query import RunQuery
from tracklib.model.records import FileRef, Metrics, Params, Record
from tracklib.model.run import RunInfo

POINTS = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
METRICS, PARAMS = 50, 10_000


def main() -> None:
    """Print points per second of both, and of reading."""
    steps = list(range(POINTS // METRICS))
    random.Random(0).shuffle(steps)
    with tempfile.TemporaryDirectory() as folder:
        records = _records(steps)
        wrote, params = _write(folder, records)
        read = _timed(lambda: _check(folder, steps))
    with tempfile.TemporaryDirectory() as folder:
        loop = _timed(lambda: _loop(folder, steps))
    print(f"{POINTS:,} points over {METRICS} metrics in shuffled order")
    print(f"  tracklib writes   {POINTS / wrote:>10,.0f} points/s (each batch synced)")
    print(f"  Aim's own loop    {POINTS / loop:>10,.0f} points/s")
    print(f"  tracklib reads    {POINTS / read:>10,.0f} points/s (and compares)")
    print(f"{PARAMS:,} params")
    print(f"  tracklib writes   {params:>10.2f} s")


def _records(steps: list[int]) -> list[Record]:
    now = time.time_ns()
    return [
        Record("w", seq, now + seq * 1000, Metrics({f"m{k}": step / (k + 1) for k in range(METRICS)}, step))
        for seq, step in enumerate(steps, 1)
    ]


def _write(folder: str, records: list[Record]) -> tuple[float, float]:
    sink = AimSink(AimSettings(repo=folder), SinkContext(_no_file, Path(folder)))
    sink.open(RunInfo("bench", "bulk", "bulk", started=time.time_ns()))
    wrote = _timed(lambda: [sink.send(records[at : at + 1000]) for at in range(0, len(records), 1000)])
    last = records[-1]
    params = Record("w", last.seq + 1, last.time + 1000, Params({f"p{i}": i for i in range(PARAMS)}))
    took = _timed(lambda: sink.send([params]))
    sink.close()
    return wrote, took


def _no_file(file: FileRef) -> Path:
    raise FileNotFoundError(file.path)


def _check(folder: str, steps: list[int]) -> None:
    """Read it back; every point and param must be there."""
    source = AimSource(AimSettings(repo=folder))
    (run,) = source.runs(RunQuery(project="bench", id="bulk"))
    points, params = 0, 0
    for record in source.read(run):
        if isinstance(record.body, Metrics):
            ((key, value),) = record.body.values.items()
            assert value == record.body.step / (int(key[1:]) + 1), record
            points += 1
        elif isinstance(record.body, Params):
            params += len(record.body.values)
    assert (points, params) == (len(steps) * METRICS, PARAMS), (points, params)


def _loop(folder: str, steps: list[int]) -> None:
    run = sdk("aim").Run(
        repo=folder, system_tracking_interval=None, log_system_params=False, capture_terminal_logs=False
    )
    for step in steps:
        for k in range(METRICS):
            run.track(step / (k + 1), name=f"m{k}", step=step)
    run.close()


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
