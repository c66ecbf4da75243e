"""What fifty short runs in one script cost, beside the same loop without tracking."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
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


@contextmanager
def _mlflow(folder: Path) -> Iterator[Mapping[str, str]]:
    yield {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/sweep.db"}


@contextmanager
def _comet(folder: Path) -> Iterator[Mapping[str, str]]:
    from tracklib.testing.emulators.comet import CometEmulator

    with CometEmulator() as server:
        yield {**server.environment(), "HOME": str(folder)}
        held = [len(run.series("loss")) for run in server.experiments.values() if not run.running]
    assert held == [20] * 50, f"expected 50 runs of 20 points, got {held}"


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
    "comet": ("Comet", _comet),
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


def _seconds(folder: Path, mode: str, environ: Mapping[str, str]) -> float:
    began = time.perf_counter()
    command = [sys.executable, "-c", SCRIPT, mode]
    subprocess.run(command, cwd=folder, env={**clean_environ(), **environ}, check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began
