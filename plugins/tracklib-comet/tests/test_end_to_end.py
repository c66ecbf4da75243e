"""From a script through the real relay to Comet and back: ``sync`` and ``verify`` find everything equal."""

import random

import pytest

from tracklib.testing.emulators import Status
from tracklib.testing.workplace import Workplace

CORPUS = """
import math, pathlib, tracklib
with tracklib.init("digits", name="a", config={"lr": 1e-3, "m": {"big": 2**70}}, tags={"dev": "", "t": "v"}, notes="n") as run:
    for i in range(60):
        run.log({"loss": 1 / (i + 1), "acc": i, "\\ud800": math.nan, "": -0.0, "n" * 150: i}, step=i // 2)
    run.log({"loss": math.inf, "big": 2**60 + 1}, step=1.5)
    run.log({"loss": 1.0}, step=-3, timestamp=1600000000.123456)
    run.log_params({"lr": 2, "m": {"depth": [1, None], "long": "x" * 2000}})
    pathlib.Path("f #1.txt").write_text("content")
    run.log_artifact("f #1.txt", name="a/b", aliases=["best"], metadata={"k": 1})
    run.log({"text": tracklib.Text("words"), "h": tracklib.Histogram([1.0, 2.0, 4.0])})
    print("said")
"""


@pytest.mark.parametrize("kind", ["online", "offline"])
def test_a_script_lands_and_is_equal(emulator, tmp_path, kind):
    """A script whose one variable names Comet is there when it returns, and equal; the SDK is not in its process."""
    desk = Workplace(tmp_path / "desk", "comet" if kind == "online" else f"comet:{tmp_path / 'zips'}")
    script = CORPUS + "import sys; assert 'comet_ml' not in sys.modules"
    done = desk.train(script, TRACKLIB_FINISH_TIMEOUT="120")
    assert done.stdout == "said\n"
    assert "0 pending, 0 changed, 0 refused" in done.stderr
    assert "equal" in desk.said("verify")
    if kind == "online":
        (raw,) = emulator.experiments.values()
        assert f"{emulator.url}/team/digits/{raw.key}" in done.stderr
        next(point for point in raw.points if point["metricName"] == "loss")["metricValue"] = "0.123"
        assert "0.123" in desk.said("verify", code=1)
    else:
        assert [path.suffix for path in (tmp_path / "zips").iterdir()] == [".zip"]


def test_a_script_lands_that_delivers_itself(emulator, tmp_path):
    """Delivered in the training process, a run is equal too, nothing is printed or captured, and the SDK's object is there."""
    desk = Workplace(tmp_path / "desk", "comet")
    script = CORPUS.replace('    print("said")', '    print("said", type(run.native("comet")).__name__)')
    done = desk.train(script, TRACKLIB_DELIVERY="inline", TRACKLIB_FINISH_TIMEOUT="120")
    assert done.stdout == "said APIExperiment\n"
    assert "0 pending, 0 changed, 0 refused" in done.stderr
    assert "COMET" not in done.stderr
    assert "equal" in desk.said("verify")
    (raw,) = emulator.experiments.values()
    assert raw.output == []  # tracklib records no output unless it is asked to, and the SDK none at all


def test_runs_share_a_relay(emulator, tmp_path):
    """Several runs at once are several experiments, delivered by one process: the SDK's own limit of one does not hold here."""
    desk = Workplace(tmp_path / "desk", "comet")
    script = """
import tracklib
runs = [tracklib.init("many", id=f"r{n}") for n in range(5)]
for step in range(50):
    for n, run in enumerate(runs):
        run.log({"x": n + step / 7}, step=step)
for run in runs:
    run.finish()
"""
    desk.train(script, TRACKLIB_FINISH_TIMEOUT="120")
    assert desk.said("verify").count("equal") >= 5
    assert len(emulator.experiments) == 5
    assert len(list((tmp_path / "desk" / ".tracklib" / "relays").glob("*/lease"))) == 1


