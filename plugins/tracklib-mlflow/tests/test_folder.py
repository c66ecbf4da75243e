"""Folders of MLflow's file store, of any version, are read whole and without MLflow."""

import hashlib
import math
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
from tracklib_mlflow.reading import RunReader
from tracklib_mlflow.service import Service
from tracklib_mlflow.settings import MLflowSettings
from tracklib_mlflow.source import MLflowSource

from tracklib.model.query import RunQuery
from tracklib.model.records import Artifact, Input, Media, Metrics, Notes, Params, RunEnd, Summary, Tags
from tracklib.portability.compare import compare
from tracklib.portability.places import open_place
from tracklib.portability.snapshot import snapshot

GOLDEN = Path(__file__).parent / "golden"
VERSIONS = ["0.8.2", "1.30.1", "2.1.1", "2.22.0", "3.17.2"]
BASE = 1_600_000_000_000_000_000
SECOND = 1_000_000_000


def source_of(folder, **more):
    return MLflowSource(MLflowSettings(tracking_uri=str(folder), **more))


def bodies_of(source, info):
    """Return the bodies of a run by their types."""
    found = defaultdict(list)
    for record in source.read(info):
        found[type(record.body)].append(record.body)
    return found


def base_line(source):
    (info,) = source.runs(RunQuery(name="base line"))
    return info


@pytest.mark.parametrize("version", VERSIONS)
def test_each_version_is_read(version):
    """Names, times, params, tags, notes, inputs and each point are those that were logged, whatever version wrote them."""
    source = source_of(GOLDEN / version)
    info = base_line(source)
    assert (info.project, info.id, info.status) == ("vision: digits", info.place, "finished")
    assert (info.started, info.ended) == (BASE, BASE + 60 * SECOND)
    found = bodies_of(source, info)
    params = {"lr": "0.1", "opt.name": "adam", "model/depth": "4", "text": "it's: a 'text' # here"}
    assert found[Params] == [Params(params)]
    (tags,) = found[Tags]
    assert {"mlflow.user": "ann", "team": "vision"}.items() <= tags.values.items()
    if version == "0.8.2":
        assert tags.values["mlflow.source.git.commit"] == "0123abc"
    assert found[Notes] == [Notes("a\nnote")]
    assert found[RunEnd] == [RunEnd("finished")]
    has_inputs = version in ("2.22.0", "3.17.2")
    assert found[Input] == ([Input("digits", "training", "abc123")] if has_inputs else [])
    points = defaultdict(list)
    for body in found[Metrics]:
        ((key, value),) = body.values.items()
        points[key].append((repr(value), body.step, body.timestamp))
    has_steps = version != "0.8.2"
    values = [0.5, math.nan, math.inf, -math.inf, -0.0, 5e-324, 0.1]
    assert points.pop("loss") == [(repr(v), i * has_steps, BASE + i * SECOND) for i, v in enumerate(values)]
    assert points.pop("val/acc/top 1") == [("0.25", 0, BASE)]
    if has_steps:
        assert points.pop("late") == [(repr(step / 2), step, BASE) for step in (10, -5, 7, 7)]
    assert not points


@pytest.mark.parametrize("version", VERSIONS)
def test_the_files_of_each_version(version):
    """Artifacts are those of the folder, wherever it was when MLflow wrote their absolute place; each opens."""
    source = source_of(GOLDEN / version)
    info = base_line(source)
    artifacts = {artifact.name: artifact for artifact in bodies_of(source, info)[Artifact]}
    expected = {"model": ["weights.bin"], "sub": ["gr\u00fc\u00df dich.txt"], "weights.bin": ["weights.bin"]}
    expected |= {"forest": ["MLmodel"]} if version == "3.17.2" else {}
    assert {name: [file.path for file in artifact.files] for name, artifact in artifacts.items()} == expected
    content = bytes(range(256))
    (file,) = artifacts["model"].files
    assert (file.size, file.sha256) == (256, hashlib.sha256(content).hexdigest())
    with source.open_file(info, file) as opened:
        assert opened.read() == content
    has_aliases = version in ("2.22.0", "3.17.2")
    assert artifacts["model"].aliases == (("best",) if has_aliases else ())
    if version >= "2":
        assert artifacts["sub"].metadata == {"registered_models": [{"name": "classifier", "version": "2"}]}


