"""Promise 2, over restarts: one job, killed and started again many times, is one run everywhere, without a gap.

``TRACKLIB_RESTARTS`` sets the number of kills: a few on each commit, 20 in a campaign (``make soak``).
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from itertools import groupby
from pathlib import Path

import pytest

from tests.promises.conftest import Desk, Server
from tracklib.journal.glance import glance, starts_of
from tracklib.journal.reader import read_run
from tracklib.model.records import Metrics

RESTARTS = int(os.environ.get("TRACKLIB_RESTARTS", "4"))

JOB = """
import os, sys, time, tracklib
first = int(open("checkpoint").read()) if os.path.exists("checkpoint") else 0
with tracklib.init("job", id="one", name="job", config={"lr": 0.1}) as run:
    print(run.attempt, flush=True)
    for step in range(first, int(sys.argv[1])):
        run.log({"loss": 1 / (step + 1), "attempt": run.attempt}, step=step)
        if step % 50 == 0:
            with open("checkpoint.new", "w") as file:
                file.write(str(step))
            os.replace("checkpoint.new", "checkpoint")
        time.sleep(0.001)
"""


def start(desk: Desk, steps: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", JOB, str(steps)],
        cwd=desk.path,
        env={**desk.environ, "TRACKLIB_FINISH_TIMEOUT": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.server
@pytest.mark.faults
def test_one_job_killed_and_started_again(desk: Desk, shared_server: Server, tmp_path: Path) -> None:
    """Kills at random moments: one run, each step in it, repeated ones told apart by their attempt, equal everywhere.

    A second backend that is named later, by one line of configuration, gets the whole run.
    """
    chance = random.Random(RESTARTS)
    for number in range(1, RESTARTS + 1):
        process = start(desk, 10**9)
        assert process.stdout is not None
        assert process.stdout.readline() == f"{number}\n"
        time.sleep(chance.uniform(0.0, 0.4))
        process.kill()
        process.communicate()
    (folder,) = desk.root.runs()
    reached = max(record.body.step for record in read_run(folder) if isinstance(record.body, Metrics))
    last = start(desk, int(reached) + 100)
    assert last.communicate(timeout=120)[0] == f"{RESTARTS + 1}\n" and last.returncode == 0
    synced = desk.tracklib("sync", "--timeout", "300")
    assert synced.returncode == 0, synced.stdout + synced.stderr
    points = check_journal(desk, int(reached) + 100)
    ours = "join tags t using (run_uuid) where t.key = 'tracklib.run_id' and t.value = 'one'"
    mine = f"{ours} and r.experiment_id = (select experiment_id from experiments where name = ?)"
    runs = shared_server.sql(f"select r.status from runs r {mine}", f"{desk.path}")
    assert runs == [("FINISHED",)]
    (held,) = shared_server.sql(
        f"select count(*) from runs r join metrics m using (run_uuid) {mine} and m.key = 'loss'", f"{desk.path}"
    )
    assert held == (points,)
    assert desk.tracklib("verify").returncode == 0

    place = f"mlflow:sqlite:///{tmp_path / 'second.db'}"
    (desk.path / "tracklib.toml").write_text(f'backends = ["{place}"]\n')
    del desk.environ["TRACKLIB_BACKENDS"]
    again = start(desk, int(reached) + 150)
    assert again.communicate(timeout=120)[0] == f"{RESTARTS + 2}\n"
    synced = desk.tracklib("sync", "--timeout", "300")
    assert synced.returncode == 0, synced.stdout + synced.stderr
    check_journal(desk, int(reached) + 150)
    assert {line.entry: line.pending for line in desk.lines()} == {"mlflow": 0, place: 0}
    verified = desk.tracklib("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def check_journal(desk: Desk, steps: int) -> int:
    """Check that each step is there, and each of a later attempt at most once; return the number of points."""
    (folder,) = desk.root.runs()
    info = glance(folder).info
    assert info.status == "finished"
    assert sorted(start.attempt for _, _, start in starts_of(folder)) == list(range(1, info.attempt + 1))
    seen = [
        (int(record.body.values["attempt"]), int(record.body.step))
        for record in read_run(folder)
        if isinstance(record.body, Metrics)
    ]
    assert {step for _, step in seen} == set(range(steps))
    for _, group in groupby(seen, key=lambda item: item[0]):
        own = [step for _, step in group]
        assert own == list(range(own[0], own[0] + len(own)))
    return len(seen)
