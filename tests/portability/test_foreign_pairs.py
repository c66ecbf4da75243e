"""Runs that the vendors' own SDKs wrote, without tracklib, go to every kind of place and back, and are found equal."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.portability.kinds_of_place import KINDS, Ground, new_place
from tests.portability.made_exports import module_of
from tests.portability.test_every_pair import there_and_back
from tracklib.model.query import RunQuery
from tracklib.portability.places import Place, open_place

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore::Warning"),  # the vendors' SDKs use what others have deprecated
]

MLFLOW = """
import math, os, pathlib
import mlflow
from mlflow.data.meta_dataset import MetaDataset
from mlflow.data.http_dataset_source import HTTPDatasetSource
mlflow.set_experiment("theirs: gr\\u00f6\\u00dfe")
with mlflow.start_run(run_name="parent run", tags={"team": "vision", "empty": ""}, description="two\\nlines") as parent:
    mlflow.log_params({"lr": 0.1, "opt/name": "adam", "long": "x" * 5000})
    for step in range(10):
        mlflow.log_metrics({"loss": 1 / (step + 1), "val/acc": step / 10}, step=step)
    for step, value in ((5, math.nan), (5, -math.inf), (-3, math.inf), (2**62, -0.0)):
        mlflow.log_metric("odd", value, step=step)
    mlflow.log_metric("system/cpu_utilization_percentage", 12.5, step=0)
    mlflow.log_text("hello", "notes/a b.txt")
    mlflow.log_dict({"a": [1, None]}, "table.json")
    mlflow.log_table({"x": [1, 2], "y": ["a", None]}, "rows.json")
    import numpy
    mlflow.log_image(numpy.arange(48, dtype="uint8").reshape(4, 4, 3), key="pic", step=3)
    mlflow.log_input(MetaDataset(HTTPDatasetSource("http://127.0.0.1/digits.csv"), name="digits", digest="abc"), context="training")
    with mlflow.start_run(run_name="child", nested=True):
        mlflow.log_metric("loss", 1, step=1)
try:
    with mlflow.start_run(run_name="failed"):
        mlflow.log_param("lr", "0.2")
        raise ValueError("as meant")
except ValueError:
    pass
"""
AIM = """
import aim, numpy, sys
for number in range(2):
    run = aim.Run(repo=sys.argv[1], experiment="theirs", system_tracking_interval=None, log_system_params=False, capture_terminal_logs=False)
    run.name, run.description = f"run {number}", "words"
    run["lr"], run["tree"] = 0.1, {"a": [1, 2], "b": None, "c.d": {"e": True}}
    run.add_tag("dev")
    for step, value in ((0, 1.5), (5, float("nan")), (3, 2), (3, float("inf"))):
        run.track(value, name="loss", step=step, context={"subset": "train"}, epoch=1)
        run.track(value * 2, name="loss", step=step)
    run.track(55.0, name="__system__cpu", step=0)
    run.track([aim.Image(numpy.zeros((4, 5), dtype="uint8"), caption="c")] * 2, name="pic", step=1)
    run.track(aim.Text("h\\u00e9"), name="words", step=0, context={"media": "x"})
    run.track(aim.Distribution(hist=[1, 2], bin_range=(0, 1)), name="h", step=0)
    open("f.txt", "w").write("content")
    run.set_artifacts_uri("file://" + sys.argv[1] + "/.aim/theirs")
    run.log_artifact("f.txt", block=True)
    run.close()
"""


def train(program: str, folder: Path, *words: str, **environ: str) -> None:
    """Run a program that uses an SDK, in a process and a folder of its own."""
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(program), *words],
        cwd=folder,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _mlflow(ground: Ground) -> Place:
    place = new_place("mlflow", ground)
    uri = place.resolved.settings.given()["tracking_uri"]
    train(MLFLOW, ground.fresh("training"), MLFLOW_TRACKING_URI=uri, MLFLOW_DISABLE_TELEMETRY="true")
    return place


def _wandb(ground: Ground) -> Place:
    place, theirs = new_place("wandb", ground), module_of("tracklib-wandb", "reading/conftest")
    online = {**ground.emulators[-1].environment(), "WANDB_MODE": "online"}
    for program in (theirs.RICH, theirs.SMALL):
        theirs.train(program, ground.fresh("training"), **online)
    return place


def _wandb_folder(ground: Ground) -> Place:
    folder, theirs = ground.fresh("training"), module_of("tracklib-wandb", "reading/conftest")
    for program in (theirs.RICH, theirs.SMALL):
        theirs.train(program, folder)
    return open_place(f"wandb:{folder / 'wandb'}")


def _comet(ground: Ground) -> Place:
    place, theirs = new_place("comet", ground), module_of("tracklib-comet", "test_foreign")
    train(theirs.ONLINE, ground.fresh("training"), **ground.emulators[-1].environment(), COMET_LOGGING_CONSOLE="ERROR")
    return place


def _comet_folder(ground: Ground) -> Place:
    folder, theirs = ground.fresh("training"), module_of("tracklib-comet", "test_foreign")
    new_place("comet-folder", ground)
    train(theirs.OFFLINE, folder, COMET_LOGGING_CONSOLE="ERROR")
    return open_place(f"comet:{folder / 'off'}")


def _aim(ground: Ground) -> Place:
    place = new_place("aim", ground)
    train(AIM, ground.fresh("training"), place.resolved.settings.given()["repo"])
    return place


WRITERS: dict[str, Callable[[Ground], Place]] = {
    "mlflow": _mlflow,
    "wandb": _wandb,
    "wandb-folder": _wandb_folder,
    "comet": _comet,
    "comet-folder": _comet_folder,
    "aim": _aim,
}


@pytest.fixture(scope="module")
def written(shared_ground: Ground) -> Callable[[str], Place]:
    """Return a function that gives the place that an SDK wrote to, once."""
    return cache(lambda kind: WRITERS[kind](shared_ground))


@pytest.mark.parametrize("there", KINDS)
@pytest.mark.parametrize("here", WRITERS)
def test_there_and_back(ground: Ground, written: Callable[[str], Place], here: str, there: str) -> None:
    """Whatever an SDK wrote is equal wherever it goes, and when it has come back."""
    source = written(here)
    assert list(source.source().runs(RunQuery()))
    there_and_back(source, new_place(there, ground), new_place(here, ground), ground)