@pytest.mark.parametrize("version", VERSIONS)
def test_other_runs_and_deleted_ones(version):
    """Children name their parents, statuses are MLflow's, and deleted runs are counted, and read where they are asked for."""
    source = source_of(GOLDEN / version)
    parent = base_line(source)
    others = [info for info in source.runs(RunQuery()) if info.id != parent.id]
    assert source.left_out == {"deleted runs": 2}
    statuses = ["failed", "failed" if version == "0.8.2" else "killed", "running"]
    assert sorted(info.status for info in others) == sorted(statuses)
    assert [info.parent for info in others if info.parent is not None] == [parent.id]
    everything = list(source_of(GOLDEN / version, deleted=True).runs(RunQuery()))
    assert len(everything) == 6
    assert "gone" in {info.project for info in everything}
    only = source_of(GOLDEN / version, experiment="vision: digits")
    assert {info.project for info in only.runs(RunQuery())} == {"vision: digits"}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder that MLflow itself, at home in a process of its own, has just written."""
    folder = tmp_path_factory.mktemp("written") / "mlruns"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW")}
    command = [sys.executable, "-W", "ignore", GOLDEN / "make.py", folder]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=120)
    return folder


def test_mlflow_itself_reads_the_same(written, monkeypatch):
    """Each run of the folder has the same records by MLflow's own file store, which has to be allowed for it."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    # make.py hides where it ran: MLflow itself needs the place again.
    for path in written.rglob("meta.yaml"):
        path.write_text(path.read_text().replace("/home/ann", str(written.parent)))
    source = source_of(written)
    service = Service(MLflowSettings(tracking_uri=str(written)).resolved())
    theirs = {run.info.run_id: (run, experiment) for run, experiment in service.runs(RunQuery())}
    infos = list(source.runs(RunQuery()))
    assert {info.id for info in infos} == theirs.keys()
    for info in infos:
        run, _ = theirs[info.id]
        expected = [(time, _plain(body)) for time, body in RunReader(service, run, info).bodies()]
        found = [(record.time, _plain(record.body)) for record in source.read(info)]
        assert repr(found) == repr(expected)


def _plain(body):
    """Return a body in one form, without what MLflow's client is not asked for: whose version an artifact is."""
    if isinstance(body, Artifact):
        return replace(body, aliases=(), metadata={})
    return replace(body, values=dict(sorted(body.values.items()))) if isinstance(body, (Params, Tags)) else body


def test_neither_mlflow_nor_its_variable_is_needed(tmp_path):
    """A folder is listed and read in a process that cannot import mlflow, and has not allowed file stores."""
    script = f"""
import sys
sys.modules["mlflow"] = None
from tracklib.portability.places import open_place
from tracklib.model.query import RunQuery
source = open_place("mlflow:{GOLDEN / "3.17.2"}").source()
print(sum(1 for run in source.runs(RunQuery()) for record in source.read(run)))
"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW")}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20


def test_the_environment_does_not_matter(monkeypatch, tmp_path):
    """A relative path and a file: URL are folders; whoever goes to MLflow's default goes to the folder that is in use."""
    shutil.copytree(GOLDEN / "2.1.1", tmp_path / "mlruns")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert len(list(open_place("mlflow:./mlruns?deleted").source().runs(RunQuery()))) == 6
    assert len(list(open_place("mlflow:./mlruns?deleted#gone").source().runs(RunQuery()))) == 1
    for place in ("mlflow:./mlruns", f"mlflow:file://{tmp_path}/mlruns", "mlflow:./mlruns#vision: digits", "mlflow"):
        assert len(list(open_place(place).source().runs(RunQuery()))) == 4


