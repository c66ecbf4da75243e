"""Runs in a real Aim: who they are, params, tags, notes, how they ended, what else they said."""

import math

import pytest

from tracklib.errors import TransientError
from tracklib.model.query import RunQuery
from tracklib.model.records import (
    Console,
    Input,
    Metrics,
    Notes,
    Notice,
    Params,
    RunEnd,
    RunStart,
    Summary,
    System,
    Tags,
    Unknown,
)
from tracklib.model.state import fold
from tracklib.model.trees import same

TREE = {
    "lr": 1e-3, "n": 3, "on": True, "off": None, "name": "x", "empty": "", "list": [1, [2.5, None], {"a": []}], "tree": {},
    "model": {"depth": 4, "a.b": {"c/d": math.nan, "": 1}}, "inf": -math.inf, "zero": -0.0, "big": 2**63, "huge": 10**300,
    "min": -(2**63), "text": "é\0\n" + "x" * 20_000, "odd": "\ud800", "\ud800": 1, "": 2, "tracklib": 3, "1": {"1": 1},
    "__system_params": 4, '!"a"': 5,
}  # fmt: skip


def test_any_params_come_back(bench):
    """Params come back in value and type, and natural ones stand in Aim as they are."""
    bench.write(Params(TREE))
    (params,) = bench.read()[Params]
    assert same(params.values, TREE)
    raw = bench.raw
    assert raw["lr"] == 1e-3
    assert raw["model", "depth"] == 4
    assert raw["list"] == [1, [2.5, None], {"a": []}]
    assert raw["big"] == str(2**63)


def test_params_change(bench):
    """A param recorded again takes its new value, whatever it was before, in Aim too."""
    records, _ = bench.write(Params({"a": 1, "b": {"c": 1, "d": [1, 2, 3]}, "e": {"f": 1}, "g": 2**70}))
    more, _ = bench.write(
        Params({"a": {"x": 1}, "b": {"c": 2, "d": [1]}, "e": 5, "g": 1}), Params({"b": {"n": {"m": 0}}})
    )
    (params,) = bench.read()[Params]
    assert same(params.values, fold("r", [*records, *more]).params)
    assert bench.raw["b"] == {"c": 2, "d": [1], "n": {"m": 0}}


def test_tags_notes_and_summary(bench):
    """Tags, notes and summary come back, and stand where Aim shows them."""
    tags = {"dev": "", "team": "vision", "a=b": "", "a": "b", "\ud800": "x", "": "empty", "gone": "1"}
    bench.write(Tags(tags), Notes("two\nlines \ud800"), Summary({"best": 0.5, "big": 2**70, "nan": math.nan}))
    bench.write(Tags({"gone": None, "dev": "no"}), Summary({"best": 1}), RunEnd("finished", 0))
    bodies = bench.read()
    expected = {key: value for key, value in tags.items() if key != "gone"} | {"dev": "no"}
    assert bodies[Tags][0].values == expected
    assert [notes.text for notes in bodies[Notes]] == ["two\nlines \ud800"]
    assert same(bodies[Summary][0].values, {"best": 1, "big": 2**70, "nan": math.nan})
    raw = bench.raw
    assert {"dev=no", "team=vision"} <= set(raw.tags)
    assert "gone=1" not in raw.tags
    assert raw.description == "two\nlines ?"
    assert raw["tracklib", "summary", "best"] == 1
    assert raw["tracklib", "status"] == "finished"


@pytest.mark.parametrize("status", ["finished", "failed", "killed", "crashed"])
def test_the_status_is_the_true_one(bench, status):
    """A run's end comes back exactly; Aim shows it as ended at that time, and its status among the params."""
    info = bench.run(f"run-{status}")
    code = None if status == "crashed" else 3
    start = RunStart(bench.project, "baseline", "g", "train", "parent", context={"host": "h"}, rank=2)
    (_, end), _ = bench.write(start, RunEnd(status, code, "boom \ud800"), info=info)
    found = bench.found(info)
    assert (found.status, found.started, found.ended) == (status, info.started, end.time)
    assert (found.group, found.job_type, found.parent) == ("g", "train", "parent")
    bodies = bench.read(info)
    assert bodies[RunEnd] == [RunEnd(status, code, "boom \ud800")]
    assert bodies[RunStart] == [start]
    from aim.sdk.repo import Repo

    raw = Repo(str(bench.root)).get_run(found.place)
    assert raw.end_time == end.time / 10**9
    assert raw.created_at.timestamp() if raw.created_at.tzinfo else raw.creation_time == info.started // 1000 / 10**6
    assert (raw.name, raw.experiment, raw["tracklib", "status"]) == ("baseline", bench.project, status)


