"""Runs that Comet's own SDK wrote, without tracklib: online, offline, and through its API."""

import json
import os
import subprocess
import sys

import pytest
from tracklib_comet.params import parsed
from tracklib_comet.points import number
from tracklib_comet.settings import CometSettings
from tracklib_comet.source import CometSource

from tracklib.model.media import read_histogram
from tracklib.model.query import RunQuery
from tracklib.model.records import (
    Artifact,
    Console,
    Media,
    Metrics,
    Notice,
    Params,
    RunEnd,
    RunStart,
    Summary,
    System,
    Tags,
)

KEY = "b" * 40
LOGGING = """
import math, pathlib
import numpy
experiment.set_name("their run")
for step, value in ((0, 1.5), (5, float("nan")), (3, 2), (3, -math.inf)):
    experiment.log_metric("loss", value, step=step, epoch=1)
with experiment.train():
    experiment.log_metric("acc", 0.25, step=1)
experiment.log_metric("sys.cpu.percent.avg", 12.5)
experiment.log_parameters({"lr": 0.1, "m": {"depth": 3, "on": True}, "none": None, "word": "relu", "list": [1, 2]})
experiment.log_other("best", 0.75)
experiment.add_tags(["dev", "x=y"])
experiment.log_html("<b>page</b>")
experiment.log_asset_data("content", name="folder/f.txt", metadata={"m": 1}, step=2)
experiment.log_remote_asset("s3://b/k.bin", remote_file_name="k.bin")
experiment.log_image(numpy.random.default_rng(0).integers(0, 255, (4, 5, 3), dtype=numpy.uint8), name="pic", step=7)
experiment.log_histogram_3d([1.0, 2.0, 2.0, 40.0], name="h", step=4)
experiment.log_text("some words", step=5)
experiment.log_curve("roc", [0, 1], [0, 1], step=1)
"""
OFF = "log_code=False, log_git_metadata=False, log_git_patch=False, log_env_details=True, log_env_host=True, display_summary_level=0"
ONLINE = f"""
import comet_ml
experiment = comet_ml.Experiment(project_name="theirs", experiment_key={KEY!r}, {OFF})
{LOGGING}
print("said by them")
artifact = comet_ml.Artifact("data", "dataset", version="2.1.0", aliases=["best"], metadata={{"q": 1}})
pathlib.Path("a.bin").write_bytes(bytes(range(256)))
artifact.add("a.bin", logical_path="sub/a.bin")
artifact.add_remote("s3://b/c", logical_path="c", sync_mode=False)
experiment.log_artifact(artifact)
experiment.end()
"""
OFFLINE = f"""
import comet_ml
experiment = comet_ml.OfflineExperiment(project_name="theirs", workspace="team", offline_directory="off", experiment_key={KEY!r}, {OFF})
{LOGGING}
print("said by them")
experiment.end()
"""


