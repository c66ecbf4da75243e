"""Deleting a run: it is out of sight, and nothing else is."""

import pytest
from tracklib_wandb.surroundings import SETTINGS

from tracklib.backends.contract import Remover
from tracklib.errors import RejectedError, TransientError
from tracklib.model.query import RunQuery
from tracklib.model.records import Artifact, Metrics, RunEnd
from tracklib.testing.emulators import DropReply


def two_runs(bench):
    """Write two runs that log the same files; return them as the source has them."""
    other = bench.run(f"other-{bench.id}")
    for info, writer in ((bench.info, "w1"), (other, "w2")):
        content = bench.file("m.bin", b"the same")
        bodies = [Metrics({"loss": 1.0}, 0), Artifact("m", "model", (content,)), RunEnd("finished", 0)]
        bench.write(*bodies, info=info, writer=writer)
    return bench.found(), bench.found(other)


def test_a_deleted_run_is_out_of_sight(bench):
    """Its neighbour stays, with the artifact that both logged; deleting it again is no error, and says nothing."""
    gone, other = two_runs(bench)
    source = bench.source()
    list(source.read(gone))
    assert isinstance(source, Remover)
    said = source.delete(gone)
    assert source.delete(gone) == ""
    assert [run.id for run in bench.source().runs(RunQuery(project=bench.project))] == [other.id]
    with pytest.raises(RejectedError):
        list(source.read(gone))
    (artifact,) = (record.body for record in source.read(other) if isinstance(record.body, Artifact))
    with source.open_file(other, artifact.files[0]) as file:
        assert file.read() == b"the same"
    is_online = bench.server is not None
    assert ("undelete" in said and f"artifacts stay in team/{bench.project}" in said) == is_online
    if not is_online:
        assert [path for path in bench.folder.rglob("*") if bench.id in path.name and other.id not in str(path)] == []


def test_a_log_without_a_directory_of_its_own_goes_alone(offline):
    """Of a folder of logs, each run's log is deleted, and what lies beside it is not."""
    gone, other = two_runs(offline)
    folder = offline.folder / "logs"
    folder.mkdir()
    for log in (offline.folder / "wandb").rglob("*.wandb"):
        log.rename(folder / log.name)
    (folder / "notes.txt").touch()
    offline.settings = type(offline.settings)(directory=str(folder))
    source = offline.source()
    assert source.delete(gone) == ""
    assert {path.name for path in folder.iterdir()} == {"notes.txt", f"run-{other.id}.wandb"}


def test_a_deleted_runs_id_is_told(online, monkeypatch):
    """W&B gives a deleted run's id to no other: whoever writes it again is told so, and how to get it back."""
    monkeypatch.setitem(SETTINGS, "init_timeout", 3.0)
    online.write(Metrics({"loss": 1.0}, 0), RunEnd("finished", 0))
    online.source().delete(online.found())
    with pytest.raises(TransientError, match="deleted there, and its id is given to no other; undelete it"):
        online.sink()


def test_a_deletion_whose_answer_is_lost(online, wandb_emulator):
    """It is asked for again, and that the run is gone by then is what was wanted."""
    online.write(Metrics({"loss": 1.0}, 0), RunEnd("finished", 0))
    wandb_emulator.faults.add("DeleteRun", DropReply())
    assert "undelete" in online.source().delete(online.found())
    assert online.server.runs == {}