def test_a_backlog_of_an_outage_is_delivered_later(emulator, tmp_path):
    """A run that was recorded while Comet was away is delivered by ``sync``, whole."""
    desk = Workplace(tmp_path / "desk", "comet")
    with emulator.outage():
        done = desk.train(CORPUS, TRACKLIB_FINISH_TIMEOUT="1")
    assert "tracklib sync" in done.stderr
    desk.said("sync", "--timeout", "120")
    assert "equal" in desk.said("verify")


def test_a_wrong_key_is_said_once_and_shows_nowhere(emulator, tmp_path):
    """A refused key pauses the delivery with one line and its remedy; the key is in no file and no output; a right one goes on."""
    secret = "wrong0123456789wrong01234"
    desk = Workplace(tmp_path / "desk", "comet")
    desk.environ["COMET_API_KEY"] = secret
    done = desk.train(CORPUS, TRACKLIB_FINISH_TIMEOUT="20")
    assert "renew COMET_API_KEY" in done.stderr
    said = done.stdout + done.stderr + desk.said("doctor", code=1) + desk.said("status", code=1)
    assert secret not in said
    for path in (tmp_path / "desk").rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path
    desk.environ["COMET_API_KEY"] = emulator.api_key
    desk.said("sync", "--timeout", "120")
    assert "equal" in desk.said("verify")


@pytest.mark.faults
def test_the_relay_killed_while_it_delivers(emulator, tmp_path):
    """A relay that is killed again and again in the middle of a backlog: all is there in the end, nothing twice."""
    desk = Workplace(tmp_path / "desk", "comet")
    desk.environ["TRACKLIB_COMET__METRICS_PER_MINUTE"] = "0"
    script = """
import math, tracklib
run = tracklib.init("relays", id="big")
for i in range(12000):
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
    emulator.faults.add("POST batch/logger/experiment/metric", Status(503), times=2)
    desk.said("sync", "--timeout", "200")
    assert "equal" in desk.said("verify")
    (raw,) = emulator.experiments.values()
    assert len(raw.points) == 24_000


def test_a_foreign_experiment_is_migrated(emulator, tmp_path):
    """What Comet's own SDK logged goes to MLflow with one command, and ``verify`` finds the two equal."""
    program = """
import comet_ml, pathlib
experiment = comet_ml.Experiment(project_name="theirs", log_code=False, log_git_metadata=False, log_git_patch=False,
                                 display_summary_level=0)
experiment.set_name("their run")
for step in range(30):
    experiment.log_metric("loss", 1 / (step + 1), step=step)
experiment.log_metric("nan", float("nan"), step=0)
experiment.log_parameters({"lr": 0.1, "m": {"depth": 3}})
experiment.add_tag("dev")
experiment.log_asset_data("content", name="f.txt")
print("said")
experiment.end()
"""
    desk = Workplace(tmp_path / "desk", "comet")
    desk.train(program.replace("import comet_ml", "import warnings; warnings.simplefilter('ignore'); import comet_ml"))
    target = f"mlflow:sqlite:///{tmp_path}/mlflow.db"
    desk.said("migrate", "comet:team/theirs", target)
    assert "100 % of 1 runs identical" in desk.said("verify", "comet:team/theirs", target)


def test_an_offline_folder_is_migrated_to_the_service(emulator, tmp_path):
    """Zips of tracklib's own go to the service run by run, and both are equal."""
    desk = Workplace(tmp_path / "desk", f"comet:{tmp_path / 'zips'}")
    desk.train(CORPUS, TRACKLIB_FINISH_TIMEOUT="60")
    desk.said("migrate", f"comet:{tmp_path / 'zips'}", "comet:team")
    assert "100 % of 1 runs identical" in desk.said("verify", f"comet:{tmp_path / 'zips'}", "comet:team")
