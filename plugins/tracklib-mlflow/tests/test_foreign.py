"""Runs that tracklib did not write are read as they stand."""

import math

import mlflow
import pytest

from tracklib.model.query import RunQuery
from tracklib.model.records import Artifact, Metrics, Notes, Notice, Params, RunEnd, RunStart, Tags


@pytest.fixture
def foreign(bench):
    """A run as MLflow's own client makes it, with odd names that only MLflow's rules allow."""
    client = bench.client
    more = {} if bench.store.name == "server" else {"artifact_location": str(bench.store.root / bench.project)}
    experiment_id = client.create_experiment(bench.project, **more)
    tags = {"mlflow.user": "ann", "team": "x", "mlflow.note.content": "hello", "mlflow.parentRunId": "abc"}
    run = client.create_run(experiment_id, start_time=1_600_000_000_123, tags=tags, run_name="theirs")
    run_id = run.info.run_id
    for step, value in enumerate([0.5, math.nan, -1.0]):
        client.log_metric(run_id, "a:2F:b", value, 1_600_000_000_200 + step, step)
    client.log_param(run_id, "lr", "0.1")
    client.log_param(run_id, "opt.name", "true")
    folder = bench.folder / "theirs"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub/f.txt").write_bytes(b"f")
    (folder / "top.txt").write_bytes(b"top")
    client.log_artifacts(run_id, str(folder))
    client.log_artifact(run_id, str(folder / "top.txt"), "top")
    client.log_artifact(run_id, str(folder / "top.txt"), "top.dir/top.dir")
    client.set_terminated(run_id, "KILLED", 1_600_000_001_000)
    return bench, run_id


def test_a_foreign_run_is_read(foreign):
    """Its id is MLflow's, its params are texts, its names are not decoded, and all its files are there."""
    bench, run_id = foreign
    (info,) = bench.source().runs(RunQuery(id=run_id))
    assert (info.id, info.place, info.project, info.name, info.status) == (
        run_id,
        run_id,
        bench.project,
        "theirs",
        "killed",
    )
    assert (info.started, info.ended, info.parent) == (1_600_000_000_123_000_000, 1_600_000_001_000_000_000, "abc")
    assert [run.id for run in bench.source().runs(RunQuery(project=bench.project, status="killed"))] == [run_id]
    bodies = [record.body for record in bench.source().read(info)]
    assert isinstance(bodies[0], RunStart)
    assert bodies[-1] == RunEnd("killed")
    assert Params({"lr": "0.1", "opt.name": "true"}) in bodies
    assert Tags({"mlflow.user": "ann", "team": "x"}) in bodies
    assert Notes("hello") in bodies
    points = [(body.values["a:2F:b"], body.step, body.timestamp) for body in bodies if isinstance(body, Metrics)]
    assert repr(points) == repr(
        [(v, i, (1_600_000_000_200 + i) * 1_000_000) for i, v in enumerate([0.5, math.nan, -1.0])]
    )


def test_the_files_of_a_foreign_run(foreign):
    """One artifact for each thing at the top, whole, and each file opens."""
    bench, run_id = foreign
    (info,) = bench.source().runs(RunQuery(place=run_id))
    source = bench.source()
    artifacts = {body.name: body for body in (r.body for r in source.read(info)) if isinstance(body, Artifact)}
    assert {name: [file.path for file in a.files] for name, a in artifacts.items()} == {
        "sub": ["f.txt"], "top.txt": ["top.txt"], "top": ["top.txt"], "top.dir": ["top.dir/top.txt"],
    }  # fmt: skip
    with bench.source().open_file(info, artifacts["sub"].files[0]) as opened:
        assert opened.read() == b"f"


