"""Laws of the pure mappings, for any input."""

import math
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.utils.validation import _validate_metric_name, _validate_param_name, _validate_tag_name
from tracklib_mlflow import names, paths, points, texts
from tracklib_mlflow.params import Change, ParamBook, read_params
from tracklib_mlflow.registry import model_name
from tracklib_mlflow.versions import Versions
from tracklib_mlflow.wire import Wire

from tracklib.model.records import Artifact, FileRef, Metrics, Params, Record
from tracklib.model.state import fold
from tracklib.model.trees import same

anything = st.text(st.characters(codec=None), max_size=40)
tricky = st.text("a.:/ -_~@%E2FL0\0\n\ud800é😀", max_size=12)
named = (
    anything
    | tricky
    | st.sampled_from([":EMPTY:", ":2F:", f":L{'a' * 64}:", "mlflow.x", "tracklib.y", "a" * 251, ".."])
)
numbers = st.floats() | st.integers() | st.sampled_from([-0.0, 2**53 + 1, 10**400, math.inf, -math.inf, math.nan])
steps = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
leaves = st.none() | st.booleans() | numbers | anything | st.sampled_from(["3", "NaN", "null", "", '"x"', "[1]", "-"])
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(named, inner, max_size=3), max_leaves=8
)
trees = st.dictionaries(named, values, max_size=5)


class Texts(dict):
    """Companion texts, as a run's files would keep them."""

    def keep(self, wire):
        self.update(wire.texts)
        return self

    __call__ = dict.get


@given(named)
def test_a_name_is_one_that_mlflow_takes_and_comes_back(name):
    """Encoding gives what MLflow's own validation lets pass, of at most 250 characters, and decoding inverts it."""
    wire = Wire()
    held = wire.key(names.encode(name, reserved=("mlflow.", "tracklib.")))
    for validate in (_validate_metric_name, _validate_param_name, _validate_tag_name):
        validate(held)
    assert len(held) <= names.MAX_NAME
    assert not held.startswith(("mlflow.", "tracklib."))
    assert names.decode(held, Texts().keep(wire)) == name
    assert held.encode()


@given(st.lists(named, min_size=1, max_size=5))
def test_a_path_comes_back(path):
    """The path of a nested param is read back part by part, whatever its parts hold."""
    wire = Wire()
    held = wire.key(names.encode_path(path))
    _validate_param_name(held)
    assert names.decode_path(held, Texts().keep(wire)) == tuple(path)


@given(st.text(string.ascii_letters + string.digits + "_-", min_size=1, max_size=30))
def test_natural_names_stay(name):
    """Ordinary names stand in MLflow as they are."""
    assert names.encode(name) == name
    assert names.encode(f"train/{name}.x y:z") == f"train/{name}.x y:z"
    assert names.encode_path(["model", name]) == f"model.{name}"


@given(
    st.text(st.characters(codec=None, exclude_characters="/"), min_size=1, max_size=300).filter(lambda s: s.strip("."))
)
def test_a_part_of_a_path_is_safe_and_comes_back(part):
    """No part of a path holds what MLflow or a file system would stumble over; short ones are decoded again."""
    held = paths.encode_part(part)
    assert not set(held) & set('#?%\\:*"<>|\n\r\t\0\x7f')
    assert len(held.encode()) <= 255
    assert held == held.strip(" ")
    plain = paths.ascii_part(held)
    assert plain.isascii()
    assert len(plain) <= 255
    for written in (held, plain):
        assert "~L" in written or paths.decode_path(written) == part


@given(named, named, st.integers(1, 3), st.integers(1, 3))
def test_no_two_artifacts_share_a_place(a, b, i, j):
    """The folders of two artifacts are one only where name and version are."""
    one, other = paths.artifact_place(a, i), paths.artifact_place(b, j)
    assert (one == other) == ((a, i) == (b, j))
    assert "/" not in one
    assert one.casefold() not in ("tracklib", "media", "images")
    assert one.strip(".")


@given(values)
def test_a_params_value_comes_back_with_its_type(value):
    """A param's text is read back equal in value and type, through a stub too."""
    text = texts.to_text(value)
    for limit in (texts.MAX_PARAM, 0):
        wire = Wire()
        held = wire.value(text, limit)
        held.encode()
        assert "\0" not in held
        assert same(texts.from_text(texts.whole(held, Texts().keep(wire))), value)


