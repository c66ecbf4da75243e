"""Migrating from a W&B server that refuses more than so many requests, killed and continued."""

import os
import sqlite3
import subprocess
import sys
from collections import Counter

import pytest

from tracklib.model.query import RunQuery
from tracklib.model.records import Metrics, RunEnd
from tracklib.portability.places import open_place
from tracklib.testing.emulators import Status

from .test_online import NOW, put

pytestmark = pytest.mark.server

RUNS, ROWS = 60, 5
GOING_ON = ("run3", "run40")


def rows(count):
    return [{"_step": step, "_timestamp": NOW + step, "v": step} for step in range(count)]


def command(server, folder):
    """Start a migration of everything into a bundle."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("TRACKLIB_")}
    words = ["migrate", "wandb:team/theirs", f"bundle:{folder / 'copy'}", "--ledger", str(ledger(folder)), "-j", "4"]
    return subprocess.Popen(
        [sys.executable, "-m", "tracklib.cli.main", *words],
        cwd=folder,
        env={**clean, **server.environment(), "TRACKLIB_DIR": str(folder / "root")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ledger(folder):
    return folder / "ledger.sqlite"


def states(folder):
    """Return what the ledger says of each run."""
    with sqlite3.connect(ledger(folder)) as base:
        found = dict(base.execute("SELECT id, state FROM runs"))
    base.close()
    return found


@pytest.mark.faults
def test_no_run_that_was_copied_is_read_again(serve, tmp_path, monkeypatch):
    """Killed and continued: what was copied is not asked for again, and a run that went on is completed then."""
    server = serve()
    for number in range(RUNS):
        name = f"run{number}"
        put(server, name, rows(ROWS), state="running" if name in GOING_ON else "finished")
    limit = server.faults.add("*", Status(429, headers={"Retry-After": "0.1"}), times=3, skip=20)
    asked, killed = Counter(), []
    operation = server.operation

    def counting(request):
        if run := request.json()["variables"].get("run"):
            asked[run] += 1
            if not killed and len(asked) > RUNS // 2:
                killed.append(process.kill())
        return operation(request)

    monkeypatch.setattr(server, "operation", counting)
    process = command(server, tmp_path)
    process.communicate(timeout=120)
    assert killed
    before = states(tmp_path)
    done = {run for run, state in before.items() if state == "copied"}
    assert 10 < len(done) < RUNS
    assert done.isdisjoint(GOING_ON)
    first = Counter(asked)
    for name in GOING_ON:
        put(server, name, rows(2 * ROWS))
    process = command(server, tmp_path)
    told, _ = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert limit.hits == 3
    assert {run: asked[run] - first[run] for run in done} == dict.fromkeys(done, 0)
    assert states(tmp_path) == {f"run{number}": "copied" for number in range(RUNS)}
    copy = open_place(f"bundle:{tmp_path / 'copy'}").source()
    held = list(copy.runs(RunQuery()))
    assert sorted(run.id for run in held) == sorted(states(tmp_path))
    for run in held:
        bodies = [record.body for record in copy.read(run)]
        points = [body.step for body in bodies if isinstance(body, Metrics)]
        assert points == list(range(2 * ROWS if run.id in GOING_ON else ROWS)), run.id
        assert [body.status for body in bodies if isinstance(body, RunEnd)] == ["finished"]
    again = Counter(asked)
    process = command(server, tmp_path)
    told, _ = process.communicate(timeout=120)
    assert process.returncode == 0, told
    assert asked == again
