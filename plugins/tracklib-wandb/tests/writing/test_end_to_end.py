"""From a script through the real relay and W&B's real SDK to the emulator and back: ``sync`` and ``verify`` find all equal."""

import random
import time

import pytest

from tracklib.testing.workplace import Workplace

CORPUS = """
import math, pathlib, tracklib
with tracklib.init("digits", name="a", config={"lr": 1e-3, "m": {"big": 2**70}}, tags={"dev": "", "t": "v"}, notes="n") as run:
    for i in range(60):
        run.log({"loss": 1 / (i + 1), "acc": i, "\\ud800": math.nan, "": -0.0}, step=i // 2)
    run.log({"loss": math.inf, "big": 2**60 + 1}, step=1.5)
    run.log({"loss": 1.0}, step=-3, timestamp=1600000000.123456)
    run.log_params({"lr": 2, "m": {"depth": [1, None]}})
    pathlib.Path("f #1.txt").write_text("content")
    run.log_artifact("f #1.txt", name="a/b", aliases=["best"], metadata={"k": 1})
    run.log({"text": tracklib.Text("words"), "h": tracklib.Histogram([1.0, 2.0, 4.0])})
"""


@pytest.fixture(params=["online", "offline"])
def desk(request, tmp_path, wandb_emulator):
    """A desk whose runs go to a server, and one whose runs go to a folder."""
    del wandb_emulator
    return Workplace(
        tmp_path / "desk", "wandb" if request.param == "online" else f"wandb:{tmp_path / 'runs' / 'wandb'}"
    )


def test_a_script_lands_and_is_equal(desk):
    """A script whose one variable names W&B is there when it returns, and equal, point by point; nobody prints a word."""
    done = desk.train(CORPUS, TRACKLIB_FINISH_TIMEOUT="120")
    assert "0 pending, 0 changed, 0 refused" in done.stderr
    assert done.stdout == ""
    assert [line for line in done.stderr.splitlines() if not line.startswith("tracklib: ")] == []
    assert "equal" in desk.said("verify")


def test_nothing_of_the_sdks_is_left_among_the_temporary_files(desk, tmp_path):
    """The folders that the SDK makes at its import are gone when the relay is, and when ``doctor`` has its answer."""
    place = tmp_path / "tmp"
    place.mkdir()
    desk.environ["TMPDIR"] = str(place)
    desk.train(CORPUS, TRACKLIB_FINISH_TIMEOUT="120")
    desk.said("doctor")
    deadline = time.monotonic() + 240
    while any(place.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert list(place.iterdir()) == []


def test_nothing_of_wandb_enters_training(desk):
    """Training imports no part of W&B's SDK, and what it prints is captured once, by tracklib."""
    script = """
import sys, tracklib
run = tracklib.init("quiet", id="r")
print("said once")
run.finish(wait=True)
assert not [name for name in sys.modules if name.partition(".")[0] == "wandb"]
"""
    done = desk.train(script, TRACKLIB_FINISH_TIMEOUT="120", TRACKLIB_CAPTURE="+console")
    assert done.stdout == "said once\n"
    assert "equal" in desk.said("verify")


@pytest.mark.faults
def test_the_relay_killed_while_it_delivers(desk, wandb_emulator):
    """A relay that is killed again and again in the middle of a backlog: all is there in the end, nothing twice."""
    script = """
import math, tracklib
run = tracklib.init("relays", id="big")
for i in range(6000):
    run.log({"a": i / 3, "b": math.inf if i % 50 == 0 else i}, step=i // 2)
run.finish()
"""
    desk.train(script, TRACKLIB_MODE="offline")
    chance = random.Random(1)
    for _ in range(4):
        sync = desk.begin("sync")
        desk.kill_relay(chance.uniform(0.5, 3.0))
        sync.kill()
        sync.communicate()
    desk.said("sync", "--timeout", "400")
    assert "equal" in desk.said("verify")
    if wandb_emulator.runs:
        assert [row["a"] for row in wandb_emulator.run("relays", "big").history] == [i / 3 for i in range(6000)]
