"""Runs at a real MLflow: identity, resume, statuses, times, parents, many of them."""

import uuid
from dataclasses import replace

import pytest

from tracklib.errors import RejectedError, TransientError
from tracklib.model.query import RunQuery
from tracklib.model.records import Metrics, RunEnd, RunStart
from tracklib.model.run import RunInfo


def start(bench, **more):
    return RunStart(bench.project, more.pop("name", "baseline"), **more)


def test_one_id_is_one_run(bench):
    """Opening again, with and without the remembered id, finds the run; its identity is read back exactly."""
    info = bench.run(group="g", job_type="train", parent="nobody")
    ids = {bench.opened(info).id, bench.opened(info).id}
    ids.add(bench.opened(info, vendor_id=next(iter(ids))).id)
    assert len(ids) == 1
    found = bench.found()
    assert found.place in ids
    assert (found.id, found.name, found.project, found.group) == (info.id, info.name, info.project, info.group)
    assert (found.job_type, found.parent, found.started, found.ended) == ("train", "nobody", info.started, None)
    assert bench.raw.info.start_time == info.started // 1_000_000


@pytest.mark.parametrize(
    "run_id", ["a'b", 'q"', "back\\slash", "%_", "日本", "x" * 300, "line\nbreak", "`tick`", "A", "a"]
)
def test_any_run_id_finds_its_run(sqlite_bench, run_id):
    """The caller's id may hold what MLflow's search grammar cannot quote."""
    info = sqlite_bench.run(run_id)
    assert sqlite_bench.opened(info).id == sqlite_bench.opened(info).id
    assert sqlite_bench.found(info).id == run_id


@pytest.mark.parametrize("name", ["", "x" * 400, "a\0b", "日本 😀", "line\nbreak", "\ud800"])
def test_any_run_and_project_name_comes_back(bench, name):
    """Names that MLflow's columns cannot hold are read back all the same."""
    info = RunInfo(f"{bench.project}{name}" * (2 if len(name) > 300 else 1), "r", name, started=1)
    sink = bench.sink(info)
    sink.send(bench.records(RunStart(info.project, name)))
    sink.close()
    found = bench.found(info)
    assert (found.name, found.project, found.started) == (name, info.project, 1)


