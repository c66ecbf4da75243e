"""What Comet holds beside runs is counted and named, so that a migration can say what it leaves behind."""

import os
import subprocess
import sys

import pytest
from tracklib_comet.settings import CometSettings
from tracklib_comet.source import CometSource

from tracklib.backends import LeftoverSource
from tracklib.model.query import RunQuery
from tracklib.model.records import Artifact, RunEnd
from tracklib.testing.emulators import Status
from tracklib.testing.emulators.comet import Experiment

KEY = "d" * 40
REGISTERED = f"""
import pathlib
import comet_ml
experiment = comet_ml.Experiment(
    project_name="ours", experiment_key={KEY!r}, log_code=False, log_git_metadata=False, log_git_patch=False,
    log_env_details=False, display_summary_level=0)
pathlib.Path("net.bin").write_bytes(b"weights")
experiment.log_model("net", "net.bin")
experiment.end()
api = comet_ml.API()
api.get_experiment_by_key({KEY!r}).register_model("net", registry_name="classifier")
api.set_project_notes("team", "ours", "what we tried")
if hasattr(api, "create_view"):
    from comet_ml.api_objects.view import View
    api.create_view("team", "ours", View(name="overview"))
print(api.get_registry_model_names("team"), api.get_project_notes("team", "ours"))
"""


@pytest.fixture
def found(emulator):
    """Return what a place leaves behind, as kinds and names."""

    def of(**settings):
        source = CometSource(CometSettings(**settings))
        assert isinstance(source, LeftoverSource)
        return [(item.kind, item.name) for item in source.leftovers()]

    return of


def test_what_the_sdk_makes_beside_runs_is_named(emulator, found, tmp_path):
    """A registered model, a project's notes and a saved view, made by Comet's own SDK."""
    done = subprocess.run(
        [sys.executable, "-c", REGISTERED], cwd=tmp_path, env={**os.environ, "COMET_LOGGING_CONSOLE": "ERROR"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['classifier'] what we tried"
    expected = [("registry model", "classifier"), ("notes of a project", "ours"), ("view", "ours/overview")]
    assert found(project="ours") == [item for item in expected if item[0] != "view" or _has_views()]


def _has_views():
    import comet_ml

    return hasattr(comet_ml.API, "create_view")


def test_a_sweep_is_named_once(emulator, found):
    """Experiments of one optimizer are one sweep; those of other projects are not told."""
    for digit, (project, sweep) in enumerate((("ours", "s1"), ("ours", "s1"), ("ours", "s2"), ("other", "s3"))):
        made = Experiment(str(digit) * 32, "team", project, 1000, 2000, running=False)
        made.others["optimizer_id"] = {"value": sweep, "timestamp": 1000}
        emulator.experiments[made.key] = made
        emulator.world.state.project("team", project)
    assert found(project="ours") == [("optimizer sweep", "s1"), ("optimizer sweep", "s2")]
    assert [name for _, name in found()] == ["s1", "s2", "s3"]


def test_an_artifact_whose_run_is_deleted_is_named(online, found):
    """It belongs to no run any more; that of a run that is there is read with it."""
    for run_id in ("gone", "there"):
        file = online.file("m.bin", run_id.encode())
        online.write(Artifact("m", "model", (file,)), RunEnd("finished", 0), info=online.run(run_id))
    online.source().delete(online.found(online.run("gone")))
    assert found() == [("artifact version", "m:1.0.0")]


def test_archived_experiments_are_left_out_and_counted(online):
    """What somebody put into Comet's archive is no run to read; how many there are is said."""
    for run_id in ("a", "b", "c"):
        online.write(RunEnd("finished", 0), info=online.run(run_id))
    for run_id in ("a", "b"):
        online.emulator.experiments[online.found(online.run(run_id)).place].archived = True
    source = online.source()
    for _ in range(2):
        assert [run.id for run in source.runs(RunQuery())] == ["c"]
        assert source.left_out == {"archived experiments": 2}


def test_a_server_without_some_of_it_and_an_empty_place(emulator, found, tmp_path):
    """What a server does not know is not there; an empty workspace, and zips, leave nothing behind."""
    assert found() == []
    emulator.world.state.project("team", "ours").notes = "some"
    for route in ("GET registry-model", "GET views/get-all", "GET artifacts/get-all"):
        emulator.faults.add(route, Status(404, headers={"Content-Type": "text/html"}, body=b"<html>"))
    assert found() == [("notes of a project", "ours")]
    assert found(offline=str(tmp_path)) == []
