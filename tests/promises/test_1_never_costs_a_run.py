"""Promise 1: no fault of a vendor, network, disk or SDK raises in, slows or hangs training."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.promises.conftest import Desk, Server
from tracklib.testing.ports import free_port

TRAIN = """
import math, pathlib, sys, time
{begin}
for epoch in range(6):
    for step in range(10):
        {log}
        time.sleep(0.01)
    print("epoch", epoch, flush=True)
pathlib.Path("model.bin").write_bytes(bytes(range(256)) * 10)
{artifact}
sys.exit(3)
"""
TRACKED = {
    "begin": 'import tracklib; run = tracklib.init("outage", id="r1", config={"lr": 0.1, "note": "x" * 9000})',
    "log": 'run.log({"loss": 1 / (epoch * 10 + step + 1), "odd": math.inf}, step=epoch * 10 + step)',
    "artifact": 'run.log_artifact("model.bin", name="model", aliases=["last"])',
}
UNTRACKED = dict.fromkeys(TRACKED, "pass")


@pytest.mark.server
def test_a_server_that_dies_and_returns(tmp_path: Path, own_server: Server) -> None:
    """Killed mid-run and started later: output and exit code are those of an untracked run, and sync makes it exact."""
    own_server.start()
    desk = Desk(tmp_path / "desk", own_server.url)
    plain = desk.run(TRAIN.format(**UNTRACKED))
    training = desk.start(TRAIN.format(**TRACKED), TRACKLIB_FINISH_TIMEOUT="1")
    assert training.stdout is not None
    first = [training.stdout.readline() for _ in range(2)]
    own_server.kill()
    rest, errors = training.communicate(timeout=120)
    assert "".join(first) + rest == plain.stdout
    assert training.returncode == plain.returncode == 3
    assert [line for line in errors.splitlines() if not line.startswith("tracklib: ")] == plain.stderr.splitlines()
    (line,) = desk.lines()
    assert line.pending > 0
    own_server.start()
    synced = desk.tracklib("sync")
    assert synced.returncode == 0, synced.stdout + synced.stderr
    verified = desk.tracklib("verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert own_server.sql("select count(*) from metrics where key = 'loss'") == [(60,)]
    assert own_server.sql("select status from runs") == [("FAILED",)]


@pytest.mark.server
def test_a_black_hole_costs_init_nothing(tmp_path: Path) -> None:
    """An address that never answers changes neither what training prints nor how it ends."""
    desk = Desk(tmp_path / "desk", "http://10.255.255.1:5000")
    plain = desk.run(TRAIN.format(**UNTRACKED))
    tracked = desk.run(TRAIN.format(**TRACKED), TRACKLIB_FINISH_TIMEOUT="0")
    assert (tracked.stdout, tracked.returncode) == (plain.stdout, plain.returncode)
    assert all(line.startswith("tracklib: ") for line in tracked.stderr.splitlines())
    assert [line.pending for line in desk.lines()] == [64]


@pytest.mark.server
def test_fifty_short_runs_share_one_relay(desk: Desk) -> None:
    """Fifty runs in one script are delivered whole, by one relay."""
    script = """
import tracklib
for i in range(50):
    with tracklib.init("sweep", id=f"run{i}", config={"i": i}) as run:
        for step in range(5):
            run.log({"loss": i / (step + 1)}, step=step)
"""
    done = desk.run(script, TRACKLIB_FINISH_TIMEOUT="120")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("0 pending, 0 changed, 0 refused") == 1
    assert [line.done for line in desk.lines()] == [True] * 50
    assert len([path for path in desk.root.relays.iterdir() if path.is_dir()]) == 1


@pytest.mark.server
def test_no_connection_but_to_the_hosts_named(desk: Desk, shared_server: Server) -> None:
    """Training, relay and MLflow's client together connect to the server that is configured, and to nothing else."""
    watch = desk.path / "watch"
    watch.mkdir()
    (watch / "sitecustomize.py").write_text(
        "import os, sys\n"
        "def seen(event, arguments):\n"
        "    if event in ('socket.connect', 'socket.sendto', 'socket.getaddrinfo', 'socket.gethostbyname'):\n"
        "        address = arguments[1] if event in ('socket.connect', 'socket.sendto') else arguments[:2]\n"
        f"        with open({str(desk.path / 'connections')!r}, 'a') as file: file.write(f'{{event}} {{address!r}}\\n')\n"
        "sys.addaudithook(seen)\n"
    )
    script = 'import tracklib\nwith tracklib.init("quiet") as run:\n    run.log({"a": 1.0})\n    run.log_artifact(__import__("sys").executable)\n'
    done = desk.run(script, PYTHONPATH=str(watch))
    assert "0 pending" in done.stderr
    lines = (desk.path / "connections").read_text().splitlines()
    to_server = f"('127.0.0.1', {shared_server.port})"
    assert any(line == f"socket.connect {to_server}" for line in lines)
    assert {line for line in lines if "127.0.0.1" not in line and "localhost" not in line} == set()


def test_a_port_that_nobody_listens_on_is_told_in_one_line(tmp_path: Path) -> None:
    """The last lines say what stands in the way and which command delivers the rest; training's exit code is its own."""
    desk = Desk(tmp_path / "desk", f"http://127.0.0.1:{free_port()}")
    began = time.monotonic()
    done = desk.run(
        'import tracklib\nwith tracklib.init("x") as run:\n    run.log({"a": 1.0})', TRACKLIB_FINISH_TIMEOUT="4"
    )
    assert done.returncode == 0
    assert time.monotonic() - began < 60
    assert "3 pending" in done.stderr
    assert "deliver the rest with: tracklib sync" in done.stderr
