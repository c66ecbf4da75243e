"""Measure 100,000 points over 50 metrics in shuffled step order, and 10,000 params, into each backend that is installed.

All of it is read back and compared. Beside each stands the vendor's own SDK, which does the same in a loop as its
documents show it, for at most as long as `PATIENCE`. Real servers and repositories; W&B and Comet are emulated here,
without rate limits for either.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from measure import Row

POINTS = int(os.environ.get("BENCH_POINTS", "100000"))
METRICS = 50
PARAMS = POINTS // 10
PATIENCE = 20.0


@dataclass(frozen=True)
class Vendor:
    """How a backend is led to a place of its own.

    Attributes:
        place: Yields what names the place, and the variables that lead there.
        loop: Writes with the vendor's own SDK: Python in which ``ROWS`` yields step and values until time is up.
    """

    place: Callable[[Path], AbstractContextManager[tuple[str, Mapping[str, str]]]]
    loop: str


@contextmanager
def mlflow_server(folder: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Serve MLflow with as few processes as it has, over SQLite in a folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    lean = {**clean_environ(), "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(command, cwd=folder, env=lean, stdout=quiet, stderr=quiet, start_new_session=True)
    try:
        _wait_for(f"{url}/health")
        yield f"mlflow:{url}", {"MLFLOW_TRACKING_URI": url}
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):
            return
        time.sleep(0.1)
    raise RuntimeError(f"{url} does not answer")


@contextmanager
def _aim(folder: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    yield f"aim:{folder}/repo", {"LOOP_FOLDER": f"{folder}/loop"}


@contextmanager
def _wandb(folder: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    from tracklib.testing.emulators.wandb import WandbEmulator

    with WandbEmulator() as emulator:
        yield "wandb", {**emulator.environment(), "WANDB_DIR": str(folder), "WANDB_SILENT": "true"}


@contextmanager
def _comet(folder: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    from tracklib.testing.emulators.comet import CometEmulator

    _ = folder
    with CometEmulator() as emulator:
        unlimited = {f"TRACKLIB_COMET__{what}_PER_MINUTE": "0" for what in ("METRICS", "PARAMS", "LINES")}
        yield "comet", {**emulator.environment(), **unlimited, "COMET_LOGGING_CONSOLE": "CRITICAL"}


VENDORS = {
    "mlflow": Vendor(
        mlflow_server,
        "import mlflow\n"
        "mlflow.set_experiment('loop')\n"
        "with mlflow.start_run():\n"
        "    for step, values in ROWS:\n"
        "        mlflow.log_metrics(values, step=step)\n",
    ),
    "aim": Vendor(
        _aim,
        "import os\n"
        "from aim import Run\n"
        "folder = os.environ['LOOP_FOLDER']\n"
        "os.makedirs(folder)\n"
        "quiet = dict(system_tracking_interval=None, log_system_params=False, capture_terminal_logs=False)\n"
        "run = Run(repo=folder, **quiet)\n"
        "for step, values in ROWS:\n"
        "    for name, value in values.items():\n"
        "        run.track(value, name=name, step=step)\n"
        "run.close()\n",
    ),
    "wandb": Vendor(
        _wandb,
        "import wandb\n"
        "run = wandb.init(project='loop')\n"
        "for step, values in ROWS:\n"
        "    run.log({**values, 'trainer_step': step})\n"
        "run.finish()\n",
    ),
    "comet": Vendor(
        _comet,
        "import comet_ml\n"
        "experiment = comet_ml.start(project_name='loop')\n"
        "for step, values in ROWS:\n"
        "    experiment.log_metrics(values, step=step)\n"
        "experiment.end()\n",
    ),
}


def rows(folder: Path) -> Iterator[Row]:
    """Measure each backend that is installed."""
    from tracklib.backends.registry import installed

    for name, vendor in VENDORS.items():
        if name not in installed():
            continue
        own = folder / name
        own.mkdir()
        with vendor.place(own) as (entry, environ):
            loop = _task(own, environ, "loop", name)
            ours = _task(own, environ, "ours", entry)
        note = "" if ours["equal"] else "NOT EQUAL"
        yield Row(f"{name}: {POINTS:,} points, shuffled, written", POINTS / ours["wrote"], "points/s", note=note)
        yield Row(f"{name}: read back and compared", POINTS / ours["read"], "points/s")
        yield Row(f"{name}: its own SDK in a loop", loop["points"] / loop["took"], "points/s", note=_share(loop))
        yield Row(f"{name}: {PARAMS:,} params, written", ours["params"], "s")
        yield Row(f"{name}: differences", float(not ours["equal"]), "", 0)


def _share(loop: Mapping[str, float]) -> str:
    return "" if loop["points"] >= POINTS else f"{loop['points']:,.0f} of them, then the time was up"


def _task(folder: Path, environ: Mapping[str, str], *words: str) -> dict[str, float]:
    """Do one thing in a process of its own; return what it measured."""
    command = [sys.executable, __file__, *words]
    done = subprocess.run(
        command, cwd=folder, env={**clean_environ(), **environ}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{words} ended with {done.returncode}: {done.stderr[-2000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def clean_environ() -> dict[str, str]:
    """Return the environment without what steers tracklib, a vendor or the byte code."""
    strange = ("TRACKLIB_", "MLFLOW_", "WANDB_", "COMET_", "PYTHONDONTWRITEBYTECODE")
    return {key: value for key, value in os.environ.items() if not key.startswith(strange)}


def _shuffled() -> list[tuple[int, dict[str, float]]]:
    steps = list(range(POINTS // METRICS))
    random.Random(0).shuffle(steps)
    return [(step, {f"m{number}": step / (number + 1) for number in range(METRICS)}) for step in steps]


def _loop(name: str) -> dict[str, float]:
    """Write with the vendor's own SDK, for as long as there is patience."""
    begun, written = 0.0, 0

    def until_late() -> Iterator[tuple[int, dict[str, float]]]:
        nonlocal begun, written
        begun = time.perf_counter()  # the run is open: from here on
        for step, values in _shuffled():
            if time.perf_counter() - begun > PATIENCE:
                return
            yield step, values
            written += len(values)

    exec(compile(VENDORS[name].loop, name, "exec"), {"ROWS": until_late()})  # its text stands above
    return {"points": float(written), "took": time.perf_counter() - begun}


def _ours(entry: str) -> dict[str, float]:
    """Write with the backend's sink, read back and compare."""
    from tracklib.model.records import Metrics, Params, RunEnd
    from tracklib.portability.compare import compare
    from tracklib.testing.conformance import PlaceSubject
    from tracklib.testing.conformance.desk import Desk

    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(PlaceSubject(entry), Path(folder), "volume")
        story = desk.story(*(Metrics(values, step) for step, values in _shuffled()))
        sink = desk.open(story)
        wrote = _timed(lambda: desk.send(sink, story, story.records))
        last = story.attempt([Params({f"p{number}": number for number in range(PARAMS)}), RunEnd("finished", 0)])
        params = _timed(lambda: desk.send(sink, story, last))
        held = _timed(lambda: desk.close(sink, story))
        began = time.perf_counter()
        read = desk.read(story)
        equal = read is not None and compare(story.told(), read, desk.subject.capabilities).equal
        return {
            "wrote": wrote + held,
            "params": params,
            "read": time.perf_counter() - began,
            "equal": float(equal),
        }


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    print(json.dumps(_loop(sys.argv[2]) if sys.argv[1] == "loop" else _ours(sys.argv[2])))