def test_records_after_a_position(foreign):
    """Reading after a position gives the rest."""
    bench, run_id = foreign
    (info,) = bench.source().runs(RunQuery(place=run_id))
    everything = list(bench.source().read(info))
    assert [record.seq for record in everything] == list(range(1, len(everything) + 1))
    rest = bench.source().read(info, after={"mlflow": 4})
    assert repr(list(rest)) == repr(everything[4:])


@pytest.mark.skipif(not hasattr(mlflow.entities, "LoggedModelOutput"), reason="MLflow 2 keeps no model beside its run")
def test_a_model_that_mlflow_3_logged(sqlite_bench):
    """MLflow 3 keeps a logged model beside its run; it is read as an artifact of that run."""
    from mlflow.entities import LoggedModelOutput

    client = sqlite_bench.client
    location = str(sqlite_bench.store.root / sqlite_bench.project)
    experiment_id = client.create_experiment(sqlite_bench.project, artifact_location=location)
    run_id = client.create_run(experiment_id).info.run_id
    model = client.create_logged_model(experiment_id, name="forest", source_run_id=run_id)
    folder = sqlite_bench.folder / "forest"
    folder.mkdir()
    (folder / "MLmodel").write_bytes(b"flavors: {}")
    client.log_model_artifacts(model.model_id, str(folder))
    client.log_outputs(run_id, models=[LoggedModelOutput(model.model_id, 0)])
    (info,) = sqlite_bench.source().runs(RunQuery(place=run_id))
    source = sqlite_bench.source()
    (artifact,) = [body for body in (r.body for r in source.read(info)) if isinstance(body, Artifact)]
    assert (artifact.name, artifact.type, [file.path for file in artifact.files]) == ("forest", "model", ["MLmodel"])
    with source.open_file(info, artifact.files[0]) as opened:
        assert opened.read() == b"flavors: {}"


def test_a_file_whose_name_is_not_ascii(server_store, make_bench, tmp_path):
    """It is read, or a notice says which server could give it: one of before 3.13 breaks the connection."""
    bench = make_bench(server_store, tmp_path)
    client = bench.client
    run_id = client.create_run(client.create_experiment(bench.project)).info.run_id
    for name in ("日本.txt", "plain.txt"):
        (tmp_path / name).write_bytes(b"x")
        client.log_artifact(run_id, str(tmp_path / name), "sub")
    (info,) = bench.source().runs(RunQuery(place=run_id))
    bodies = [record.body for record in bench.source().read(info)]
    found = {file.path for body in bodies if isinstance(body, Artifact) for file in body.files}
    told = [body.message for body in bodies if isinstance(body, Notice)]
    if tuple(map(int, mlflow.__version__.split(".")[:2])) < (3, 13):
        assert found == {"plain.txt"}
        assert ["3.13 and newer can" in text for text in told] == [True]
    else:
        assert (found, told) == ({"plain.txt", "日本.txt"}, [])


def test_aliases_of_registered_models(foreign):
    """What the registry knows of a run's artifacts comes with them; a version without its files is told."""
    bench, run_id = foreign
    client, name = bench.client, f"m-{bench.project}"
    uri = client.get_run(run_id).info.artifact_uri
    client.create_registered_model(name)
    for place in ("sub", "top", "gone"):
        client.create_model_version(name, f"{uri}/{place}", run_id)
    client.set_registered_model_alias(name, "best", "1")
    client.set_registered_model_alias(name, "old", "1")
    (info,) = bench.source().runs(RunQuery(place=run_id))
    bodies = [record.body for record in bench.source().read(info)]
    artifacts = {body.name: body for body in bodies if isinstance(body, Artifact)}
    assert artifacts["sub"].aliases == ("best", "old")
    assert artifacts["top"].metadata == {"registered_models": [{"name": name, "version": "2"}]}
    assert (artifacts["top.txt"].aliases, artifacts["top.txt"].metadata) == ((), {})
    (notice,) = [body for body in bodies if isinstance(body, Notice)]
    assert notice.message == f"gone, version 3 of the registered model {name!r}, is not there"
