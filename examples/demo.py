"""The demo, in five acts: a training run is tracked once and lands, exact, in two places, though a server dies on it.

    make demo

It starts real MLflow servers on 127.0.0.1, needs no account, asks nothing, and leaves its data in ``.demo`` (of the
folder that is given, if one is). The exit code is 0 only if everything that it claims was seen to hold.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracklib.delivery.lease import Lease

HOME = Path(__file__).resolve().parents[1]
PLACE = Path(sys.argv[1] if len(sys.argv) > 1 else HOME).resolve() / ".demo"
JOURNAL = PLACE / "tracklib"
SCRIPT = "examples/digits.py"
WIDE = 200
ALTERED = ("val/loss", 137, 0.001)
"""The metric, the step (the end of epoch 6) and the value that act 4 writes into MLflow's database."""


@dataclass
class Stage:
    """Tells the audience what happens, and remembers what did not hold."""

    failures: list[str] = field(default_factory=list)
    claims: int = 0
    began: float = field(default_factory=time.monotonic)
    coloured: bool = field(default_factory=lambda: sys.stdout.isatty() and "NO_COLOR" not in os.environ)

    def _print(self, text: str, style: str = "") -> None:
        print(f"\x1b[{style}m{text}\x1b[0m" if self.coloured and style else text, flush=True)

    def act(self, number: int, title: str, shows: str) -> None:
        """Begin an act."""
        self._print(f"\n{number}. {title}", "1;36")
        self._print(f"   {shows}\n", "36")

    def say(self, text: str) -> None:
        """Tell what happens behind the scenes."""
        self._print(f"   -- {text}", "33")

    def command(self, text: str) -> None:
        """Show a command as a user would type it."""
        self._print(f"   $ {text}", "1")

    def line(self, text: str, style: str = "") -> None:
        """Show a line that a command printed, cut where it is very long."""
        text = text.rstrip()
        self._print(f"   {text if len(text) <= WIDE else text[: WIDE - 4] + ' ...'}", style)

    def claim(self, text: str, held: object, seen: object = "") -> None:
        """Say that something holds, or plainly that it does not."""
        self.claims += 1
        if held:
            self._print(f"   [ok] {text}", "32")
        else:
            self.failures.append(text)
            self._print(f"   [NOT SO] {text}; seen: {seen}", "1;31")

    def close(self) -> int:
        """Sum up; return the exit code."""
        seconds = time.monotonic() - self.began
        if self.failures:
            self._print(f"\n{len(self.failures)} of {self.claims} claims did not hold:", "1;31")
            for text in self.failures:
                self.line(f"- {text}")
            return 1
        self._print(f"\nAll {self.claims} claims held, in {seconds:.0f} s.", "1;32")
        return 0


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a child process: nothing of the caller's own tracking is in it."""
    foreign = ("TRACKLIB_", "MLFLOW_", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "COLUMNS", "LINES")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "MLFLOW_DISABLE_TELEMETRY": "true", "TRACKLIB_DIR": str(JOURNAL), **more}


class Server:
    """A real MLflow server with a SQLite store, that serves its artifacts."""

    def __init__(self, name: str) -> None:
        self.folder = PLACE / name
        self.database = self.folder / "mlflow.db"
        self.folder.mkdir(parents=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it takes some seconds until it answers."""
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--backend-store-uri", f"sqlite:///{self.database}", "--workers", "1"]
        command += ["--artifacts-destination", f"file://{self.folder / 'artifacts'}"]
        lean = environment(MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false")
        with (self.folder / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=lean, start_new_session=True
            )

    def wait(self) -> None:
        """Wait until it answers.

        Raises:
            RuntimeError: It stopped, or took longer than two minutes.
        """
        deadline = time.monotonic() + 120
        while not self._answers():
            gone = self._process is None or self._process.poll() is not None
            if gone or time.monotonic() > deadline:
                log = (self.folder / "log.txt").read_text(errors="replace")
                raise RuntimeError(f"MLflow {'stopped' if gone else 'did not answer for two minutes'}:\n{log[-2000:]}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def kill(self) -> None:
        """Kill it and its workers, as a power cut would."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """Stop it and its workers; kill what does not stop."""
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)

    def count(self) -> int:
        """Return how many runs its database holds."""
        with contextlib.closing(sqlite3.connect(self.database)) as database:
            return int(database.execute("SELECT count(*) FROM runs").fetchone()[0])

    def vendor_id(self, run: str) -> str:
        """Return MLflow's own id of a run."""
        with contextlib.closing(sqlite3.connect(self.database)) as database:
            query = "SELECT run_uuid FROM tags WHERE key = 'tracklib.run_id' AND value = ?"
            return str(database.execute(query, (run,)).fetchone()[0])

    def alter(self, vendor_id: str, key: str, step: int, value: float) -> float:
        """Write another value over one point, behind MLflow's back; return what was there."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=30)) as database, database:
            point = (vendor_id, key, step)
            found = database.execute(
                "SELECT value FROM metrics WHERE run_uuid = ? AND key = ? AND step = ?", point
            ).fetchone()
            database.execute(
                "UPDATE metrics SET value = ? WHERE run_uuid = ? AND key = ? AND step = ?", (value, *point)
            )
            return float(found[0])


@dataclass
class Ended:
    """What a command came to."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """Everything that it printed."""
        return self.out.decode(errors="replace") + self.err


def run(
    stage: Stage, command: list[str], env: dict[str, str], on_line: Callable[[str], None] = lambda _: None
) -> Ended:
    """Run a command, showing what it prints as it prints it."""
    process = subprocess.Popen(command, cwd=HOME, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    said: list[str] = []
    listener = threading.Thread(target=_listen, args=(stage, process.stderr, said), daemon=True)
    listener.start()
    out = b""
    try:
        for line in process.stdout:
            out += line
            stage.line(line.decode(errors="replace"))
            on_line(line.decode(errors="replace"))
        code = process.wait()
    finally:
        process.kill()  # nothing, where it has ended
        process.wait()
    listener.join()
    return Ended(code, out, "".join(said))


def _listen(stage: Stage, stream: Any, said: list[str]) -> None:
    for line in stream:
        said.append(line.decode(errors="replace"))
        stage.line(said[-1], "2")


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
    first, second = Server("mlflow-1"), Server("mlflow-2")
    first.start()
    try:
        yield first, second
    finally:
        stop_relays()
        first.stop()
        second.stop()


def main() -> int:
    """Play the five acts."""
    stage = Stage()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    stage.line("tracklib, in five acts. Everything happens on this machine; the data stays in .demo")
    try:
        with servers() as (first, second):
            untracked = act_one(stage, first)
            run_id = act_two(stage, first, untracked)
            second.start()
            act_three(stage, first)
            act_four(stage, first, run_id)
            act_five(stage, second)
            farewell(stage, first, run_id)
    except KeyboardInterrupt:
        stage.line("\n   interrupted; everything that was started is stopped")
        return 130
    except RuntimeError as error:
        stage.claim(str(error), held=False)
    return stage.close()


if __name__ == "__main__":
    sys.exit(main())
