"""Params at a real MLflow: types, nesting, long texts, changes, and many of them."""

import json
import math
import random
import string

from tracklib.model.records import Params
from tracklib.model.trees import same

TREE = {
    "lr": 1e-3, "epochs": 3, "epochs_float": 3.0, "amp": True, "none": None, "text": "adam", "empty": "",
    "looks": {"int": "3", "float": "1e5", "bool": "true", "null": "null", "list": "[1]", "nan": "NaN", "quoted": '"a"'},
    "special": {"nan": math.nan, "inf": math.inf, "ninf": -math.inf, "zero": -0.0, "big": 2**80, "neg": -(2**63) - 1},
    "lists": {"plain": [1, 2.0, "3", None, [True]], "deep": [{"a": {"b": []}}], "empty": [], "map": {}},
    "a.b": 1, "a": {"b": 2, "c.d": {"e": 3}}, "": {"": "empty names"}, "dots": {".": 1, "..": 2, "a//b": 3},
    "odd": {"emoji 😀": "😀", "new\nline": "a\nb", "nul\0": "a\0b", "surrogate": "\ud800", "%": "100 %"},
    "white": {"space": " padded ", "newline": "\n", "json spaces": " 1 "},
    "stub": "x ... [tracklib:" + "0" * 64 + "]",
    "long": {"text": "x" * 6001, "unicode": "日本" * 5000, "list": list(range(3000)), "just": "y" * 6000, "nul": "\0" * 7000},
    "n" * 300: "a long name", "deep": {"k" * 120: {"l" * 120: {"m" * 120: 1}}},
}  # fmt: skip


def read(bench):
    bodies = bench.read()[Params]
    assert len(bodies) == 1
    return bodies[0].values


def test_every_type_and_name_comes_back(bench):
    """A tree of params is read back equal in value and type, whatever it holds."""
    _, outcomes = bench.write(Params(TREE))
    assert [outcome.kind for outcome in outcomes] == ["accepted"]
    assert same(read(bench), TREE)


def test_natural_params_look_natural(bench):
    """What MLflow's pages show of ordinary params is what a person would write."""
    bench.write(
        Params({"lr": 0.001, "optimizer": "adam", "model": {"depth": 4, "name": "vit-b/16"}, "amp": True, "n": None})
    )
    assert bench.raw.data.params == {
        "lr": "0.001", "optimizer": "adam", "model.depth": "4", "model.name": "vit-b/16", "amp": "true", "n": "null",
    }  # fmt: skip


def test_long_values_are_stubs_with_the_whole_beside_them(bench):
    """A value beyond 6000 characters shows its beginning and its digest; nothing is cut without a word."""
    bench.write(Params({"prompt": "word " * 3000}))
    held = bench.raw.data.params["prompt"]
    assert held.startswith("word word ")
    assert len(held) < 300
    (text,) = bench.client.list_artifacts(bench.raw.info.run_id, "tracklib/text")
    assert text.path.removesuffix(".txt").rpartition("/")[2] in held
    assert (bench.artifact_folder() / text.path).read_text() == "word " * 3000


def test_a_changed_param_is_changed_aloud(bench):
    """MLflow keeps the first value; the new one is in a tag, the outcome says so, and reading gives the new one."""
    _, outcomes = bench.write(
        Params({"lr": 1, "same": 2}), Params({"lr": 2.0, "same": 2}), Params({"other": "z" * 9000})
    )
    assert [outcome.kind for outcome in outcomes] == ["accepted", "changed", "accepted"]
    assert "first value" in outcomes[1].reason
    assert bench.raw.data.params["lr"] == "1"
    assert bench.raw.data.tags["tracklib.param.lr"] == "2.0"
    _, outcomes = bench.write(Params({"lr": 1, "other": "q" * 9000, "new": 5}))
    assert [outcome.kind for outcome in outcomes] == ["changed"]
    assert same(read(bench), {"lr": 1, "same": 2, "other": "q" * 9000, "new": 5})


def test_a_value_may_become_a_mapping_and_back(bench):
    """Where a mapping takes a value's place, or a value a mapping's, only the later one is read."""
    trees = [
        {"a": 1, "x": {}},
        {"a": {"b": 1, "c": {"d": 2}}, "x": {"y": 1}},
        {"a": {"c": 5}},
        {"a": {}},
        {"a": {"c": 6}},
    ]
    expected = [
        {"a": 1, "x": {}}, {"a": {"b": 1, "c": {"d": 2}}, "x": {"y": 1}}, {"a": {"b": 1, "c": 5}, "x": {"y": 1}},
        {"a": {}, "x": {"y": 1}}, {"a": {"c": 6}, "x": {"y": 1}},
    ]  # fmt: skip
    for tree, wanted in zip(trees, expected, strict=True):
        bench.write(Params(tree))
        assert same(read(bench), wanted)


def test_equal_keys_of_one_batch_do_not_fail_it(bench):
    """MLflow refuses a request that names a param twice; a batch may."""
    _, outcomes = bench.write(*(Params({"a": i % 2, "b": i}) for i in range(6)))
    assert [outcome.kind for outcome in outcomes] == ["accepted"] + ["changed"] * 5
    assert read(bench) == {"a": 1, "b": 5}


def test_sending_params_again_changes_nothing(bench):
    """A resend of all records, by a sink that knows nothing, ends at the same values."""
    records = bench.records(Params({"a": 1, "b": "x" * 7000}), Params({"a": 2}), Params({"a": {"c": 3}}))
    for _ in range(2):
        sink = bench.sink()
        sink.send(records)
        sink.close()
        assert same(read(bench), {"a": {"c": 3}, "b": "x" * 7000})


def test_ten_thousand_params(sqlite_bench):
    """Any number of params is written, in requests of a hundred."""
    letters = random.Random(1)
    tree = {f"p{i:05}": "".join(letters.choices(string.ascii_letters, k=20)) for i in range(10_000)}
    sqlite_bench.write(Params(tree))
    (count,) = sqlite_bench.store.sql("SELECT count(*) FROM params WHERE run_uuid = ?", sqlite_bench.raw.info.run_id)
    assert count[0] == 10_000
    assert read(sqlite_bench) == tree
    assert json.dumps(tree)