def test_a_running_run_is_running_and_visible(bench):
    """Aim sees a run that goes on, with what it has so far; closing the sink does not end it."""
    sink = bench.sink()
    sink.send(bench.records(RunStart(bench.project, "baseline"), Metrics({"x": 1.0}, 0)))
    assert bench.found().status == "running"
    if bench.repo == bench.root:
        assert bench.raw.active
        assert bench.metric("x")[1] == [1.0]
    sink.close()
    assert bench.raw.active
    assert bench.read()[RunEnd] == []


def test_a_run_is_resumed(bench):
    """A second attempt goes on with the same run; an end of the first that comes late changes nothing."""
    first = bench.records(RunStart(bench.project, "a"), Metrics({"x": 1.0}, 0), RunEnd("failed", 1))
    second = bench.records(RunStart(bench.project, "b", attempt=2), Metrics({"x": 2.0}, 1), writer="w2")
    for batch in (first[:2], first[2:], second, first[2:]):
        sink = bench.sink()
        sink.send(batch)
        sink.close()
    found = bench.found()
    assert (found.status, found.name, found.attempt, found.ended) == ("running", "b", 2, None)
    assert [value for value, _, _ in bench.points()["x"]] == [1.0, 2.0]
    assert len(list(bench.source().runs(RunQuery(project=bench.project)))) == 1


def test_whole_records_come_back(bench):
    """What Aim has no place for is kept whole, each record once however often it is sent."""
    bodies = [
        System({"cpu.percent": 5.5, "gpu.0.utilization": 7, "process.cpu.percent": 1}),
        Console("stdout", "one\ntwo"),
        Console("stderr", "\ud800"),
        Notice("refused", "no", 3),
        Input("data", "dataset", "v1", "r0"),
        Unknown("future", {"x": [1, None]}),
    ]
    records = bench.records(*bodies)
    for part in (records[:3], records, records):
        sink = bench.sink()
        sink.send(part)
        sink.close()
    read = bench.read()
    assert [body for body in bodies if body not in read[type(body)]] == []
    assert sum(map(len, read.values())) == 1 + len(bodies)
    raw = bench.raw
    assert [line.data for line in raw.get_terminal_logs().values.values_list()] == ["one", "two", "?"]
    from aim.storage.context import Context

    assert raw.get_metric("__system__gpu", Context({"gpu": 0})).values.values_list() == [7.0]
    assert raw.get_metric("__system__cpu", Context({})).values.values_list() == [1.0]


def test_what_is_changed_in_aim_is_what_is_read(local):
    """Names, tags, notes and params that somebody changed in Aim show."""
    import aim

    local.write(Params({"a": 1, "big": 2**70}), Tags({"dev": "", "team": "x"}), Notes("old"), RunEnd("failed", 1))
    run = aim.Run(local.found().place, repo=str(local.root), system_tracking_interval=None, capture_terminal_logs=False)
    run.name, run.description, run["a"], run["big"] = "renamed", "new", 2, 5
    run.remove_tag("dev")
    run.add_tag("mine")
    run.close()
    del run
    found = local.found()
    assert (found.name, found.status) == ("renamed", "finished")
    bodies = local.read()
    assert bodies[Params][0].values["a"] == 2
    assert bodies[Params][0].values["big"] == 5
    assert bodies[Tags][0].values == {"team": "x", "mine": ""}
    assert bodies[Notes][0].text == "new"


def test_one_run_has_one_writer(local, make_bench):
    """A run that another process has open waits, and nothing of it is lost."""
    import subprocess
    import sys

    script = f"""
import sys
from tracklib_aim.repository import Repository
from tracklib_aim.settings import AimSettings
from tracklib_aim.identity import run_hash
Repository(AimSettings(repo={str(local.root)!r}).resolved()).lock(run_hash({local.project!r}, "run-1"))
print("locked", flush=True)
sys.stdin.read()
"""
    holder = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"locked\n"
    with pytest.raises(TransientError, match="open in another process"):
        local.sink()
    holder.kill()  # its lock is stale now, and taken over
    holder.communicate()
    local.write(Metrics({"x": 1.0}, 0))
    assert [value for value, _, _ in local.points()["x"]] == [1.0]
