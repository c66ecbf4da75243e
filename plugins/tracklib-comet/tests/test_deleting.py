"""Deleting a run: all of it is gone, and nothing else."""

import pytest
from tracklib_comet.settings import CometSettings
from tracklib_comet.source import CometSource

from tracklib.backends.contract import Remover
from tracklib.errors import AuthError, RejectedError, TransientError
from tracklib.model.query import RunQuery
from tracklib.model.records import Artifact, Metrics, RunEnd
from tracklib.testing.emulators import Status


def ids(bench):
    return [run.id for run in bench.source().runs(RunQuery(project=bench.project))]


def test_a_deleted_run_is_gone_with_its_files(bench):
    """Its neighbour stays whole; deleting it again is no error, and says nothing."""
    other = bench.run("run-2")
    for info in (bench.info, other):
        bench.write(Metrics({"loss": 1.0}, 0), RunEnd("finished", 0), info=info)
    source = bench.source()
    assert isinstance(source, Remover)
    gone = bench.found()
    files = bench.emulator and [a.id for a in bench.emulator.world.state.assets_of(gone.place)]
    said = source.delete(gone)
    assert said == (f"Comet keeps the project {bench.project!r}" if bench.emulator else "")
    assert source.delete(gone) == ""
    assert ids(bench) == ["run-2"]
    assert [value for value, _, _ in bench.points(other)["loss"]] == [1.0]
    with pytest.raises(RejectedError, match="holds no run"):
        list(source.read(gone))
    if bench.emulator:
        assert files
        assert gone.place not in bench.emulator.experiments
        assert not set(files) & set(bench.emulator.world.state.assets)


def test_a_run_is_deleted_by_its_project_and_id(bench):
    """Without Comet's key, as ``RunInfo`` may come from elsewhere, the run is found all the same."""
    bench.write(Metrics({"loss": 1.0}, 0), RunEnd("finished", 0))
    bench.source().delete(bench.info)
    assert ids(bench) == []


def test_artifacts_are_the_workspaces_and_stay(online):
    """Comet's artifacts outlive the experiment that made them, and the answer says so."""
    file = online.file("m.bin", b"weights")
    online.write(Artifact("m", "model", (file,)), RunEnd("finished", 0))
    assert online.source().delete(online.found()).endswith("and the artifacts that the run made")
    assert [version.name for version in online.emulator.world.state.versions.values()] == ["m"]


def test_a_foreign_run_and_a_lost_one_are_deleted_too(online, tmp_path):
    """A key is all that it takes at Comet; of a zip, that it is the run's."""
    from tracklib.testing.emulators.comet import Experiment

    key = "b" * 40
    online.emulator.experiments[key] = Experiment(key, "team", "p", 1000, 2000, running=False)
    online.emulator.world.state.project("team", "p")
    (theirs,) = online.source().runs(RunQuery(id=key))
    assert online.source().delete(theirs) == "Comet keeps the project 'p'"
    assert key not in online.emulator.experiments
    (tmp_path / "zips").mkdir()
    lost = tmp_path / "zips" / f"{key}.zip"
    lost.write_bytes(b"PK\x05\x06" + bytes(18))
    source = CometSource(CometSettings(offline=str(tmp_path / "zips")))
    (run,) = source.runs(RunQuery())
    assert source.delete(run) == ""
    assert not lost.exists()


@pytest.mark.parametrize(("status", "kind"), [(403, AuthError), (503, TransientError)])
def test_a_run_that_may_not_be_deleted_stays(online, status, kind):
    """A key without the right, and a server that fails, are told; the run is whole."""
    online.write(Metrics({"loss": 1.0}, 0), RunEnd("finished", 0))
    online.emulator.faults.add("GET write/experiment/delete", Status(status, body=b'{"msg": "no"}'))
    with pytest.raises(kind, match="deleting the experiment"):
        online.source().delete(online.found())
    assert ids(online) == ["run-1"]
