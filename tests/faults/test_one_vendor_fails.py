"""One vendor's SDK failing, in whatever way, harms neither training nor the other vendors; its own backlog waits."""

from __future__ import annotations

import importlib.util
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tracklib.delivery.account import Line, account
from tracklib.delivery.launch import RelayFolder
from tracklib.testing.workplace import Workplace

PLUGINS = [Path(__file__).parent / "plugins", Path(__file__).parents[1] / "cli" / "plugins"]
KEY = "a-very-secret-key"
TRAIN = """
import math, pathlib, sys
{begin}
for step in range(40):
    if step % 10 == 0:
        print("step", step, flush=True)
    {log}
print("a warning of the program's own", file=sys.stderr)
{end}
pathlib.Path("modules").write_text(" ".join(sys.modules))
"""
TRACKED = {
    "begin": 'import tracklib; run = tracklib.init("four", id="run1", config={"lr": 0.1, "deep": {"n": 3}}, tags=["a"])',
    "log": 'run.log({"loss": 1 / (step + 1), "odd": math.inf}, step=step)',
    "end": "run.finish()",
}
UNTRACKED = dict.fromkeys(TRACKED, "pass")


class Desk(Workplace):
    """A folder in which scripts run with three good vendors and a bad one."""

    def __init__(self, path: Path) -> None:
        self.good = [path / name for name in ("one", "two", "three")]
        self.bad = path / "bad"
        plugins = os.pathsep.join(map(str, PLUGINS))
        bad = {"BADVENDOR_PLACE": str(self.bad), "BADVENDOR_KEY": KEY}
        super().__init__(path, PYTHONPATH=plugins, TRACKLIB_CAPTURE="none", **bad)
        for place in (*self.good, self.bad):
            place.mkdir()
        self.fault("")

    @property
    def crates(self) -> list[str]:
        return [f"cratevendor:{place}" for place in self.good]

    def fault(self, word: str) -> None:
        Path(f"{self.bad}.fault").write_text(word)

    def await_done(self, *entries: str) -> None:
        """Wait until these hold everything: relays go on when training has waited long enough."""
        deadline = time.monotonic() + 240
        while not all(self.by_entry()[entry].done for entry in entries):
            assert time.monotonic() < deadline, self.lines()
            time.sleep(0.2)

    def by_entry(self) -> dict[str, Line]:
        return {line.entry: line for line in self.lines()}


def into(*backends: str) -> dict[str, str]:
    """Name the backends that a script goes to."""
    return {"TRACKLIB_BACKENDS": ",".join(backends)}


def held(place: Path) -> list[tuple[Any, ...]]:
    """Return what a crate holds, without what two runs of one script differ in: times and process ids."""
    (path,) = place.glob("*.jsonl")
    found = []
    for line in path.read_bytes().splitlines():
        fields = json.loads(line)
        changing = ("time", "context", "writer")
        found.append(json.dumps({key: value for key, value in fields.items() if key not in changing}))
    return sorted(set(found))


def own(text: str) -> list[str]:
    """Return the lines of an output that are not tracklib's."""
    return [line for line in text.splitlines() if not line.startswith("tracklib: ")]


