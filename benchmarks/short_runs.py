"""What fifty short runs in one script cost, beside the same loop without tracking."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from measure import Row

SCRIPT = """
import sys, time
tracked = sys.argv[1] == "tracked"
if tracked:
    import tracklib
for i in range(50):
    run = tracklib.init("sweep", config={"i": i}) if tracked else None
    for step in range(20):
        time.sleep(0.002)
        if run:
            run.log({"loss": 1 / (step + 1)}, step=step)
    if run:
        run.finish()
"""


@contextmanager
def _mlflow(folder: Path) -> Iterator[Mapping[str, str]]:
    yield {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/sweep.db"}


@contextmanager
def _wandb(folder: Path) -> Iterator[Mapping[str, str]]:
    from tracklib.testing.emulators.wandb import WandbEmulator

    own = {f"WANDB_{kind}": str(folder) for kind in ("DIR", "CACHE_DIR", "CONFIG_DIR", "DATA_DIR")}
    with WandbEmulator() as server:
        yield {**own, **server.environment()}
        held = [len(run.history) for run in server.runs.values() if run.state == "finished"]
    assert held == [20] * 50, f"expected 50 runs of 20 rows, got {held}"


_PLACES: Mapping[str, tuple[str, Callable[[Path], AbstractContextManager[Mapping[str, str]]]]] = {
    "mlflow": ("MLflow", _mlflow),
    "wandb": ("W&B", _wandb),
}
"""By backend: its title, and what gives a place to write to as variables."""


def rows(folder: Path) -> Iterator[Row]:
    """Measure; the bound is 1.5 times the untracked loop plus 10 s, delivery to the last record included."""
    untracked = _seconds(folder, "untracked", {})
    yield Row("50 short runs, untracked", untracked, "s")
    for backend, (title, place) in _PLACES.items():
        with place(folder) as variables:
            own = {"TRACKLIB_DIR": str(folder / f"sweep-{backend}"), "TRACKLIB_BACKENDS": backend}
            took = _seconds(folder, "tracked", {**own, **variables})
        yield Row(f"50 short runs, delivered to {title}", took, "s", 1.5 * untracked + 10)


def _seconds(folder: Path, mode: str, environ: Mapping[str, str]) -> float:
    began = time.perf_counter()
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", SCRIPT, mode]
    subprocess.run(command, cwd=folder, env={**clean, **environ}, check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began
