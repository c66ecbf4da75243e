"""Runs at W&B: who they are, params, tags, notes, how they ended, what else they said."""

import json
import math

import pytest

from tracklib.model.query import RunQuery
from tracklib.model.records import (
    Console,
    Context,
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
    "model": {"depth": 4, "a.b": {"c/d": math.nan, "": 1}, "none": {}}, "inf": -math.inf, "zero": -0.0, "big": 2**63,
    "huge": 10**300, "min": -(2**63), "text": "é\0\n" + "x" * 20_000, "odd": "\ud800", "\ud800": 1, "": 2, "tracklib": 3,
    "1": {"1": 1}, "_wandb": 4, '!"a"': 5, "whole": 1.0, "precise": 2**53 + 1, "--dashed--": 1, "-": 2, "NaN": "NaN",
    "art": {"_type": "artifactVersion", "id": "x"}, "far": 1e300, "nested": [[1.0, 2], {"x": 2.0}],
}  # fmt: skip


def test_any_params_come_back(bench):
    """Params come back in value and type, whatever JSON makes of them on the way."""
    bench.write(Params(TREE))
    (params,) = bench.read()[Params]
    assert {
        key: (value, params.values.get(key)) for key, value in TREE.items() if not same(value, params.values.get(key))
    } == {}
    assert params.values.keys() == TREE.keys()


def test_natural_params_stand_at_wandb_as_they_are(online):
    """The config that W&B's pages show is the params, nested as they are."""
    online.write(Params(TREE))
    shown = online.raw.values
    assert {key: shown[key] for key in ("lr", "n", "on", "name", "list")} == {
        key: TREE[key] for key in ("lr", "n", "on", "name", "list")
    }
    assert shown["model"]["depth"] == 4
    assert shown["whole"] == 1


def test_params_change(bench):
    """A param recorded again takes its new value, whatever it was before."""
    records, _ = bench.write(Params({"a": 1, "b": {"c": 1, "d": [1, 2, 3]}, "e": {"f": 1}, "g": 2**70}))
    more, _ = bench.write(
        Params({"a": {"x": 1}, "b": {"c": 2, "d": [1]}, "e": 5, "g": 1}), Params({"b": {"n": {"m": 0}}})
    )
    (params,) = bench.read()[Params]
    assert same(params.values, fold("r", [*records, *more]).params)


def test_tags_notes_and_summary(bench):
    """Tags, notes and summary come back, those that were removed or changed too."""
    tags = {
        "dev": "",
        "team": "vision",
        "a=b": "",
        "a": "b",
        "\ud800": "x",
        "": "empty",
        "gone": "1",
        "long": "x" * 300,
    }
    bench.write(Tags(tags), Notes("two\nlines \ud800"), Summary({"best": 0.5, "big": 2**70, "nan": math.nan, "": 1.0}))
    bench.write(Tags({"gone": None, "dev": "no"}), Summary({"best": 1}), RunEnd("finished", 0))
    bodies = bench.read()
    expected = {key: value for key, value in tags.items() if key != "gone"} | {"dev": "no"}
    assert bodies[Tags][0].values == expected
    assert [notes.text for notes in bodies[Notes]] == ["two\nlines \ud800"]
    assert same(bodies[Summary][0].values, {"best": 1, "big": 2**70, "nan": math.nan, "": 1.0})


def test_notes_are_taken_away_and_nothing_is_a_summary(bench):
    """The empty notes after others, and a summary of nothing or under names that W&B counts in, come back as they were."""
    bench.write(RunStart(bench.project, "n"), Metrics({"x": 1.0}, 5), Notes("some"), RunEnd("finished"))
    values = {"none": None, "_step": {"a": [1]}, "_timestamp": "t", "_runtime": None}
    bench.write(
        RunStart(bench.project, "n", attempt=2),
        Notes(""),
        Summary(values),
        Metrics({"x": 2.0}, 6),
        RunEnd("finished"),
        writer="w2",
    )
    state = fold(bench.id, bench.source().read(bench.found()))
    assert state.notes == ""
    assert same(state.summary, values)


