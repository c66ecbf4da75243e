"""Runs share relays, and none is left when there is nothing to do."""

from __future__ import annotations

import time

import pytest

from tests.together.conftest import VENDORS, Desk, own, processes_of

SWEEP = """
import sys, tracklib
for i in range({count}):
    with tracklib.init("sweep", id=f"{name}-{{i}}") as run:
        for step in range(5):
            run.log({{"loss": i / (step + 1)}}, step=step)
"""
RUNS = 6
RELAY = "tracklib.delivery.relay"


@pytest.mark.faults
def test_scripts_that_train_at_once_share_relays_which_leave(desk: Desk) -> None:
    """Two scripts at once, several runs in each: one relay for each vendor, all is held, and no process is left."""
    scripts = [SWEEP.format(name=name, count=RUNS) for name in ("a", "b")]
    training = [desk.start(script, TRACKLIB_FINISH_TIMEOUT="0") for script in scripts]
    relays: set[str] = set()
    outputs = [process.communicate(timeout=180) for process in training]
    assert [process.returncode for process in training] == [0, 0]
    assert [(out, own(err)) for out, err in outputs] == [("", []), ("", [])]
    deadline = time.monotonic() + 400
    while not all(len(lines) == 2 * RUNS and all(x.done for x in lines) for lines in desk.of().values()):
        assert time.monotonic() < deadline, desk.lines()
        relays |= {command for command in processes_of(desk) if RELAY in command}
        time.sleep(0.3)
    keys = {vendor: {line.relay for line in lines} for vendor, lines in desk.of().items()}
    assert {vendor: len(found) for vendor, found in keys.items()} == dict.fromkeys(VENDORS, 1)
    assert len(relays) <= len(VENDORS)
    assert len(desk.wandb.runs) == len(desk.comet.experiments) == 2 * RUNS
    while left := processes_of(desk):
        assert time.monotonic() < deadline, left
        time.sleep(0.3)
    desk.verified(*VENDORS)
