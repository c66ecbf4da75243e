"""Promise 2: what log() accepted is never lost, and nothing shows twice.

``TRACKLIB_KILLS`` sets the number of kills: a few on each commit, 200 in a campaign (``make soak``).
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from tests.promises.conftest import Desk, Server
from tracklib.journal.glance import glance
from tracklib.journal.reader import read_run
from tracklib.model.records import Metrics

KILLS = int(os.environ.get("TRACKLIB_KILLS", "5"))

COUNT = """
import sys, time, tracklib
run = tracklib.init("kills", id=sys.argv[1])
out = sys.stdout
i = 0
while True:
    run.log({"i": i}, step=i)
    out.write(f"{i}\\n"); out.flush()
    i += 1
    time.sleep(0.0002)  # MLflow takes some four thousand points a second
"""


@pytest.mark.server
@pytest.mark.faults
def test_sigkill_at_random_moments(desk: Desk, shared_server: Server) -> None:
    """Whatever moment a SIGKILL strikes: every log() that returned is in the journal and, after a sync, at MLflow once."""
    chance = random.Random(KILLS)
    last: dict[str, int] = {}
    for number in range(KILLS):
        run_id = f"k{number}"
        process = subprocess.Popen(
            [sys.executable, "-c", COUNT, run_id], cwd=desk.path, env=desk.environ, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.uniform(0.0, 0.15))
        process.kill()
        seen = process.communicate()[0].splitlines()
        # A last line without its end was being printed: its log() had returned, yet its digits may not all be there.
        last[run_id] = max((int(line) for line in seen[:-1]), default=0)
    synced = desk.tracklib("sync", "--timeout", "500")
    assert synced.returncode == 0, synced.stdout + synced.stderr
    verified = desk.tracklib("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    for folder in desk.root.runs():
        info = glance(folder).info
        assert info.status == "crashed"
        recorded = [record.body.values["i"] for record in read_run(folder) if isinstance(record.body, Metrics)]
        assert recorded == list(range(len(recorded)))
        assert len(recorded) > last[info.id]
        (remote,) = shared_server.sql(
            "select r.status, count(m.value), count(distinct m.step) from runs r join metrics m using (run_uuid) "
            "join tags t using (run_uuid) where t.key = 'tracklib.run_id' and t.value = ?",
            info.id,
        )
        assert remote == ("FAILED", len(recorded), len(recorded))


@pytest.mark.server
@pytest.mark.faults
def test_the_relay_killed_while_it_delivers(desk: Desk) -> None:
    """A relay that is killed again and again in the middle of a backlog: all is there in the end, nothing twice."""
    script = """
import math, tracklib
run = tracklib.init("relays", id="big")
for i in range(20000):
    run.log({"a": i / 3, "b": math.inf if i % 50 == 0 else -0.0 if i % 50 == 1 else i}, step=i // 2)
run.finish()
"""
    assert desk.run(script, TRACKLIB_MODE="offline").returncode == 0
    chance = random.Random(KILLS)
    for _ in range(max(3, KILLS // 4)):
        sync = subprocess.Popen(
            [sys.executable, "-m", "tracklib.cli.main", "sync"],
            cwd=desk.path,
            env=desk.environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _kill_relay(desk, after=chance.uniform(0.0, 1.0))
        sync.kill()
        sync.wait()
    synced = desk.tracklib("sync", "--timeout", "500")
    assert synced.returncode == 0, synced.stdout + synced.stderr
    verified = desk.tracklib("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr


def _kill_relay(desk: Desk, *, after: float) -> None:
    """Wait until a relay has the lease, and a moment longer; then kill it."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for lease in desk.root.relays.glob("*/lease"):
            text = lease.read_text().strip()
            if text:
                time.sleep(after)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(text), signal.SIGKILL)
                lease.write_text("")
                return
        time.sleep(0.02)
