"""Runs that W&B's own SDK wrote, each in a process of its own: offline, or to an emulator."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections import defaultdict
from pathlib import Path

import pytest
from tracklib_wandb.service import end_service

from tracklib.testing.emulators.wandb import WandbEmulator

KINDS = ("DIR", "CACHE_DIR", "CONFIG_DIR", "DATA_DIR", "ARTIFACT_DIR")

RICH = """
import os, sys, wave
import numpy as np
import wandb
from PIL import Image

pixels = np.arange(8 * 9 * 3, dtype="uint8").reshape(8, 9, 3)
grey = lambda k: wandb.Image((np.arange(16, dtype="uint8") * k).reshape(4, 4), caption=f"c{k}")
run = wandb.init(
    project="theirs", id="rich", name="rich run", group="g", job_type="train", tags=["a", "b"], notes="two\\nlines",
    config={"lr": 0.1, "n": {"x": 1, "deep": {"y": [1, 2, {"z": None}]}}, "inf": float("inf"), "a.b": 3, "big": 2**70,
            "flag": True, "text": "t"})
print("printed"); print("part", end=""); print(" of a line"); print("complained", file=sys.stderr)
run.define_metric("epoch"); run.define_metric("val/*", step_metric="epoch", summary="min")
for i in range(5):
    run.log({"loss": 1 / (i + 1), "epoch": i // 2, "val/l": i * 1.5, "nan": float("nan"), "low": float("-inf"),
             "zero": -0.0, "large": 2**60, "nested": {"a": {"b": i}, "c": i * 2}, "flag": i % 2 == 0,
             "words": f"text{i}", "list": [1, i]})
run.log({"loss": 0.5, "img": wandb.Image(pixels, caption="cap",
    boxes={"pred": {"box_data": [
        {"position": {"minX": 0.1, "minY": 0.2, "maxX": 0.3, "maxY": 0.4}, "class_id": 1, "scores": {"p": 0.5}},
        {"position": {"middle": [3, 4], "width": 2, "height": 2}, "domain": "pixel", "class_id": 0,
         "box_caption": "said"}], "class_labels": {0: "cat", 1: "dog"}}},
    masks={"m": {"mask_data": np.eye(8, 9, dtype="uint8"), "class_labels": {0: "bg", 1: "fg"}}})}, step=10)
run.log({"imgs": [grey(1), grey(2), grey(3)]}, step=11)
run.log({"hist": wandb.Histogram(np_histogram=([1, 0, 2], [0.0, 0.5, 1.0, 2.0]))}, step=12)
run.log({"tab": wandb.Table(columns=["x", "y", "i"], data=[[1, "a", grey(4)], [2, None, grey(5)]])}, step=13)
run.log({"numbers": wandb.Table(columns=["a", "b"], data=[[1, 2.5], [float("nan"), 3]])}, step=14)
with wave.open("a.wav", "wb") as sound:
    sound.setnchannels(1); sound.setsampwidth(2); sound.setframerate(8000); sound.writeframes(bytes(1600))
run.log({"sound": wandb.Audio("a.wav", caption="beep")}, step=15)
run.log({"page": wandb.Html("<p>hi</p>", inject=False)}, step=16)
Image.fromarray(np.zeros((4, 4), dtype="uint8")).save("a.gif")
run.log({"film": wandb.Video("a.gif", format="gif", caption="v")}, step=17)
import plotly.graph_objects as go
run.log({"plot": go.Figure(go.Scatter(y=[1, 2, 3]))}, step=18)
run.log({"cloud": wandb.Object3D(np.arange(6.0).reshape(2, 3))}, step=19)
os.makedirs("data/sub", exist_ok=True)
open("data/sub/x y.bin", "wb").write(b"\\0\\1"); open("data/e.txt", "w").close(); open("f.txt", "w").write("content")
made = wandb.Artifact("ds", "dataset", metadata={"k": [1, 2]}, description="what it is")
made.add_dir("data"); made.add_reference("s3://bucket/key", checksum=False, name="far/k")
run.log_artifact(made, aliases=["best"])
run.log_artifact("f.txt", name="single", type="model")
open("saved.txt", "w").write("kept")
run.save("saved.txt", policy="now")
run.summary["final"] = 0.25; run.summary["nested"] = {"q": 1}
run.config.update({"later": 5}); run.tags = run.tags + ("c",)
run.finish(exit_code=3)
wandb.teardown()
"""

SMALL = """
import wandb
run = wandb.init(project="theirs", id="small", config={"lr": 0.1})
for i in range(20):
    run.log({"loss": 1 / (i + 1), "acc": i}, step=2 * i)
run.finish()
wandb.teardown()
"""


def environment(folder, **more):
    """Return the environment in which the SDK keeps to a folder."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("WANDB_", "TRACKLIB_"))}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    for kind in KINDS:
        place = folder / f"wandb-{kind.lower()}" if kind != "DIR" else folder
        place.mkdir(parents=True, exist_ok=True)
        env[f"WANDB_{kind}"] = str(place)
    return {**env, "WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false", "WANDB_MODE": "offline", **more}


def train(program, folder, *, check=True, **more):
    """Run a program that uses the real SDK, in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        cwd=folder,
        env=environment(folder, **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def log_of(folder):
    """Return the only log of a folder."""
    (log,) = Path(folder).glob("wandb/*run-*/*.wandb")
    return log


def by_kind(records):
    """Return the bodies of records, by their type."""
    found = defaultdict(list)
    for record in records:
        found[type(record.body)].append(record.body)
    return found


@pytest.fixture(scope="session")
def rich(tmp_path_factory):
    """A folder with an offline run that has of everything."""
    folder = tmp_path_factory.mktemp("rich")
    train(RICH, folder)
    return folder


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A folder with a small offline run."""
    folder = tmp_path_factory.mktemp("small")
    train(SMALL, folder)
    return folder


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Start an emulator; it must not have been asked for anything that it does not know."""
    started = []
    for kind in KINDS:
        (tmp_path / kind).mkdir()
        monkeypatch.setenv(f"WANDB_{kind}", str(tmp_path / kind))

    def start(**options):
        started.append(WandbEmulator(**options).__enter__())
        return started[-1]

    yield start
    for one in started:
        one.__exit__(None, None, None)
        assert not one.complaints


@pytest.fixture(scope="session", autouse=True)
def _end_the_sdk():
    """End the SDK's program, which reading the history has started; its own way to end waits for what others queued."""
    yield
    if "wandb" in sys.modules:
        end_service()
