"""Laws of the plugin's pure functions, for any input."""

import json

from hypothesis import assume, given
from hypothesis import strategies as st
from tracklib_wandb import artifacts, identity, labels, names, params, rows
from tracklib_wandb.companions import read_chunk, write_chunk
from tracklib_wandb.steps import Steps
from tracklib_wandb.view import Vitals

from tracklib.model.records import Metrics, Notice, Params, Record, Tags
from tracklib.model.state import fold
from tracklib.model.trees import same

anything = st.text(st.characters(), max_size=12)
numbers = st.floats() | st.integers(-(2**70), 2**70) | st.sampled_from([-0.0, 10**400, -(10**400), 2**63, 2**53 + 1])
steps = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
leaves = st.none() | st.booleans() | numbers | anything
trees = st.dictionaries(
    anything,
    st.recursive(leaves, lambda x: st.lists(x, max_size=3) | st.dictionaries(anything, x, max_size=3), max_leaves=8),
    max_size=4,
)


def through_wandb(value):
    """Return a value as W&B's program gives it back: JSON whose numbers are JavaScript's."""
    if isinstance(value, dict):
        return {key: through_wandb(item) for key, item in value.items() if item != {}}
    if isinstance(value, list):
        return [through_wandb(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


@given(anything, anything)
def test_a_name_comes_back(name, other):
    """A key that W&B is given is one that it holds, gives the name back, and is no other name's."""
    held = names.encode(name)
    assert held.encode()
    assert held not in names.RESERVED
    assert names.decode(held) == name
    assert (held == names.encode(other)) == (name == other)


@given(
    st.lists(
        st.tuples(st.dictionaries(anything, numbers, min_size=1, max_size=3), steps, st.none() | steps), max_size=3
    )
)
def test_a_row_comes_back(told):
    """Whatever points make a row, they are read back from what W&B makes of it."""
    records, taken = [], set()
    for i, (values, step, when) in enumerate(told):
        own = {key: value for key, value in values.items() if key not in taken}
        taken |= own.keys()
        at = None if when is None else int(when)
        records.append(Record("w", i + 1, 5 + i, Metrics(own, step, at)))
    beside = [Record("w", 9, 9, Notice("x", "\ud800"))]
    native = {names.encode(k): rows.native_number(v) for r in records for k, v in r.body.values.items()}
    row = {**native, names.MARK: rows.write_mark(records, beside), "_step": 3, "_timestamp": 1.0}
    mark = rows.mark_of(json.loads(json.dumps({key: through_wandb(value) for key, value in row.items()})))
    assert list(mark.beside) == beside
    read = [(name, repr(value), p.seq, repr(p.step), p.time, p.timestamp) for name, value, p in rows.points(row, mark)]
    sent = [
        (name, repr(value), r.seq, repr(r.body.step), r.time, r.body.timestamp)
        for r in records
        for name, value in r.body.values.items()
    ]
    assert sorted(read) == sorted(sent)


@given(st.lists(trees, max_size=4))
def test_params_are_what_the_records_come_to(sent):
    """Whatever trees are sent one after the other, what W&B makes of them reads back as their merge."""
    native, exact = {}, {}
    for tree in sent:
        book = params.Params(params.read(native, exact), exact)
        native |= {key: through_wandb(json.loads(json.dumps(value))) for key, value in book.take(tree).items()}
        exact = labels.read_document(labels.document(book.exact)) if book.exact else {}
    expected = fold("r", [Record("w", i, i, Params(tree)) for i, tree in enumerate(sent, 1)]).params
    assert same(params.read(native, exact), expected)


@given(st.lists(st.dictionaries(anything, st.none() | anything, max_size=3), max_size=4))
def test_tags_are_what_the_records_come_to(sent):
    """Tags read back from W&B's words and the exact form beside them; a word that was removed takes its tag along."""
    held = labels.Labels()
    for i, tags in enumerate(sent, 1):
        held.take(Record("w", i, i, Tags(tags)))
    held = labels.Labels.read(held.text())
    expected = fold("r", [Record("w", i, i, Tags(tags)) for i, tags in enumerate(sent, 1)]).tags
    assert all(0 < len(word) <= 64 for word in held.shown())
    assert held.read_tags(held.shown()) == expected
    assert held.read_tags([]) == {}


@given(st.lists(steps, max_size=30))
def test_steps_rise(wanted):
    """W&B's step rises whatever the caller's do, and is the caller's wherever a rising run of near steps allows."""
    chooser = Steps(-1)
    given = [chooser.next(step) for step in wanted]
    assert all(a < b for a, b in zip([-1, *given], given, strict=False))
    plain = sorted({abs(int(step)) % 10_000 for step in wanted})
    assert [Steps(-1).next(step) for step in plain[:1]] == plain[:1]
    chooser = Steps(-1)
    assert [chooser.next(step) for step in plain] == plain


@given(anything, anything, anything | st.none(), st.integers())
def test_an_identity_comes_back(project, name, error, ended):
    """Who a run is comes back from the config that tells it, whatever its names hold."""
    one = identity.Identity(project, name, name, 5, error=error, status="failed", ended=ended)
    tree = json.loads(json.dumps(one.tree()))
    assert str(tree).encode()
    assert identity.Identity.within(tree) == one
    assert identity.Identity.within({"run_id": name}) is None
    vitals = Vitals("e", "p", "i", one.native_name, "failed", 0.0)
    assert (one.info(vitals).name, one.info(vitals).status, one.info(vitals).ended) == (name, "failed", ended)


@given(anything, anything)
def test_no_two_projects_or_ids_are_one(one, other):
    """W&B's names of projects and runs are ones that it takes, and two are one only where they are the same."""
    assume(one != other)
    assert identity.native_project(one) != identity.native_project(other)
    assert identity.native_id("p", one, moved=False) != identity.native_id("p", other, moved=False)
    for name in (one, other):
        project = identity.native_project(name)
        assert 0 < len(project) <= 128
        assert not set(project) & set("/\\#?%:")
        assert project.strip(".")


@given(anything, anything)
def test_no_two_files_of_an_artifact_are_one(one, other):
    """Paths in W&B's artifacts stay inside, and two are one only where they are the same."""
    assume(one != other)
    assert artifacts.native_path(one) != artifacts.native_path(other)
    for path in (one, other):
        assert not any(part in ("", ".", "..") for part in artifacts.native_path(path).split("/"))


@given(st.lists(st.tuples(anything, anything), max_size=4))
def test_whole_records_come_back(told):
    """A chunk gives back the records that it was made of, whoever wrote them."""
    records = [Record(writer, i + 1, i, Notice("n", text)) for i, (writer, text) in enumerate(told)]
    assert sorted(read_chunk(write_chunk(records)), key=lambda r: r.seq) == records