def test_what_wandb_shows_of_a_run(online):
    """Name, tags, notes, group, kind of job, summary and status stand where W&B's pages show them."""
    info = online.run(group="folds", job_type="train", name="fold 1: naïve")
    start = RunStart(online.project, "fold 1: naïve", "folds", "train", "parent-run")
    bodies = [
        start,
        Tags({"dev": "", "team": "vision"}),
        Notes("two\nlines"),
        Summary({"best": 0.5}),
        RunEnd("failed", 3),
    ]
    online.write(*bodies, Metrics({"best": 7.0}, 0), info=info)
    raw = online.raw
    assert (raw.display_name, raw.group, raw.job_type, raw.notes) == ("fold 1: naïve", "folds", "train", "two\nlines")
    assert raw.tags == ["dev", "team=vision"]
    assert raw.summary["best"] == 0.5
    assert (raw.state, raw.exit_code) == ("failed", 3)
    own = raw.values["tracklib"]
    assert (own["run_id"], own["status"], own["exit_code"], own["parent"]) == (online.id, "failed", 3, "parent-run")


@pytest.mark.parametrize("status", ["finished", "failed", "killed", "crashed"])
def test_the_status_is_the_true_one(bench, status):
    """A run's end comes back exactly."""
    code = {"finished": 0, "failed": 3, "killed": 143, "crashed": None}[status]
    start = RunStart(bench.project, "baseline", "g", "train", "parent", context={"host": "h"}, rank=2)
    info = bench.run(group="g", job_type="train")
    (_, end), _ = bench.write(start, RunEnd(status, code, "boom \ud800"), info=info)
    found = bench.found(info)
    assert (found.status, found.started, found.ended) == (status, info.started, end.time)
    assert (found.group, found.job_type, found.parent) == ("g", "train", "parent")
    bodies = bench.read(info)
    assert bodies[RunEnd] == [RunEnd(status, code, "boom \ud800")]
    assert bodies[RunStart] == [start]


def test_a_run_that_goes_on_is_running(bench):
    """Letting go of a run does not end it: neither here nor at W&B."""
    sink = bench.sink()
    sink.send(bench.records(RunStart(bench.project, "baseline"), Metrics({"x": 1.0}, 0)))
    sink.close()
    assert bench.found().status == "running"
    assert bench.read()[RunEnd] == []
    if bench.server is not None:
        assert (bench.raw.state, bench.raw.exit_code) == ("running", None)


def test_a_run_is_resumed(bench):
    """A second attempt goes on with the same run; an end of the first that comes late changes nothing."""
    first = bench.records(RunStart(bench.project, "a"), Metrics({"x": 1.0}, 0), RunEnd("failed", 1))
    second = bench.records(RunStart(bench.project, "b", attempt=2), Metrics({"x": 2.0}, 0), writer="w2")
    for batch in (first[:2], first[2:], second, first[2:]):
        sink = bench.sink()
        sink.send(batch)
        sink.close()
    found = bench.found()
    assert (found.status, found.name, found.attempt, found.ended) == ("running", "b", 2, None)
    assert [(value, step) for value, step, _ in bench.points()["x"]] == [(1.0, 0), (2.0, 0)]
    assert bench.shown("x") == [(0, 1), (1, 2)]
    assert len(list(bench.source().runs(RunQuery(project=bench.project)))) == 1


