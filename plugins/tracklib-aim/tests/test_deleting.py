"""Deleting a run: all of it is gone, and nothing else."""

from tracklib.backends.contract import Remover
from tracklib.model.query import RunQuery
from tracklib.model.records import Artifact, Metrics, RunEnd, Tags


def test_a_deleted_run_is_gone_with_its_files(bench):
    """Neither the source nor Aim nor the disk holds any of it; deleting it again is no error, and says nothing."""
    other = bench.run("run-2")
    for info in (bench.info, other):
        content = bench.file("m.bin", info.id.encode())
        bench.write(Metrics({"loss": 1.0}, 0), Artifact("m", "model", (content,)), RunEnd("finished", 0), info=info)
    source = bench.source()
    assert isinstance(source, Remover)
    gone = bench.found()
    assert source.delete(gone) == ""
    assert source.delete(gone) == ""
    assert [run.id for run in bench.source().runs(RunQuery(project=bench.project))] == ["run-2"]
    assert [path for path in bench.root.rglob("*") if gone.place in path.name] == []
    bench.info = other
    assert bench.raw.hash == bench.found().place
    assert [artifact.name for artifact in bench.read()[Artifact]] == ["m"]


def test_what_lies_in_a_store_elsewhere_is_named(local):
    """Files in an object store stay, and the answer says where."""
    from tracklib_aim.files import Files

    assert (
        Files("abc", None, "s3://bucket/files").discard() == "the files of its artifacts stay in s3://bucket/files/abc"
    )


def test_a_run_that_gets_a_deleted_ones_number_has_none_of_its_tags(local):
    """Aim leaves the tags of a deleted run behind, for whichever run SQLite gives its number to: a new one drops them."""
    from aim.sdk.repo import Repo

    last = local.run("run-last")
    local.write(Tags({"old": "", "team": "vision"}), RunEnd("finished", 0), info=last)
    repo = Repo(str(local.root))
    assert repo.delete_run(local.found(last).place)
    repo.close()
    local.write(Tags({"new": ""}), RunEnd("finished", 0), writer="w2")
    assert [tags.values for tags in local.read()[Tags]] == [{"new": ""}]