@pytest.fixture
def folder_bench(tmp_path, make_bench, monkeypatch):
    """A bench whose store is a folder that MLflow writes."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")

    class Store:
        name, uri, root = "folder", str(tmp_path / "mlruns"), tmp_path / "mlruns"

    return make_bench(Store, tmp_path)


def test_a_run_of_tracklibs_is_restored(folder_bench):
    """What tracklib wrote by MLflow into a folder is read back exact, as from any other store of MLflow's."""
    bench = folder_bench
    odd = [math.inf, -math.inf, math.nan, -0.0, 2**53 + 1, 10**30, 1e308, 1]
    points = [Metrics({"a/b": value, "\u00e4:#": 1.5}, step) for step, value in enumerate(odd)]
    points += [Metrics({"steps": 1.0}, step) for step in (1.5, -3, 2**70, 1.5)]
    points += [Metrics({"given": 1.0}, 0, 1_600_000_000_123_456_789)] * 2
    params = Params({"model": {"depth": 4, "wide": True}, "": None, "long": "x" * 9000})
    model = Artifact("model", "model", (bench.file("w #1.bin", b"w"),), ("best",), {"a": 1.0}, ("empty",))
    text = Media("note", 1, "text", bench.file("note.txt", b"hello"))
    labels = (Tags({"mlflow.x": "1", "b": ""}), Notes("n\x00"), Summary({"best": 0.5}))
    records, outcomes = bench.write(*points, params, *labels, model, text, RunEnd("crashed", 3, "boom"))
    assert {outcome.kind for outcome in outcomes} <= {"accepted", "changed"}
    sink = bench.sink()
    sink.send(records)  # once more, as after a crash: the file store takes each point for a new one
    sink.close()
    info = bench.found()
    assert (info.project, info.id, info.status) == (bench.project, "run-1", "crashed")
    source = bench.source()
    expected = snapshot("run-1", records)
    expected.state.project, expected.state.name = info.project, info.name
    expected.state.started = info.started
    result = compare(expected, snapshot("run-1", source.read(info)), source.capabilities)
    assert [str(difference) for difference in result.differences] == []
    assert list(bench.source().runs(RunQuery(id="run-1"))) == [info]
    assert list(bench.source().runs(RunQuery(place=info.place))) == [info]
    assert list(bench.source().runs(RunQuery(id="run-2"))) == []


def test_artifacts_that_lie_elsewhere_are_told(tmp_path):
    """A run whose artifacts were never in its folder says so in a notice; nothing outside the folder is read."""
    folder = tmp_path / "mlruns"
    shutil.copytree(GOLDEN / "2.1.1", folder)
    info = base_line(source_of(folder))
    (run,) = folder.glob(f"*/{info.id}")
    shutil.rmtree(run / "artifacts")
    elsewhere = tmp_path / "elsewhere" / info.id / "artifacts"
    elsewhere.mkdir(parents=True)
    (elsewhere / "secret.txt").write_text("secret")
    meta = (run / "meta.yaml").read_text().splitlines()
    for uri in (str(elsewhere), f"file://{elsewhere}", "s3://bucket/1/artifacts"):
        lines = [line for line in meta if not line.startswith("artifact_uri")]
        (run / "meta.yaml").write_text("\n".join([f"artifact_uri: {uri}", *lines, ""]))
        records = [record.body for record in source_of(folder).read(info)]
        assert not [body for body in records if isinstance(body, Artifact)]
        assert [body.message for body in records if type(body).__name__ == "Notice"] == [
            f"its artifacts lie at {uri}, outside of the folder, and are not read"
        ]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_folder_goes_into_a_database_and_is_equal_there(version, tmp_path, monkeypatch, empty_database):
    """``tracklib migrate`` copies what has ended into MLflow's database, once, and ``tracklib verify`` finds it equal."""
    from typer.testing import CliRunner

    from tracklib.cli.main import app

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRACKLIB_DIR", str(tmp_path / "root"))
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    folder = tmp_path / "mlruns"
    shutil.copytree(GOLDEN / version, folder)
    for meta in folder.glob("*/*/meta.yaml"):  # the run that still goes on ends, so that all are copied
        meta.write_text(
            meta.read_text().replace("status: 1\n", "status: 3\n").replace("end_time: null", "end_time: 1600000000002")
        )
    places = [f"mlflow:{folder}", f"mlflow:sqlite:///{tmp_path}/mlflow.db"]
    done = CliRunner().invoke(app, ["migrate", *places])
    assert done.exit_code == 0, done.output
    assert "left out: 2 x deleted runs" in done.output
    assert "4 runs: 4 copied" in done.output
    again = CliRunner().invoke(app, ["migrate", *places])
    assert "4 runs: 4 unchanged" in again.output
    verified = CliRunner().invoke(app, ["verify", *places])
    assert verified.exit_code == 0, verified.output