def test_every_status_comes_back(bench):
    """All statuses are told apart, with exit code and error; MLflow's page shows the nearest of its own."""
    native = {"finished": "FINISHED", "failed": "FAILED", "crashed": "FAILED", "killed": "KILLED"}
    for status, word in native.items():
        info = bench.run(status)
        sink = bench.sink(info)
        end = RunEnd(status, 3 if status == "failed" else None, "boom " * 3000 if status == "failed" else None)
        records = bench.records(start(bench), end)
        sink.send(records)
        sink.close()
        found = bench.found(info)
        assert (found.status, found.ended) == (status, records[-1].time)
        assert bench.read(info)[RunEnd] == [end]
        held = bench.client.get_run(found.place).info
        assert (held.status, held.end_time) == (word, records[-1].time // 1_000_000)


def test_a_resumed_run_runs_again(bench):
    """A new attempt sets an ended run running; records after an end are held; the last end counts."""
    bench.write(start(bench), Metrics({"x": 1.0}, 0), RunEnd("killed", 143, "preempted"))
    bench.write(Metrics({"x": 2.0}, 1))
    assert bench.found().status == "killed"
    bench.write(start(bench, attempt=2), Metrics({"x": 3.0}, 2), writer="w2")
    assert (bench.found().status, bench.found().ended, bench.found().attempt) == ("running", None, 2)
    assert bench.raw.info.status == "RUNNING"
    assert RunEnd not in bench.read()
    bench.write(RunEnd("finished"), writer="w2")
    assert bench.read()[RunEnd] == [RunEnd("finished")]
    assert bench.found().attempt == 2
    assert [value for value, _, _ in bench.points()["x"]] == [1.0, 2.0, 3.0]


def test_an_old_end_sent_again_does_not_end_a_resumed_run(bench):
    """Records of an earlier attempt may come again after those of a later one; the times decide."""
    first = bench.records(start(bench), RunEnd("crashed"))
    second = bench.records(start(bench, attempt=2), writer="w2")
    sink = bench.sink()
    sink.send([*first, *second])
    again = bench.sink()
    again.send(first)
    assert bench.found().status == "running"
    last = bench.records(RunEnd("finished"), writer="w2")
    again.send(last)
    again.send([*first, *second])
    assert bench.found().status == "finished"


def test_the_context_of_a_start_comes_back(bench):
    """What was captured is kept whole, and MLflow's page shows the commit and the user."""
    context = {"git": {"commit": "abc123", "dirty": True}, "user": "me", "python": [3, 11], "nan": float("nan")}
    bench.write(start(bench, context=context))
    assert repr(bench.read()[RunStart][0].context) == repr(context)
    tags = bench.raw.data.tags
    assert (tags["mlflow.source.git.commit"], tags["mlflow.user"]) == ("abc123", "me")


def test_a_child_stands_below_its_parent(bench):
    """A run whose parent is at MLflow names the parent's run there, in the same experiment."""
    parent = bench.opened(bench.run("parent")).id
    child = bench.opened(bench.run("child", parent="parent")).id
    assert bench.client.get_run(child).data.tags["mlflow.parentRunId"] == parent
    assert bench.found(bench.run("child")).parent == "parent"


def test_the_page_is_the_servers(bench):
    """A run at a server has an address; one in a database has none."""
    bench.sink()
    if bench.store.name == "server":
        expected = f"{bench.store.uri}/#/experiments/{bench.raw.info.experiment_id}/runs/{bench.vendor.id}"
        assert bench.vendor.url == bench.found().url == expected
    else:
        assert bench.vendor.url is None


def test_a_deleted_run_and_experiment_say_how_to_restore_them(bench):
    """What somebody deleted in MLflow is not brought back behind their back; the records wait, and are not refused."""
    sink = bench.sink()
    bench.client.delete_run(bench.vendor.id)
    records = bench.records(Metrics({"x": 1.0}, 0))
    with pytest.raises(TransientError, match=f"runs restore --run-id {bench.vendor.id}"):
        sink.send(records)
    with pytest.raises(TransientError, match="runs restore"):
        bench.sink(vendor_id=bench.vendor.id)
    bench.client.restore_run(bench.vendor.id)
    assert [outcome.kind for outcome in sink.send(records)] == ["accepted"]
    experiment_id = bench.client.get_experiment_by_name(bench.project).experiment_id
    bench.client.delete_experiment(experiment_id)
    with pytest.raises(TransientError, match=f"experiments restore --experiment-id {experiment_id}"):
        bench.sink(bench.run("another"))


def test_a_run_that_vanished_is_not_begun_anew(sqlite_bench):
    """Where records are confirmed already, a new run would lack them."""
    with pytest.raises(RejectedError, match="no longer in MLflow"):
        sqlite_bench.sink(vendor_id=uuid.uuid4().hex, position={"w1": 5})


def test_one_experiment_may_take_all_projects(sqlite_bench):
    """With the setting `experiment`, runs of equal ids of two projects are two runs in one experiment."""
    name = f"shared-{uuid.uuid4().hex}"
    settings = replace(sqlite_bench.settings, experiment=name)
    infos = [RunInfo(f"{name}-{i}", "same", "n", started=1) for i in range(2)]
    ids = {sqlite_bench.opened(info, settings=settings).id for info in infos}
    assert len(ids) == 2
    source = type(sqlite_bench.source())(settings)
    assert {run.project for run in source.runs(RunQuery())} == {info.project for info in infos}
    assert [run.project for run in source.runs(RunQuery(project=infos[1].project, id="same"))] == [infos[1].project]


def test_more_runs_than_a_page(sqlite_bench):
    """All runs are found, past MLflow's pages, and queries select among them."""
    bench = sqlite_bench
    bench.sink()
    experiment_id = bench.raw.info.experiment_id
    row = bench.store.sql("SELECT * FROM runs WHERE run_uuid = ?", bench.raw.info.run_id)[0]
    columns = [name for (name,) in bench.store.sql("SELECT name FROM pragma_table_info('runs') ORDER BY cid")]
    for i in range(1100):
        values = dict(zip(columns, row, strict=True)) | {"run_uuid": f"f{i:031}", "name": f"n{i}", "start_time": 10 + i}
        marks = ", ".join("?" * len(columns))
        bench.store.sql(f"INSERT INTO runs VALUES ({marks})", *values.values())
    source = bench.source()
    everything = list(source.runs(RunQuery(project=bench.project)))
    assert len(everything) == 1101
    assert len({run.place for run in everything}) == 1101
    assert [run.name for run in source.runs(RunQuery(project=bench.project, since=10_000_000, until=12_000_000))] == [
        "n0",
        "n1",
    ]
    assert [run.name for run in source.runs(RunQuery(place=f"f{5:031}"))] == ["n5"]
    assert [run.id for run in source.runs(RunQuery(id=f"f{5:031}"))] == [f"f{5:031}"]
    assert list(source.runs(RunQuery(id="nobody"))) == []
    assert experiment_id