@given(anything | st.integers(8001, 8100).map("x".__mul__), st.integers(0, 50))
def test_a_stub_that_was_altered_shows(text, at):
    """A stub is replaced by its text only as long as nobody touched it."""
    held = texts.stub(text)
    lookup = {texts.digest(text): text}.get
    assert texts.whole(held, lookup) == text
    altered = held[:at] + "#" + held[at:]
    if not altered.startswith(held):
        assert texts.whole(altered, lookup) == altered


@given(st.lists(trees, max_size=4))
def test_params_are_what_the_records_come_to(sent):
    """Whatever trees are sent one after the other, MLflow's immutable params read back as their merge."""
    params, tags, companions = {}, {}, Texts()
    for tree in sent:
        book = ParamBook.of_run(params, tags, companions)
        change = Change()
        book.enter(tree, change)
        companions.keep(change.wire)
        assert not set(change.params) & set(params), "MLflow would refuse the request"
        params.update(change.params)
        tags.update(change.tags)
    expected = fold("r", [Record("w", i, i, Params(tree)) for i, tree in enumerate(sent, 1)]).params
    assert same(read_params(params, tags, companions), expected)


@given(numbers, steps, st.integers(-(2**70), 2**70))
def test_a_native_point_is_what_mlflow_takes(value, step, time):
    """The nearest native point is finite or NaN, in int64, never negative in time, and its own nearest."""
    held = points.native("x", value, step, time)
    assert math.isfinite(held.value) or math.isnan(held.value)
    assert -(2**63) <= held.step < 2**63
    assert 0 <= held.time < 2**63
    again = points.native("x", held.value, held.step, held.time * points.NS)
    assert again.identity == held.identity


made = st.tuples(
    st.sampled_from(["x", "y"]), st.sampled_from([0, 1, 1.5]), st.sampled_from([1.0, 2, math.inf, -0.0, 0.0, math.nan, 2**53 + 1]),
    st.none() | st.sampled_from([0, 5, 1_000_000, -3]),
)  # fmt: skip


@given(st.lists(made, max_size=12), st.randoms(use_true_random=False))
def test_points_come_back_whatever_mlflow_drops(bodies, random):
    """A store that holds equal points once, entries in any order and twice: each point is read back once."""
    repeats, natives, entries, expected = points.Repeats(), {}, [], []
    for seq, (key, step, value, given_time) in enumerate(bodies, 1):
        record = Record("w", seq, 3_000_000 + seq, Metrics({key: value}, step, given_time))
        for point in points.points_of(record):
            held = points.native(point.key, point.value, point.step, point.time)
            natives.setdefault(held.identity, held)
            entry = repeats.entry(record, point, held)
            entries += [entry.to_fields()] * 2 if entry else []
            time = 3_000_000 if given_time is None else given_time
            expected.append(repr((key, value, step, time)).replace("2.0", "2"))
    random.shuffle(entries)
    grouped = points.entries_of(entries)
    read = [
        repr((p.key, p.value, p.step, p.time)).replace("2.0", "2") for p in points.restore(natives.values(), grouped)
    ]
    assert sorted(read) == sorted(expected)


def test_an_entry_never_brings_back_a_point_that_is_gone():
    """Without its native point, or with an altered one, an entry is not read."""
    point = points.Point("x", math.inf, 1, 5_000_000)
    entries = points.entries_of([points.Entry("w", 1, point).to_fields()])
    held = points.native("x", math.inf, 1, 5_000_000)
    assert [p.value for p in points.restore([held], entries)] == [math.inf]
    assert list(points.restore([], entries)) == []
    altered = points.Native("x", 7.0, held.step, held.time)
    assert [p.value for p in points.restore([altered], entries)] == [7.0]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 2)), max_size=8))
def test_versions_have_one_place_for_one_content(made_of):
    """Records of equal name and content share a place, all others have their own, and a later reader agrees."""
    versions = Versions()
    places = {}
    for seq, (name, content) in enumerate(made_of, 1):
        record = Record("w", seq, seq, Artifact(name, "t", (FileRef("f", 1, str(content)),)))
        place, is_there = versions.place(record)
        assert is_there == ((name, content) in places)
        assert places.setdefault((name, content), place) == place
        versions.add(record, place)
    assert len(set(places.values())) == len(places)


@pytest.mark.parametrize("name", ["a/b", "a:b", "", " ", "..", "a~b", "x\n", "fine-name_1.2"])
def test_a_models_name_is_one_that_the_registry_takes(name):
    """Registered models get names that MLflow's validation lets pass."""
    from mlflow.utils.validation import _validate_model_name

    _validate_model_name(model_name(name))
    assert (model_name(name) == name) == (name == "fine-name_1.2")
