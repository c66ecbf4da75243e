"""Trees: a config becomes JSON without a loss in silence, whatever it is made of."""

from __future__ import annotations

import argparse
import collections
import dataclasses
import datetime as dt
import decimal
import enum
import math
import pathlib
import types

import numpy as np
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracklib.errors import BadValueError
from tracklib.model.trees import flatten, merge, same, to_json, tree, unflatten

WORDS = st.text(max_size=3)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | WORDS
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=8
)
MAPPINGS = st.dictionaries(WORDS, TREES, max_size=4)


class Told(list):
    """What was reported, as ``(place, problem)``."""

    def __call__(self, place: str, problem: str) -> None:
        self.append((place, problem))


@pytest.fixture
def told() -> Told:
    return Told()


@dataclasses.dataclass
class Optimizer:
    name: str = "sgd"
    betas: tuple[float, ...] = (0.9, 0.999)


class Model(pydantic.BaseModel):
    depth: int = 4
    optimizer: dict[str, float] = {"lr": 0.1}


class Mode(enum.Enum):
    FAST = "fast"


class Level(enum.IntEnum):
    HIGH = 3


class Hostile:
    """Raises in whatever is asked of it."""

    def __getattr__(self, name: str) -> object:
        raise RuntimeError(f"no {name} here")

    def __repr__(self) -> str:
        raise RuntimeError("no repr here")


class Dumping:
    def model_dump(self) -> dict:
        raise RuntimeError("half built")


class HostileMapping(collections.UserDict):
    def __iter__(self) -> object:
        raise RuntimeError("closed")


class BadKey:
    def __str__(self) -> str:
        raise RuntimeError("no text")

    def __hash__(self) -> int:
        return 1


@given(MAPPINGS)
def test_json_is_taken_as_it_is(value: dict) -> None:
    """What is JSON already comes out the same in value and type, and nothing is reported."""
    told = Told()
    assert same(tree(value, told), value)
    assert told == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Optimizer(), {"name": "sgd", "betas": [0.9, 0.999]}),
        (argparse.Namespace(lr=0.1, sub=argparse.Namespace(x=1)), {"lr": 0.1, "sub": {"x": 1}}),
        (Model(), {"depth": 4, "optimizer": {"lr": 0.1}}),
        (types.MappingProxyType({"a": 1}), {"a": 1}),
        (collections.ChainMap({"a": 1}, {"a": 2, "b": 3}), {"b": 3, "a": 1}),
        (collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        ({"o": Optimizer(betas=())}, {"o": {"name": "sgd", "betas": []}}),
        ({"t": (1, (2.5, "x")), "r": range(3)}, {"t": [1, [2.5, "x"]], "r": [0, 1, 2]}),
        ({"s": {3, 1, 2}, "f": frozenset("ba")}, {"s": [1, 2, 3], "f": ["a", "b"]}),
        ({"m": Mode.FAST, "l": Level.HIGH, "k": {Mode.FAST: 1}}, {"m": "fast", "l": 3, "k": {"fast": 1}}),
        ({"p": pathlib.PurePosixPath("/a/b")}, {"p": "/a/b"}),
        ({"d": dt.date(2026, 1, 2), "t": dt.time(3, 4)}, {"d": "2026-01-02", "t": "03:04:00"}),
        ({"d": dt.datetime(2026, 1, 2, tzinfo=dt.timezone.utc)}, {"d": "2026-01-02T00:00:00+00:00"}),
        ({"b": b"ab\xff", "a": bytearray(b"x")}, {"b": "ab\\xff", "a": "x"}),
        ({"d": decimal.Decimal("0.10")}, {"d": "0.10"}),
        ({"a": np.array([[1, 2]]), "f": np.float32(0.5), "i": np.int64(2)}, {"a": [[1, 2]], "f": 0.5, "i": 2}),
        ({"b": np.bool_(True), "s": np.str_("x"), "z": np.array(3.5)}, {"b": True, "s": "x", "z": 3.5}),
        ({"l": np.longdouble(0.5)}, {"l": 0.5}),
        (
            {"n": math.nan, "i": -math.inf, "big": 2**80, "z": -0.0},
            {"n": math.nan, "i": -math.inf, "big": 2**80, "z": -0.0},
        ),
        (
            {1: "a", 2.5: "b", None: "c", False: "d", (1, 2): "e"},
            {"1": "a", "2.5": "b", "null": "c", "false": "d", "(1, 2)": "e"},
        ),
        ({"c": dict}, {"c": "type <class 'dict'>"}),
        ({"f": np.float32}, {"f": "type <class 'numpy.float32'>"}),
    ],
    ids=lambda value: str(value)[:30],
)
def test_every_kind_of_config_becomes_json(value: object, expected: dict) -> None:
    """Mappings, dataclasses, pydantic models and namespaces become dicts; tuples, sets and arrays become lists."""
    assert same(tree(value), expected)


