"""Laws of the pure mappings, for any input."""

import math

from hypothesis import given
from hypothesis import strategies as st
from tracklib_aim import names, params, paths, points
from tracklib_aim.identity import Identity
from tracklib_aim.labels import Labels

from tracklib.model.records import Params, Record, Tags
from tracklib.model.state import fold
from tracklib.model.trees import same

anything = st.text(st.characters(codec=None), max_size=30)
tricky = st.text('a{}":,[]1\\! \ud800', max_size=14)
flat = st.dictionaries(
    st.sampled_from(["subset", "a", 'q"{', "é"]), st.sampled_from(["train", 1, -0.5, "}"]), max_size=2
)
named = anything | tricky | st.sampled_from(["", "logs", "__x", '!"a"', "x{}", 'x{"a":1}', 'x{"a":1}{}', "{}{}"])
numbers = st.floats() | st.integers() | st.sampled_from([-0.0, 2**53 + 1, 10**400, math.inf, math.nan])
steps = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
leaves = st.none() | st.booleans() | numbers | anything
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(named, inner, max_size=3), max_leaves=8
)
trees = st.dictionaries(named | st.sampled_from(["a", "b", "tracklib"]), values, max_size=3)


@given(named)
def test_a_name_comes_back(name):
    """Name and context that Aim is given are ones that it holds, and give the name back."""
    held, context = names.native(name)
    assert held.encode()
    assert not held.startswith("__")
    assert held != "logs"
    assert names.join(names.decode(held), context) == name


@given(named.filter(bool), flat)
def test_a_foreign_name_comes_back(name, context):
    """Aim's name and context become one name that is taken apart into the same."""
    assert names.split(names.join(name, context)) == (name, context)


@given(st.lists(st.tuples(steps, numbers, st.integers(-(2**70), 2**70)), max_size=8), st.randoms(use_true_random=False))
def test_points_come_back_from_any_order(made, random):
    """A store that holds the last point of a place, and chunks in any order and twice: each point is read once."""
    sent = [points.Point("w", seq, *item) for seq, item in enumerate(made, 1)]
    natives = {points.native(point).step: points.native(point) for point in sent}
    held = [p for _ in range(2) for point in sent for p in points.read_chunk("w", points.write_chunk([point]))]
    random.shuffle(held)
    read = sorted(map(repr, points.restore(natives, held)))
    assert read == sorted(repr((point.value, point.step, point.time)) for point in sent)


@given(st.lists(trees, max_size=4))
def test_params_are_what_the_records_come_to(sent):
    """Whatever trees are sent one after the other, what is written to Aim reads back as their merge."""
    native, exact = {}, {}
    for tree in sent:
        book = params.Params(params.read(native, exact), exact)
        for path, value, is_new in book.take(tree):
            place = native
            for part in path[:-1]:
                place = place[part]
            assert not (is_new and path[-1] in place)
            place[path[-1]] = value
        exact = book.exact
    expected = fold("r", [Record("w", i, i, Params(tree)) for i, tree in enumerate(sent, 1)]).params
    assert same(params.read(native, exact), expected)


@given(st.lists(st.dictionaries(named, st.none() | named, max_size=3), max_size=4))
def test_tags_are_what_the_records_come_to(sent):
    """Tags read back from Aim's words and the exact form beside them; a word that was removed takes its tag along."""
    labels = Labels()
    for i, tags in enumerate(sent, 1):
        labels.take(Record("w", i, i, Tags(tags)))
    expected = fold("r", [Record("w", i, i, Tags(tags)) for i, tags in enumerate(sent, 1)]).tags
    assert labels.read_tags(sorted(labels.shown())) == expected
    assert labels.read_tags([]) == {}
    assert "added there" in labels.read_tags(["added there"])


@given(anything, anything, anything | st.none(), st.integers())
def test_an_identity_comes_back(project, name, error, ended):
    """Who a run is comes back from the params that tell it, whatever its names hold."""
    identity = Identity(project, name, name, 5, error=error, status="failed", ended=ended)
    tree = identity.tree()
    assert str(tree).encode()
    assert Identity.within(tree) == identity
    assert Identity.within({"run_id": name}) is None


@given(named, named, st.integers(1, 3), st.integers(1, 3))
def test_no_two_artifacts_share_a_place(a, b, i, j):
    """The folders of two artifacts are one only where name and version are, and never leave the store."""
    one, other = paths.artifact_place(a, i), paths.artifact_place(b, j)
    assert (one == other) == ((a, i) == (b, j))
    assert "/" not in one
    assert one.strip(".")