def run(code, folder):
    """Run a program that uses the SDK, in a process of its own: it keeps what it met first."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env={**os.environ, "COMET_LOGGING_CONSOLE": "ERROR"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(params=["online", "offline"])
def theirs(request, emulator, tmp_path):
    """A source that holds one foreign run, and what is read of it."""
    if request.param == "online":
        run(ONLINE, tmp_path)
        source = CometSource(CometSettings())
    else:
        run(OFFLINE, tmp_path)
        source = CometSource(CometSettings(offline=str(tmp_path / "off")))
    (info,) = source.runs(RunQuery())
    bodies = [record.body for record in source.read(info)]
    return request.param, source, info, lambda kind: [body for body in bodies if type(body) is kind]


def test_all_of_a_foreign_run_is_read(theirs):
    """Identity, params by rule, tags, others, every point, media, files, artifacts, output, system and its details."""
    where, source, info, of = theirs
    assert (info.project, info.id, info.name, info.status) == ("theirs", KEY, "their run", "finished")
    assert info.started > 10**18
    assert info.ended >= info.started
    params = of(Params)[0].values
    assert {key: params[key] for key in ("lr", "m", "none", "word", "list")} == {
        "lr": 0.1, "m": {"depth": 3, "on": True}, "none": None, "word": "relu", "list": [1, 2],
    }  # fmt: skip
    assert of(Tags) == [Tags({"dev": "", "x=y": ""})]
    assert of(Summary)[0].values["best"] == 0.75
    points = [(key, body.step, str(value)) for body in of(Metrics) for key, value in body.values.items()]
    assert sorted(point for point in points if point[0] == "loss") == [
        ("loss", 0, "1.5"), ("loss", 3, "-inf"), ("loss", 3, "2"), ("loss", 5, "nan"),
    ]  # fmt: skip
    assert ("train_acc", 1, "0.25") in points
    assert sorted(point for point in points if point[0] == "epoch") == [("epoch", step, "1") for step in (0, 1, 3, 5)]
    assert {"cpu.percent": 12.5} in [body.values for body in of(System)]
    assert "said by them" in "".join(body.text for body in of(Console))
    context = of(RunStart)[0].context
    assert context["pythonVersion"] == ".".join(map(str, sys.version_info[:3]))
    assert "env" not in context
    check_media(source, info, {body.key: body for body in of(Media)})
    check_files(source, info, where, {body.name: body for body in of(Artifact)})
    assert not of(Notice)
    assert [(body.status, body.error) for body in of(RunEnd)] == [("finished", None)]


def check_media(source, info, media):
    kinds = {key: (body.media_type, body.step) for key, body in media.items()}
    assert {key: kinds[key] for key in ("pic", "h", "html")} == {
        "pic": ("image", 7), "h": ("histogram", 4), "html": ("html", 0),
    }  # fmt: skip
    (text,) = [body for body in media.values() if body.media_type == "text"]
    assert (content_of(source, info, text.file), text.step) == (b"some words", 5)
    assert content_of(source, info, media["html"].file) == b"<b>page</b>"
    assert content_of(source, info, media["pic"].file).startswith(b"\x89PNG")
    assert sum(read_histogram(content_of(source, info, media["h"].file)).counts) == 4


def check_files(source, info, where, artifacts):
    (text,) = artifacts["folder/f.txt"].files
    assert (content_of(source, info, text), artifacts["folder/f.txt"].metadata) == (b"content", {"m": 1})
    assert artifacts["k.bin"].references[0].url == "s3://b/k.bin"
    assert json.loads(content_of(source, info, artifacts["roc"].files[0]))["name"] == "roc"
    if where == "online":
        data = artifacts["data"]
        assert (data.type, data.aliases, data.metadata) == ("dataset", ("best",), {"q": 1})
        assert [content_of(source, info, file) for file in data.files] == [bytes(range(256))]
        assert [(ref.path, ref.url) for ref in data.references] == [("c", "s3://b/c")]


def content_of(source, info, file):
    with source.open_file(info, file) as content:
        return content.read()


def test_samples_of_the_machine_have_no_epoch(emulator):
    """The SDK's own thread gives a sample the step and epoch at which it finds the training: neither is anybody's point."""
    from tracklib.testing.emulators.comet import Experiment

    kept = Experiment(KEY, "team", "p", 1000, 2000, running=False)
    for name, step in (("loss", 1), ("sys.cpu.percent.avg", 2), ("sys.ram.used", 2), ("loss", 3)):
        kept.points.append({"metricName": name, "metricValue": "0.5", "timestamp": 1500, "step": step, "epoch": 1})
    emulator.experiments[KEY] = kept
    source = CometSource(CometSettings())
    (info,) = source.runs(RunQuery(id=KEY))
    bodies = [record.body for record in source.read(info)]
    metrics = [(body.values, body.step) for body in bodies if isinstance(body, Metrics)]
    assert sorted(metrics, key=str) == [
        ({"epoch": 1}, 1), ({"epoch": 1}, 3), ({"loss": 0.5}, 1), ({"loss": 0.5}, 3),
    ]  # fmt: skip
    assert len([body for body in bodies if isinstance(body, System)]) == 2


def test_states_of_foreign_runs(emulator):
    """Comet's running, crashed and finished are ours; a run that has no end yet is running."""
    from tracklib.testing.emulators.comet import Experiment

    for digit, (running, crashed) in enumerate(((True, False), (False, True), (False, False))):
        key = str(digit) * 32
        made = Experiment(key, "team", "p", 1000, None if running else 2000, running=running, crashed=crashed)
        emulator.experiments[key] = made
    emulator.world.state.project("team", "p")
    found = list(CometSource(CometSettings()).runs(RunQuery(project="p")))
    assert [(r.status, r.started, r.ended) for r in found] == [
        ("running", 10**9, None), ("crashed", 10**9, 2 * 10**9), ("finished", 10**9, 2 * 10**9),
    ]  # fmt: skip


def test_a_run_is_found_by_its_id_alone(online):
    """An id finds the run of tracklib's that has it, also one that looks like a key of Comet's, and a key the foreign run."""
    from tracklib.testing.emulators.comet import Experiment

    online.emulator.experiments[KEY] = Experiment(KEY, "team", "p", 1000, 2000, running=False)
    for run_id in ("short", "c" * 32):
        online.write(Metrics({"x": 1.0}, 0), info=online.run(run_id))
    for run_id in ("short", "c" * 32, KEY):
        assert [run.id for run in online.source().runs(RunQuery(id=run_id))] == [run_id]
    assert list(online.source().runs(RunQuery(id="d" * 32))) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", "0.1"), ("3", "3"), ("-0", "-0.0"), ("-0.0", "-0.0"), ("1e400", "inf"), ("NaN", "nan"), ("Infinity", "inf"),
        ("-Infinity", "-inf"), ("true", "1"), ("false", "0"), (" 7 ", "7"), ("12345678901234567890123", "12345678901234567890123"),
        ("1.0E-5", "1e-05"), ("", "None"), ("words", "None"), ("0x10", "None"),
    ],
)  # fmt: skip
def test_numbers_are_read_by_rule(text, value):
    """A metric's text is the number that it stands for, or none."""
    assert repr(number(text)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", 0.1), ("3", 3), ("true", True), ("False", False), ("null", None), ("None", None), ("[1, 2]", [1, 2]),
        ('{"a": 1}', {"a": 1}), ("[broken", "[broken"), ("words", "words"), ("", ""), ("[" * 5000, "[" * 5000),
    ],
)  # fmt: skip
def test_params_are_read_by_rule(text, value):
    """A param's text is the number, word of JSON, list or tree that it stands for, or itself."""
    assert parsed(text) == value
