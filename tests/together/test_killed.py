"""A relay that is killed while its SDK's queue, or a server, holds what nobody has confirmed: it is sent again, and shows once."""

from __future__ import annotations

import os
import signal

import pytest

from tests.together.conftest import Desk, until
from tracklib.delivery.launch import RelayFolder
from tracklib.delivery.lease import Lease
from tracklib.testing.emulators import Hang

TRAIN = """
import pathlib, time, tracklib
with tracklib.init("queue", id="r1") as run:
    for step in range(30):
        run.log({"x": step / 7}, step=step)
    print("logged", flush=True)
    while not pathlib.Path("go").exists():
        time.sleep(0.05)
    for step in range(30, 40):
        run.log({"x": step / 7}, step=step)
"""
HELD_UP = {"wandb": "file_stream", "comet": "POST asset/upload"}
"""What is to hang so that the points are sent and not confirmed: W&B's stream; the file that makes Comet's points safe."""


def kill_relay(desk: Desk, vendor: str) -> None:
    """End a relay, and no other process, as a kernel that is short of memory does."""
    (line,) = desk.of()[vendor]
    holder = Lease(RelayFolder(desk.root, line.relay).lease).holder()
    assert holder is not None
    os.kill(holder, signal.SIGKILL)
    until(lambda: Lease(RelayFolder(desk.root, line.relay).lease).holder() is None)


@pytest.mark.faults
@pytest.mark.parametrize("vendor", HELD_UP)
def test_what_only_a_queue_held_is_sent_again(desk: Desk, vendor: str) -> None:
    """Killed between sent and confirmed, in the middle of a run: everything is held in the end, each point once."""
    server = desk.wandb if vendor == "wandb" else desk.comet
    hanging = server.faults.add(HELD_UP[vendor], Hang(), times=None)
    training = desk.start(TRAIN, TRACKLIB_BACKENDS=vendor)
    assert training.stdout is not None
    assert training.stdout.readline() == "logged\n"
    until(lambda: hanging.hits)
    (line,) = desk.of()[vendor]
    assert line.confirmed < 30
    kill_relay(desk, vendor)
    server.faults.clear()
    (desk.path / "go").touch()
    training.communicate(timeout=200)
    assert training.returncode == 0
    synced = desk.tracklib("sync")
    assert synced.returncode == 0, synced.stdout + synced.stderr
    desk.verified(vendor)
    if vendor == "wandb":
        (run,) = desk.wandb.runs.values()
        shown = [row["x"] for row in run.history]
    else:
        (experiment,) = desk.comet.experiments.values()
        shown = [float(value) for _, value in experiment.series("x")]
    assert shown == [step / 7 for step in range(40)]