def test_whole_records_come_back(bench):
    """What W&B has no exact place for is kept whole, each record once however often it is sent."""
    bodies = [
        System({"cpu.percent": 5.5, "gpu.0.utilization": 7, "odd": math.nan}),
        Console("stdout", "one\ntwo"),
        Console("stderr", "\ud800"),
        Notice("refused", "no", 3),
        Context({"git": {"commit": "abc"}}),
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


def test_load_and_output_are_shown_once(online):
    """W&B's pages show load under its own names, and output line by line, once however often a record comes."""
    records = online.records(System({"gpu.0.utilization": 7, "memory.percent": 1.5}), Console("stdout", "one\ntwo"))
    for part in (records[:1], records, records):
        sink = online.sink()
        sink.send(part)
        sink.close()
    (event,) = online.raw.events
    assert (event["system.gpu.0.gpu"], event["system.memory_percent"]) == (7, 1.5)
    assert event["_timestamp"] == records[0].time / 10**9
    assert [line.partition(" ")[2] for line in online.raw.console] == ["one", "two"]


def test_rows_carry_what_is_kept_beside_and_leave_no_file(online):
    """Output between points travels in the rows: a long run does not leave a file each second."""
    sink = online.sink()
    sink.send(online.records(*(b for i in range(50) for b in (Console("stdout", f"line {i}"), Metrics({"x": 1.0}, i)))))
    sink.close()
    assert [name for name in online.server.files(online.raw) if name.startswith("tracklib/")] == []
    assert [body.text for body in online.read()[Console]] == [f"line {i}" for i in range(50)]


def test_what_is_changed_at_wandb_is_what_is_read(online):
    """Names, tags, notes, params and summaries that somebody changed at W&B show."""
    bodies = [
        Params({"a": 1, "big": 2**70, "w": 1.0}),
        Tags({"dev": "", "team": "x"}),
        Notes("old"),
        Summary({"s": 1, "t": 2}),
    ]
    online.write(*bodies, Metrics({"x": 1.0}, 0), RunEnd("failed", 1))
    raw = online.raw
    raw.display_name, raw.notes, raw.tags = "renamed", "new", ["team=x", "mine"]
    raw.config["a"]["value"], raw.config["big"]["value"] = 2, 5
    del raw.config["w"]
    raw.summary["s"] = 9
    del raw.summary["t"]
    assert online.found().name == "renamed"
    bodies = online.read()
    assert bodies[Params][0].values == {"a": 2, "big": 5}
    assert bodies[Tags][0].values == {"team": "x", "mine": ""}
    assert bodies[Notes][0].text == "new"
    assert bodies[Summary][0].values == {"s": 9}


def test_a_damaged_companion_costs_what_it_held_and_is_told(online):
    """A mark or a file beside that is no longer what was written is named, and never believed."""
    online.write(Metrics({"x": 1.0}, 0), Metrics({"x": 2.0}, 1))
    rows = [json.loads(line) for line in online.raw.lines["wandb-history.jsonl"]]
    rows[0]["_tracklib"] = rows[0]["_tracklib"][:-7]
    online.raw.lines["wandb-history.jsonl"] = [json.dumps(row) for row in rows]
    bodies = online.read()
    assert [(body.values["x"], body.step) for body in bodies[Metrics]] == [(1.0, 0), (2.0, 1)]
    assert [notice.code for notice in bodies[Notice]] == ["damaged"]


def test_two_projects_of_one_name_elsewhere_stay_apart(online):
    """Runs of any project can go to one project at W&B; those of one id are two runs there."""
    from tracklib_wandb.settings import WandbSettings

    online.settings = WandbSettings(**{**online.settings.given(), "project": "all"})
    first = online.run()
    online.write(Metrics({"x": 1.0}, 0), info=first)
    own, online.project = online.project, "other: project?"
    second = online.run()
    online.write(Metrics({"x": 2.0}, 0), info=second)
    assert {run.project for run in online.server.runs.values()} == {"all"}
    assert len(online.server.runs) == 2
    online.project = own
    assert online.points(first)["x"][0][0] == 1.0
    assert online.points(second)["x"][0][0] == 2.0


@pytest.mark.parametrize("project", ["a/b", "x" * 300, "100%", " padded ", "naïve", "#?:", "", ".."])
def test_any_project_and_id(bench, project):
    """Projects and ids that W&B does not take come back as they are."""
    bench.project = project + bench.project if project.strip(" .") else project
    info = bench.run(f"{bench.id}/é #1")
    bench.write(Metrics({"x": 1.0}, 0), info=info)
    found = bench.found(info)
    assert (found.project, found.id) == (bench.project, info.id)
