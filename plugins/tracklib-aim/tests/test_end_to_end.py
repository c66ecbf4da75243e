"""From a script through the real relay to a real Aim and back: ``sync`` and ``verify`` find everything equal."""

import random

import pytest

from tracklib.testing.workplace import Workplace

CORPUS = """
import math, pathlib, tracklib
with tracklib.init("digits", name="a", config={"lr": 1e-3, "m": {"big": 2**70}}, tags={"dev": "", "t": "v"}, notes="n") as run:
    for i in range(60):
        run.log({"loss": 1 / (i + 1), 'acc{"subset":"val"}': i, "\\ud800": math.nan, "": -0.0}, step=i // 2)
    run.log({"loss": math.inf, "big": 2**60 + 1}, step=1.5)
    run.log({"loss": 1.0}, step=-3, timestamp=1600000000.123456)
    run.log_params({"lr": 2, "m": {"depth": [1, None]}})
    pathlib.Path("f #1.txt").write_text("content")
    run.log_artifact("f #1.txt", name="a/b", aliases=["best"], metadata={"k": 1})
    run.log({"text": tracklib.Text("words"), "h": tracklib.Histogram([1.0, 2.0, 4.0])})
"""


@pytest.mark.parametrize("kind", ["local", "server"])
def test_a_script_lands_and_is_equal(request, tmp_path, kind):
    """A script whose one variable names Aim is there when it returns, and equal, point by point."""
    place = f"aim:{request.getfixturevalue('folder') if kind == 'local' else request.getfixturevalue('server').place}"
    desk = Workplace(tmp_path / "desk", place)
    done = desk.train(CORPUS, TRACKLIB_FINISH_TIMEOUT="120")
    assert "0 pending, 0 changed, 0 refused" in done.stderr
    assert "equal" in desk.said("verify")


@pytest.mark.faults
def test_the_relay_killed_while_it_delivers(folder, tmp_path):
    """A relay that is killed again and again in the middle of a backlog: all is there in the end, nothing twice."""
    desk = Workplace(tmp_path / "desk", f"aim:{folder}")
    script = """
import math, tracklib
run = tracklib.init("relays", id="big")
for i in range(20000):
    run.log({"a": i / 3, "b": math.inf if i % 50 == 0 else i}, step=i // 2)
run.finish()
"""
    desk.train(script, TRACKLIB_MODE="offline")
    chance = random.Random(1)
    for _ in range(3):
        sync = desk.begin("sync")
        desk.kill_relay(chance.uniform(0.8, 3.0))
        sync.kill()
        sync.communicate()
    desk.said("sync", "--timeout", "400")
    assert "equal" in desk.said("verify")


@pytest.mark.faults
def test_two_roots_and_several_runs_write_one_repository(tmp_path):
    """Two journal roots with two runs each, all training at once into one new repository: nothing fails, nothing is lost."""
    script = """
import tracklib
with tracklib.init("shared", id={id!r}) as run:
    for i in range(500):
        run.log({{"x": i / 3}}, step=i)
"""
    desks = [Workplace(tmp_path / name, f"aim:{tmp_path / 'repo'}") for name in ("one", "two")]
    running = [desk.start(script.format(id=desk.path.name + number)) for desk in desks for number in "12"]
    for process in running:
        said = process.communicate(timeout=300)[1]
        assert process.returncode == 0, said
    for desk in desks:
        desk.said("sync", "--timeout", "200")
        assert desk.said("verify").count("equal") >= 2
    from aim.sdk.repo import Repo

    assert len(list(Repo(str(tmp_path / "repo")).iter_runs())) == 4