@pytest.mark.parametrize("value", [None, 1, "a", [1], [("a", 1)], object(), Model, Optimizer])
def test_what_is_no_mapping_is_refused(value: object) -> None:
    """A config that is no mapping is refused by its type."""
    with pytest.raises(BadValueError, match="expected a mapping of params, got "):
        tree(value)


def test_a_config_that_raises_is_refused() -> None:
    """A config whose own code raises is refused as no mapping, not by its own error."""
    for value in (Hostile(), Dumping()):
        with pytest.raises(BadValueError, match=f"expected a mapping of params, got {type(value).__name__}"):
            tree(value)


def test_keys_that_become_one_are_reported(told: Told) -> None:
    """1 and "1" are one key in JSON: the first is kept, and the second is named."""
    assert tree({"a": {1: "int", "1": "text"}}, told) == {"a": {"1": "int"}}
    assert told == [("a.1", "stands twice, once as the key str '1'; the first one is recorded")]


def test_what_has_no_json_form_is_recorded_as_text_and_reported(told: Told) -> None:
    """A function, an object or a class is recorded as what it is called, and said to be."""
    found = tree({"model": {"act": math.sqrt, "obj": object(), "cls": Model}}, told)
    assert found["model"]["act"] == "builtin_function_or_method <built-in function sqrt>"
    assert found["model"]["obj"].startswith("object <object")
    assert found["model"]["cls"].endswith(".Model'>")
    assert [place for place, _ in told] == ["model.act", "model.obj", "model.cls"]
    assert told[0][1] == "has no JSON form; recorded as the text of builtin_function_or_method"


@pytest.mark.parametrize("kind", [Hostile, Dumping, HostileMapping])
def test_one_bad_value_costs_only_itself(kind: type, told: Told) -> None:
    """A value that raises when it is read is named, and everything beside it is recorded."""
    bad = kind()
    found = tree({"lr": 0.1, "bad": bad, "deep": {"bad": bad, "x": [1, bad]}, "last": 1}, told)
    assert found["lr"] == 0.1
    assert found["last"] == 1
    assert found["deep"]["x"][0] == 1
    assert type(found["bad"]) is str
    assert [place for place, _ in told] == ["bad", "deep.bad", "deep.x[1]"]


def test_a_key_without_a_text_costs_only_itself(told: Told) -> None:
    """A key whose ``str`` raises is left out and named; its neighbours stay."""
    assert tree({"a": 1, BadKey(): 2, "b": 3}, told) == {"a": 1, "b": 3}
    assert told == [("", "has a key that cannot be written (RuntimeError: no text); left out")]


def test_what_holds_itself_ends(told: Told) -> None:
    """A dict that holds itself twice is cut where it meets itself, at once, instead of growing without end."""
    loop: dict = {"x": 1}
    loop["self"] = loop
    loop["again"] = [loop]
    found = tree({"loop": loop}, told)
    assert found["loop"]["x"] == 1
    assert type(found["loop"]["self"]) is type(found["loop"]["again"][0]) is str
    assert told == [
        ("loop.self", "holds itself; recorded as text"),
        ("loop.again[0]", "holds itself; recorded as text"),
    ]


def test_sharing_is_no_loop(told: Told) -> None:
    """The same dict in two places is recorded in both."""
    shared = {"x": [1]}
    assert tree({"a": shared, "b": shared, "l": [shared, shared]}, told)["l"] == [shared, shared]
    assert told == []


