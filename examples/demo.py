"""The demo, in six acts: a training run is tracked once and lands, exact, in many places, though a server dies on it.

    make demo

It starts real MLflow servers on 127.0.0.1, needs no account, asks nothing, and leaves its data in ``.demo`` (of the
folder that is given, if one is). The exit code is 0 only if everything that it claims was seen to hold.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from mlflow_server import Server
from stage import HOME, Ended, Stage, run

from tracklib.delivery.lease import Lease

PLACE = Path(sys.argv[1] if len(sys.argv) > 1 else HOME).resolve() / ".demo"
JOURNAL = PLACE / "tracklib"
SCRIPT = "examples/digits.py"
ALTERED = ("val/loss", 137, 0.001)
"""The metric, the step (the end of epoch 6) and the value that act 4 writes into MLflow's database."""


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a child process: nothing of the caller's own tracking is in it."""
    foreign = ("TRACKLIB_", "MLFLOW_", "WANDB_", "COMET_", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "COLUMNS", "LINES")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "MLFLOW_DISABLE_TELEMETRY": "true", "TRACKLIB_DIR": str(JOURNAL), **more}


def train(stage: Stage, *options: str, on_line: Callable[[str], None] = lambda _: None, **settings: str) -> Ended:
    """Run the training script, with some settings in its environment."""
    shown = " ".join(f"{name}={value}" for name, value in settings.items())
    stage.command(f"{shown} python {' '.join([SCRIPT, *options])}".strip())
    return run(stage, [sys.executable, SCRIPT, *options], environment(**settings), on_line)


def tracklib(stage: Stage, *words: str) -> Ended:
    """Run tracklib's command line."""
    stage.command(" ".join(["tracklib", *words]))
    return run(stage, [str(Path(sys.executable).with_name("tracklib")), *words], environment())


def receipts() -> list[tuple[str, dict[str, Any]]]:
    """Return the receipts of all runs, each with the run's id."""
    return [(path.parts[-3], json.loads(path.read_bytes())) for path in JOURNAL.glob("*/*/receipts/*.json")]


def written() -> dict[str, int]:
    """Return how many records each run has, by its id: the numbers of its segments' last lines, together."""
    counts: Counter[str] = Counter()
    for path in JOURNAL.glob("*/*/journal/*.jsonl"):
        counts[path.parts[-3]] += json.loads(path.read_bytes().splitlines()[-1]).get("seq", 0)
    return dict(counts)


def settled() -> dict[str, int]:
    """Return what is confirmed once that is all there is, or after ten seconds: captures follow a run's end."""
    until = time.monotonic() + 10
    while not (held := confirmed()) or not held.items() <= written().items():
        if time.monotonic() > until:
            break
        time.sleep(0.1)
    return held


def act_one(stage: Stage, first: Server) -> bytes:
    """One script, two places; return what it prints."""
    stage.act(1, "One script, and no line of it changes", "Where a run goes is said outside of the training code.")
    stage.say("a local MLflow is starting; meanwhile, the script without any tracking:")
    untracked = train(stage, TRACKLIB_MODE="disabled")
    stage.claim("an untracked run leaves nothing behind", not JOURNAL.exists(), JOURNAL)
    stage.say("now with the journal alone, which needs no server and no account:")
    alone = train(stage)
    stage.claim("the journal holds it", len(written()) == 1, written())
    first.wait()
    stage.say("and now with MLflow as well:")
    both = train(stage, TRACKLIB_BACKENDS="mlflow", MLFLOW_TRACKING_URI=first.address)
    same = untracked.out == alone.out == both.out and untracked.code == alone.code == both.code == 0
    stage.claim("all three printed the same, byte for byte, and exited with 0", same)
    held = settled()
    stage.claim("MLflow has confirmed every record", held and held.items() <= written().items(), held)
    return untracked.out


def confirmed() -> dict[str, int]:
    """Return how many records the backend has confirmed of each run that goes to one, by the run's id."""
    return {run_id: sum(seq for _, seq in receipt["confirmed"].values()) for run_id, receipt in receipts()}


