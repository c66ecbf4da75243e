"""What fifty short runs in one script cost, beside the same loop without tracking."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from measure import Row
from volume import VENDORS, clean_environ

from tracklib.delivery.account import account
from tracklib.journal.layout import Root

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
    yield from _four(folder / "four", 1.5 * untracked + 10)


def _four(folder: Path, bound: float) -> Iterator[Row]:
    """Measure with four vendors: how long training takes, and how long it is until all of them hold everything."""
    folder.mkdir()
    with ExitStack() as stack:
        environ = {"TRACKLIB_DIR": str(folder / "sweep"), "TRACKLIB_FINISH_TIMEOUT": "0"}
        entries = []
        for name, vendor in VENDORS.items():
            own = folder / name
            own.mkdir()
            entry, more = stack.enter_context(vendor.place(own))
            entries.append(entry)
            environ |= more
        began = time.perf_counter()
        environ["TRACKLIB_BACKENDS"] = ",".join(entries)
        yield Row("50 short runs, going to four: training", _seconds(folder, "tracked", environ), "s", bound)
        relays = _held(Root(folder / "sweep"), 50 * len(VENDORS))
        yield Row("50 short runs, until all four hold them", time.perf_counter() - began, "s", note=f"{relays} relays")


def _held(root: Root, count: int) -> int:
    """Wait until so many deliveries are complete; return by how many relays."""
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        lines = list(account(root.runs()))
        if sum(line.done for line in lines) == count:
            return len({line.relay for line in lines})
        time.sleep(0.2)
    raise RuntimeError("not all of it is held after ten minutes")


def _seconds(folder: Path, mode: str, environ: dict[str, str]) -> float:
    began = time.perf_counter()
    command = [sys.executable, "-c", SCRIPT, mode]
    subprocess.run(command, cwd=folder, env={**clean_environ(), **environ}, check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began
