"""Tags, notes and summaries at a real MLflow."""

import math

import pytest

from tracklib.model.records import Notes, Summary, Tags
from tracklib.model.trees import same

TAGS = {
    "team": "vision", "bare": "", "päper": "日本", "spaces": " padded ", "lines": "a\nb\r\nc\t", "emoji": "😀", "nul": "a\0b",
    "surrogate": "\udc80", "mlflow.runName": "mine", "mlflow.note.content": "mine too", "mlflow.user": "me",
    "tracklib.run_id": "x", "tracklib.summary.acc": "1", "tracklib.param.lr": "2", "tracklib.": "3", "mlflow.": "4",
    "": "no name", "..": "dots", "a//b": "path", "(odd)": "()", "k" * 400: "long key", "long": "v" * 9000, "just": "v" * 8000,
    "stub": "v ... [tracklib:" + "a" * 64 + "]", "json": '{"a": 1}',
}  # fmt: skip


def tags(bench):
    return dict(bench.read()[Tags][0].values) if Tags in bench.read() else {}


def test_any_tag_comes_back(bench):
    """Every key and value is read back, and none is taken for one of MLflow's or of ours."""
    _, outcomes = bench.write(Tags(TAGS))
    assert [outcome.kind for outcome in outcomes] == ["accepted"]
    assert tags(bench) == TAGS
    held = bench.raw.data.tags
    assert held["team"] == "vision"
    assert held["mlflow.runName"] == "baseline"
    assert held["tracklib.run_id"] == "run-1"


def test_tags_are_set_and_removed_in_order(bench):
    """The last of a key holds; removing one that is not there is nothing."""
    bench.write(
        Tags({"a": "1", "b": "1", "c": "1"}), Tags({"a": None}), Tags({"b": None}), Tags({"b": "2", "never": None})
    )
    assert tags(bench) == {"b": "2", "c": "1"}
    bench.write(Tags({"b": None, "c": None}))
    assert tags(bench) == {}


def test_many_tags(bench):
    """Any number of tags is written, in requests of a hundred."""
    many = {f"t{i}": str(i) for i in range(450)}
    bench.write(Tags(many))
    assert tags(bench) == many


@pytest.mark.parametrize("text", ["first", "", "# title\n\n" + "x" * 20_000, "nul \0"])
def test_notes_are_mlflows_description(sqlite_bench, text):
    """Notes stand where MLflow's page shows a run's description; the last ones hold."""
    sqlite_bench.write(Notes("before"), Notes(text))
    assert [body.text for body in sqlite_bench.read()[Notes]] == [text]
    if text == "first":
        assert sqlite_bench.raw.data.tags["mlflow.note.content"] == "first"


def test_a_summary_is_exact_and_its_numbers_are_columns(bench):
    """A summary's tree is read back with its types; its numbers are metrics, which MLflow's table sorts by."""
    first = {"acc": 0.5, "n": 3, "tree": {"a": [1, None]}, "nan": math.nan, "inf": -math.inf, "flag": True, "name": "x"}
    bench.write(Summary(first), Summary({"acc": 0.25, "(odd)": 2**70}))
    (summary,) = bench.read()[Summary]
    assert same(summary.values, {**first, "acc": 0.25, "(odd)": 2**70})
    metrics = bench.raw.data.metrics
    assert metrics["tracklib.summary/acc"] == 0.25
    assert metrics["tracklib.summary/:28:odd:29:"] == float(2**70)
    assert math.isnan(metrics["tracklib.summary/nan"])
    assert not {"tracklib.summary/flag", "tracklib.summary/name", "tracklib.summary/tree"} & set(metrics)
    assert bench.points() == {}