def act_two(stage: Stage, first: Server, untracked: bytes) -> str:
    """The server dies in the middle of an epoch; return the id of the run that was under way."""
    stage.act(2, "The server is killed in the middle of an epoch", "Training does not notice; the journal goes on.")
    before = set(written())

    def watch(line: str) -> None:
        if line.startswith("epoch  5"):
            threading.Timer(0.4, strike).start()

    def strike() -> None:
        first.kill()
        stage.say("kill -9: MLflow is gone, in the middle of epoch 6")

    settings = {"TRACKLIB_BACKENDS": "mlflow", "MLFLOW_TRACKING_URI": first.address, "TRACKLIB_FINISH_TIMEOUT": "2"}
    ended = train(stage, "--pause", "0.8", on_line=watch, **settings)
    run_id = (set(written()) - before).pop()
    stage.claim("it printed what the untracked run printed, byte for byte", ended.out == untracked)
    stage.claim("it exited with 0", ended.code == 0, ended.code)
    status = tracklib(stage, "status")
    lost = [int(count.replace(",", "")) for count in re.findall(r"([\d,]+) pending", ended.err)]
    stage.claim(f"{sum(lost)} records are pending, and on this disk", sum(lost) > 0, status.text)
    return run_id


def act_three(stage: Stage, first: Server) -> None:
    """The server is back."""
    stage.act(3, "The server is back", "What was pending is delivered, and proved equal point by point.")
    first.start()
    first.wait()
    synced = tracklib(stage, "sync")
    stage.claim("sync exited with 0", synced.code == 0, synced.code)
    states = [receipt["state"] for _, receipt in receipts()]
    stage.claim("nothing is pending", states == ["complete"] * 2, states)
    stage.claim("nothing was sent twice and kept twice: verify finds all equal", verified(stage) == 0)


def verified(stage: Stage, *words: str) -> int:
    """Return the exit code of ``tracklib verify``."""
    return tracklib(stage, "verify", *words).code


def act_four(stage: Stage, first: Server, run_id: str) -> None:
    """One value is altered, and found."""
    stage.act(
        4, "Somebody alters one value in MLflow's database", "verify names the run, the metric, the step, both values."
    )
    key, step, value = ALTERED
    vendor_id = first.vendor_id(run_id)
    original = first.alter(vendor_id, key, step, value)
    stage.say(f"in the table of metrics, {key} at step {step} is {value} now; it was {original!r}")
    found = tracklib(stage, "verify")
    stage.claim("verify exited with 1", found.code == 1, found.code)
    for what, words in (("run", run_id), ("metric", key), ("step", str(step)), ("value there", str(value))):
        stage.claim(f"it names the {what}, {words}", words in found.text, found.text)
    stage.claim(f"it names the value here, {original!r}", repr(original) in found.text, found.text)
    first.alter(vendor_id, key, step, original)
    stage.say("the value is put back")
    stage.claim("verify exited with 0", verified(stage) == 0)


def act_five(stage: Stage, second: Server) -> None:
    """A second, empty MLflow is named and filled."""
    stage.act(5, "A second MLflow, empty, is named afterwards", "Every run so far lands there too, from the journal.")
    second.wait()
    place = f"mlflow:{second.address}"
    stage.claim("it is empty", second.count() == 0, second.count())
    synced = tracklib(stage, "sync", "--backend", place)
    stage.claim("sync exited with 0", synced.code == 0, synced.code)
    stage.claim(
        "it holds all three runs, the first one too, which knew no backend", second.count() == 3, second.count()
    )
    stage.claim("verify finds them equal", verified(stage, "--backend", place) == 0)


def four_places() -> dict[str, str]:
    """Return a place of each vendor's on this disk, by its name: W&B and Comet as they write where there is no network."""
    places = {name: f"{name}:{PLACE / name}" for name in ("aim", "comet", "wandb")}
    if sys.version_info >= (3, 13):
        del places["aim"]  # there is no Aim for it
    return {**places, "mlflow": f"mlflow:sqlite:///{PLACE / 'four.db'}"}