def test_deep_nesting_is_cut_and_reported(told: Told) -> None:
    """Below 64 levels a tree goes on as text, however deep it is."""
    deep: dict = {"leaf": 1}
    for _ in range(5000):
        deep = {"d": deep}
    found: object = tree(deep, told)
    depth = 0
    while isinstance(found, dict):
        found, depth = found["d"], depth + 1
    assert depth == 64
    assert type(found) is str
    assert [problem for _, problem in told] == ["is nested deeper than 64 levels; recorded as text"]


def test_a_tree_has_a_bound(told: Told) -> None:
    """What would be more values than any journal wants (shared lists, ranges, arrays) is cut, and its place named."""
    laughs: list = [1]
    for _ in range(40):
        laughs = [laughs, laughs]
    values = {"lr": 0.1, "range": range(10**12), "array": np.zeros(200_000), "laughs": laughs, "last": 2}
    found = tree(values, told)
    assert (found["lr"], found["last"]) == (0.1, 2)
    assert {type(found["range"]), type(found["array"])} == {str}
    assert told[:2] == [
        (place, "holds more than 100,000 values; recorded as text, log it as an artifact")
        for place in ("range", "array")
    ]
    assert all(place.startswith("laughs") for place, _ in told[2:])
    assert len(told) < 100


def test_text_has_a_bound(told: Told) -> None:
    """Texts of millions of characters are cut and named; those that have room are whole."""
    found = tree({"a": "x" * 9_000_000, "b": "y" * 2_000_000, "c": "z" * 500_000, "d": b"w" * 700_000}, told)
    assert {key: len(text) for key, text in found.items()} == {"a": 9_000_000, "b": 1000, "c": 500_000, "d": 1000}
    assert told == [
        (key, f"has {size} characters; the first 1,000 are recorded, log it as an artifact")
        for key, size in (("b", "2,000,000"), ("d", "700,000"))
    ]


def test_an_integer_beyond_all_writing_becomes_text(told: Told) -> None:
    """An integer of more digits than Python writes is recorded in hexadecimal, and said to be."""
    assert tree({"n": 10**5000, "m": 10**4000}, told) == {"n": hex(10**5000), "m": 10**4000}
    assert told == [("n", "has more than 4300 digits; recorded as hexadecimal text")]


@given(MAPPINGS)
def test_unflatten_is_the_inverse_of_flatten(value: dict) -> None:
    """A tree is its leaves with their paths, keys with dots, slashes or nothing in them too."""
    leaves = list(flatten(value))
    assert same(unflatten(iter(leaves)), value)
    assert len({path for path, _ in leaves}) == len(leaves)


@given(MAPPINGS, MAPPINGS)
def test_merge_takes_the_new_and_keeps_the_rest(old: dict, new: dict) -> None:
    """Merging sets every new leaf, leaves alone what is not named, and changes neither argument."""
    before = [(path, leaf) for path, leaf in flatten(old)]
    merged = merge(old, new)
    found = dict(flatten(merged))
    assert all(same(found[path], leaf) for path, leaf in flatten(new))
    untouched = {path: leaf for path, leaf in before if path[0] not in new}
    assert all(same(found[path], leaf) for path, leaf in untouched.items())
    assert same(merge(merged, new), merged)
    assert same(before, list(flatten(old)))


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (1, 1, True),
        (1, 1.0, False),
        (1, True, False),
        (math.nan, math.nan, True),
        (0.0, -0.0, False),
        ([1, {"a": math.nan}], (1, {"a": math.nan}), True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": None}, {}, False),
        ([1], [1, 2], False),
        ("", None, False),
        ([], {}, False),
    ],
)
def test_same_tells_type_and_sign(a: object, b: object, expected: object) -> None:
    """Equal is equal in value and type; NaN equals itself, and -0.0 is not 0.0."""
    assert same(a, b) is expected
    assert same(b, a) is expected


def test_to_json_takes_any_value() -> None:
    """A single value follows the rules of a tree."""
    assert to_json((1, np.float32(0.5), None)) == [1, 0.5, None]
