"""What fifty short runs in one script cost, beside the same loop without tracking."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
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


def rows(folder: Path) -> Iterator[Row]:
    """Measure; the bound is 1.5 times the untracked loop plus 10 s, delivery to the last record included."""
    untracked = _seconds(folder, "untracked", {})
    environ = {
        "TRACKLIB_DIR": str(folder / "sweep"),
        "TRACKLIB_BACKENDS": "mlflow",
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/sweep.db",
    }
    tracked = _seconds(folder, "tracked", environ)
    yield Row("50 short runs, untracked", untracked, "s")
    yield Row("50 short runs, delivered to MLflow", tracked, "s", 1.5 * untracked + 10)


def _seconds(folder: Path, mode: str, environ: dict[str, str]) -> float:
    import os

    began = time.perf_counter()
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", SCRIPT, mode]
    subprocess.run(command, cwd=folder, env={**clean, **environ}, check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began