def act_six(stage: Stage, untracked: bytes) -> None:
    """Several systems at once, each through its own SDK."""
    places = four_places()
    stage.act(
        6, "The same script, into all of them at once", "Each is written by its vendor's own SDK, outside of training."
    )
    before = set(written())
    ended = train(stage, TRACKLIB_BACKENDS=",".join(places.values()), TRACKLIB_FINISH_TIMEOUT="120")
    stage.claim("it printed what the untracked run printed, byte for byte", ended.out == untracked)
    run_id = (set(written()) - before).pop()
    compared = tracklib_json("verify", run_id)["comparisons"]
    stage.command(f"tracklib verify {run_id}")
    for row in [("", "metrics", "points", "params", "artifacts", ""), *map(_row, compared)]:
        stage.line(f"{row[0]:<10}" + "".join(f"{cell:>10}" for cell in row[1:5]) + f"  {row[5]}")
    equal = {item["entry"] for item in compared if item["equal"]}
    stage.claim(f"all {len(places)} hold the whole run, equal", equal == set(places.values()), compared)


def _row(comparison: Mapping[str, Any]) -> tuple[str, ...]:
    counts = comparison["counts"]
    numbers = [str(counts[what]) for what in ("metrics", "points", "params", "artifacts")]
    return comparison["entry"].partition(":")[0], *numbers, "equal" if comparison["equal"] else "DIFFERENT"


def tracklib_json(*words: str) -> dict[str, Any]:
    """Return what tracklib's command line says to programs."""
    command = [str(Path(sys.executable).with_name("tracklib")), *words, "--json"]
    done = subprocess.run(command, cwd=HOME, env=environment(), capture_output=True, text=True, check=False)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def farewell(stage: Stage, first: Server, run_id: str) -> None:
    """Say how to look at what was made."""
    stage.line("\n   What is there now:")
    tracklib(stage, "runs")
    where = os.path.relpath(first.folder)
    stage.line("\n   Look at the runs, and stop with Ctrl-C:")
    stage.command(
        f"{os.path.relpath(sys.executable)} -m mlflow ui --backend-store-uri sqlite:///{where}/mlflow.db"
        f" --artifacts-destination {where}/artifacts --workers 1"
    )
    program = os.path.relpath(Path(sys.executable).with_name("tracklib"))
    stage.command(f"{program} show {run_id[:5]} --dir {os.path.relpath(JOURNAL)}")


def stop_relays() -> None:
    """End the relays that are still there, idle, and wait until they are gone."""
    leases = [Lease(path) for path in (JOURNAL / "relays").glob("*/lease")]
    for lease in leases:
        if pid := lease.holder():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 10
    while any(lease.holder() is not None for lease in leases) and time.monotonic() < deadline:
        time.sleep(0.1)


@contextlib.contextmanager
def servers() -> Iterator[tuple[Server, Server]]:
    """Two servers, the first one starting; both are stopped in the end, and the relays with them."""
    shutil.rmtree(PLACE, ignore_errors=True)
    first, second = (Server(PLACE / f"mlflow-{number}", environment()) for number in (1, 2))
    first.start()
    try:
        yield first, second
    finally:
        stop_relays()
        first.stop()
        second.stop()


def main() -> int:
    """Play the six acts."""
    stage = Stage()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    stage.line("tracklib, in six acts. Everything happens on this machine; the data stays in .demo")
    try:
        with servers() as (first, second):
            untracked = act_one(stage, first)
            run_id = act_two(stage, first, untracked)
            second.start()
            act_three(stage, first)
            act_four(stage, first, run_id)
            act_five(stage, second)
            act_six(stage, untracked)
            farewell(stage, first, run_id)
    except KeyboardInterrupt:
        stage.line("\n   interrupted; everything that was started is stopped")
        return 130
    except RuntimeError as error:
        stage.claim(str(error), held=False)
    return stage.close()


if __name__ == "__main__":
    sys.exit(main())