@pytest.mark.faults
@pytest.mark.parametrize("fault", ["import", "hang", "crash", "auth"])
def test_the_others_hold_what_they_hold_without_it(tmp_path: Path, fault: str) -> None:
    """Output and exit code are an untracked run's, the others hold the same bytes; once it is healed, so does it."""
    alone = Desk(tmp_path / "three")
    plain = alone.run(TRAIN.format(**UNTRACKED))
    alone.run(TRAIN.format(**TRACKED), **into(*alone.crates), TRACKLIB_FINISH_TIMEOUT="240")
    desk = Desk(tmp_path / "four")
    desk.fault(fault)
    done = desk.run(TRAIN.format(**TRACKED), **into(*desk.crates, "badvendor"), TRACKLIB_FINISH_TIMEOUT="20")
    assert (done.returncode, done.stdout) == (0, plain.stdout)
    assert own(done.stderr) == own(plain.stderr) == ["a warning of the program's own"]
    assert not {"badvendor_sdk", "badvendor_sink"} & set((desk.path / "modules").read_text().split())
    desk.await_done(*desk.crates)
    for with_it, without in zip(desk.good, alone.good, strict=True):
        assert held(with_it) == held(without)
    lines = desk.by_entry()
    assert [lines[entry].done for entry in desk.crates] == [True] * 3
    assert not lines["badvendor"].done
    assert lines["badvendor"].pending > 0
    desk.fault("")
    synced = desk.tracklib("sync")
    assert synced.returncode == 0, synced.stdout + synced.stderr
    assert held(desk.bad) == held(desk.good[0])
    assert all(line.done for line in desk.lines())
    kept = b"".join(path.read_bytes() for path in desk.root.path.rglob("*") if path.is_file())
    assert KEY.encode() not in kept
    assert KEY not in done.stderr + synced.stdout + synced.stderr


@pytest.mark.faults
@pytest.mark.server
@pytest.mark.skipif(importlib.util.find_spec("tracklib_aim") is None, reason="Aim's plugin is not installed")
def test_real_sdks_beside_one_that_crashes(tmp_path: Path) -> None:
    """MLflow and Aim hold all of it, exact, beside an SDK that ends in SIGSEGV; training imports neither."""
    desk = Desk(tmp_path / "real")
    real = [f"mlflow:sqlite:///{desk.path}/mlflow.db", f"aim:{desk.path}/repo"]
    desk.fault("crash")
    plain = desk.run(TRAIN.format(**UNTRACKED))
    patient = {"TRACKLIB_FINISH_TIMEOUT": "120", "TRACKLIB_RELAY__DEADLINE": "300"}  # but for the bad one
    done = desk.run(TRAIN.format(**TRACKED), **into(*real, desk.crates[0], "badvendor"), **patient)
    assert (done.returncode, done.stdout) == (0, plain.stdout)
    assert own(done.stderr) == own(plain.stderr)
    assert not {"mlflow", "aim", "badvendor_sdk"} & set((desk.path / "modules").read_text().split())
    lines = desk.by_entry()
    assert [lines[entry].done for entry in real] == [True, True], done.stderr
    for entry in real:
        verified = desk.tracklib("verify", "--backend", entry)
        assert verified.returncode == 0, verified.stdout + verified.stderr
    assert not lines["badvendor"].done


SWEEP = """
import sys, tracklib
for i in range({count}):
    with tracklib.init("sweep", id=f"{name}-{{i}}") as run:
        for step in range(5):
            run.log({{"loss": i / (step + 1)}}, step=step)
"""


@pytest.mark.faults
def test_runs_that_train_at_once_share_relays_which_leave(tmp_path: Path) -> None:
    """Two scripts at once, and many short runs in each: one relay for each place, all is held, no process is left."""
    desk = Desk(tmp_path / "many")
    scripts = [SWEEP.format(name=name, count=25) for name in ("a", "b")]
    processes = [desk.start(script, **into(*desk.crates), TRACKLIB_FINISH_TIMEOUT="120") for script in scripts]
    outputs = [process.communicate(timeout=180) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert [(out, own(err)) for out, err in outputs] == [("", []), ("", [])]
    for place in desk.good:
        assert len(list(place.glob("*.jsonl"))) == 50
    keys = {receipt.relay for receipt in account(desk.root.runs())}
    assert len(keys) == 3
    relays = [RelayFolder(desk.root, key) for key in keys]
    deadline = time.monotonic() + 240
    while any(relay.is_running() for relay in relays) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert [relay.is_running() for relay in relays] == [False] * 3
    while [line for line in commands() if str(desk.root.path) in line]:  # it is being taken apart
        assert time.monotonic() < deadline
        time.sleep(0.2)


def commands() -> list[str]:
    """Return the command lines of all processes; on systems without /proc there is nothing to look at."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace"))
        except OSError:
            continue
    return found
