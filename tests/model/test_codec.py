"""The codec: what goes into a line of JSON comes out of it the same, to the last bit."""

from __future__ import annotations

import json
import math
import struct

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracklib.errors import BadValueError
from tracklib.model import codec
from tracklib.model import records as r
from tracklib.model.trees import same


def lone(text: str) -> bool:
    """Tell whether no two lone surrogates of a text stand side by side, where JSON reads them as one character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") == text


SPECIAL = [
    "",
    "!",
    "!str x",
    "!float NaN",
    "NaN",
    "Infinity",
    "a\0b",
    "a\nb",
    "\r\x85\u2028",
    '"}',
    ',"crc":"',
    "\ud800",
    "é🙂",
]
TEXT = st.sampled_from(SPECIAL) | st.text(st.characters(exclude_categories=()), max_size=6).filter(lone)
INTS = (
    st.integers(-(2**63), 2**64 - 1) | st.integers() | st.sampled_from([2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**400])
)
NUMBERS = INTS | st.floats()
STEPS = INTS | st.floats(allow_nan=False, allow_infinity=False)
TREE = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
MAPPING = st.dictionaries(TEXT, TREE, max_size=3)
MAYBE = st.none() | TEXT
COUNT = st.integers(0, 2**63 - 1)
PART = TEXT.filter(lambda text: text not in ("", ".", "..") and "/" not in text and "\0" not in text)
PATH = st.lists(PART, min_size=1, max_size=3).map("/".join)
FILE = st.builds(r.FileRef, PATH, COUNT, st.binary(min_size=32, max_size=32).map(bytes.hex))
BODIES = {
    r.RunStart: st.builds(
        r.RunStart, TEXT, TEXT, MAYBE, MAYBE, MAYBE, st.integers(1, 2**31), MAPPING, st.none() | st.integers(0, 9)
    ),
    r.Context: st.builds(r.Context, MAPPING),
    r.Params: st.builds(r.Params, MAPPING),
    r.Metrics: st.builds(
        r.Metrics, st.dictionaries(TEXT, NUMBERS, max_size=3), STEPS, st.none() | st.integers(-(2**63), 2**63 - 1)
    ),
    r.Tags: st.builds(r.Tags, st.dictionaries(TEXT, MAYBE, max_size=3)),
    r.Notes: st.builds(r.Notes, TEXT),
    r.Summary: st.builds(r.Summary, MAPPING),
    r.Artifact: st.builds(
        r.Artifact,
        TEXT,
        TEXT,
        st.lists(FILE, max_size=2).map(tuple),
        st.lists(TEXT, max_size=2).map(tuple),
        MAPPING,
        st.lists(PATH, max_size=2).map(tuple),
        st.lists(st.builds(r.Reference, PATH, TEXT, st.none() | COUNT, MAYBE), max_size=2).map(tuple),
    ),
    r.Input: st.builds(r.Input, TEXT, MAYBE, MAYBE, MAYBE),
    r.Media: st.builds(
        r.Media,
        TEXT,
        STEPS,
        TEXT,
        FILE,
        MAPPING,
        st.none() | COUNT,
        st.lists(FILE, max_size=2).map(tuple),
        st.none() | st.integers(-(2**63), 2**63 - 1),
    ),
    r.System: st.builds(r.System, st.dictionaries(TEXT, NUMBERS, max_size=3)),
    r.Console: st.builds(r.Console, TEXT, TEXT),
    r.Notice: st.builds(r.Notice, TEXT, TEXT, COUNT),
    r.RunEnd: st.builds(
        r.RunEnd,
        st.sampled_from(["finished", "failed", "killed", "crashed"]),
        st.none() | st.integers(-255, 255),
        MAYBE,
    ),
}


def plain(value: object) -> object:
    """Return a record or body as a tree that `same` compares in value and type."""
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if hasattr(value, "__slots__"):
        return {name: plain(getattr(value, name)) for name in type(value).__slots__}
    return value


def through(record: r.Record) -> r.Record:
    """Write a record as a line and read it back."""
    line = codec.dumps(codec.to_fields(record))
    assert b"\n" not in line
    return codec.from_fields(codec.loads(line), record.writer)


def test_every_kind_of_body_is_tested() -> None:
    """A kind that is added is added here too."""
    assert set(BODIES) == set(r.Body.__args__) - {r.Unknown}


@pytest.mark.parametrize("kind", list(BODIES), ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_record_round_trips(kind: type, data: st.DataObject) -> None:
    """Each kind comes back equal in value and type: floats to the bit, text with surrogates, NUL and line feeds."""
    record = data.draw(
        st.builds(r.Record, st.just("w"), st.integers(1, 2**53), st.integers(0, 2**63 - 1), BODIES[kind])
    )
    found = through(record)
    assert type(found.body) is kind
    assert same(plain(found), plain(record))


@given(st.floats())
def test_floats_are_bit_exact(value: float) -> None:
    """A float keeps its bits in metrics and in trees; a NaN is a NaN."""
    record = through(r.Record("w", 1, 1, r.Metrics({"a": value}, 0)))
    tree = through(r.Record("w", 1, 1, r.Params({"a": value})))
    for found in (record.body.values["a"], tree.body.values["a"]):
        assert math.isnan(found) if math.isnan(value) else struct.pack("<d", found) == struct.pack("<d", value)


@given(TREE)
def test_a_tree_is_plain_json_with_tags(value: object) -> None:
    """An encoded tree is strict JSON: any parser reads it, and no NaN or oversized integer stands bare."""
    encoded = codec.encode_tree(value)
    assert json.loads(json.dumps(encoded, allow_nan=False)) == encoded
    assert same(codec.decode_tree(json.loads(json.dumps(encoded))), value)


def test_paired_surrogates_are_read_as_their_character() -> None:
    """Two surrogates side by side are what UTF-16 writes a character with: JSON cannot tell, so it is read as that."""
    (found,) = through(r.Record("w", 1, 1, r.Params({"a": "\ud83d\ude42"}))).body.values.values()
    assert found == "🙂"


def test_subclasses_of_numbers_are_tagged_as_their_builtin() -> None:
    """A NaN or huge integer of a library's own type, put into a record by a plugin, is read back as a builtin."""

    class Big(int):
        pass

    found = through(r.Record("w", 1, 1, r.Params({"a": np.float64("nan"), "b": Big(2**70)}))).body.values
    assert math.isnan(found["a"])
    assert (type(found["a"]), found["b"], type(found["b"])) == (float, 2**70, int)


@given(
    st.dictionaries(TEXT.filter(lambda key: key not in ("kind", "seq", "time")), st.none() | TEXT | st.integers(-9, 9))
)
def test_an_unknown_kind_is_kept_as_it_stands(fields: dict) -> None:
    """A record of a newer minor version keeps its kind and every member, and is written back in the same bytes."""
    line = codec.dumps({"kind": "hologram", "seq": 3, "time": 4, **fields})
    record = codec.from_fields(codec.loads(line), "w")
    assert record.body == r.Unknown("hologram", fields)
    assert codec.dumps(codec.to_fields(record)) == line


EXAMPLES = [
    r.RunStart("p", "n", "g", "j", "q", 2, {"a": 1}),
    r.Params({"a": 1}),
    r.Metrics({"a": 1.5}, 3, 5),
    r.Tags({"a": None, "b": ""}),
    r.Notes("n"),
    r.Summary({"a": 1}),
    r.Artifact("n", "t", (r.FileRef("a/b", 1, "0" * 64),), ("x",), {"a": 1}, ("d",)),
    r.Media("k", 1, "image/png", r.FileRef("a", 1, "0" * 64), {"a": 1}),
    r.Console("stdout", "x"),
    r.Notice("refused", "m", 2),
    r.RunEnd("finished", 0, "e"),
    r.Context({"a": 1}),
]
ODD = [None, True, 7, -1.5, "x", [], [1], [[]], {}, {"a": []}, {"a": "!float x"}]
MAY_MISS = {"group", "job_type", "parent", "timestamp", "exit_code", "error", "aliases", "folders"}


def fits(kind: str, key: str, value: object) -> bool:
    """Tell whether a value may stand as a member of a record, by the format's tables."""
    if value is None or value is True:
        return value is None and key in MAY_MISS
    if key in ("seq", "time", "count", "attempt", "timestamp", "exit_code"):
        return value == 7
    if key == "step":
        return value in (7, -1.5)
    if key in ("aliases", "folders", "files"):
        return value == []
    if kind == "tags":
        return value in ({}, {"a": "!float x"})
    if kind == "metrics" or key == "file":
        return key == "values" and value == {}
    return value in ({}, {"a": []}) if key in ("values", "context", "metadata") else value == "x"


@pytest.mark.parametrize("body", EXAMPLES, ids=lambda body: type(body).__name__)
def test_a_member_of_a_wrong_type_is_no_record(body: r.Body) -> None:
    """A member that is what the format says is read, and any other refused, never with another error."""
    fields = codec.to_fields(r.Record("w", 1, 1, body))
    for key, odd in ((key, odd) for key in fields if key != "kind" for odd in ODD):
        if fits(fields["kind"], key, odd):
            assert type(codec.from_fields({**fields, key: odd}, "w").body) is type(body)
        else:
            with pytest.raises(BadValueError, match="expected a record of kind"):
                codec.from_fields({**fields, key: odd}, "w")


@pytest.mark.parametrize("body", EXAMPLES, ids=lambda body: type(body).__name__)
def test_a_missing_member_is_no_record_unless_it_may_be(body: r.Body) -> None:
    """Without a member that must be there, nothing is read; without one that may be missing, its default."""
    fields = codec.to_fields(r.Record("w", 1, 1, body))
    optional = {
        "group",
        "job_type",
        "parent",
        "attempt",
        "context",
        "timestamp",
        "aliases",
        "metadata",
        "folders",
        "count",
    }
    optional |= {"exit_code", "error"}
    for key in fields:
        less = {name: value for name, value in fields.items() if name != key}
        if key in optional or (key == "values" and type(body) in (r.Params, r.Summary)):
            assert type(codec.from_fields(less, "w").body) is type(body)
        else:
            with pytest.raises(BadValueError, match="expected a record of kind"):
                codec.from_fields(less, "w")


@pytest.mark.parametrize("path", ["", "/etc/passwd", "..", "../x", "a/../b", "a//b", "./a", "a/", "a/.", "a\0b"])
def test_a_file_that_leads_elsewhere_is_no_record(path: str) -> None:
    """A path that leaves its artifact, or is not in its one form, is not believed, in files and in folders."""
    artifact = codec.to_fields(r.Record("w", 1, 1, EXAMPLES[6]))
    for wrong in ({"files": [{"path": path, "size": 1, "sha256": "0" * 64}]}, {"folders": [path]}):
        with pytest.raises(BadValueError, match="expected a record of kind 'artifact'"):
            codec.from_fields({**artifact, **wrong}, "w")


@pytest.mark.parametrize(
    "digest", ["", "0" * 63, "0" * 65, "0" * 63 + "G", "A" * 64, "../" * 21 + "x", "0" * 63 + "\n"]
)
def test_a_digest_that_is_none_is_no_record(digest: str) -> None:
    """A content's name is 64 hexadecimal digits: nothing else becomes a path among the blobs."""
    media = codec.to_fields(r.Record("w", 1, 1, EXAMPLES[7]))
    with pytest.raises(BadValueError, match="expected a record of kind 'media'"):
        codec.from_fields({**media, "file": {"path": "a", "size": 1, "sha256": digest}}, "w")


@pytest.mark.parametrize("step", ["NaN", "Infinity", "1_0", " 1", "१", "", "0x1", "1.5"])
def test_a_step_that_is_none_is_no_record(step: str) -> None:
    """A step written as text is the plain digits of an integer, and no step is NaN or infinite."""
    with pytest.raises(BadValueError, match="expected a record of kind 'metrics'"):
        codec.from_fields({"kind": "metrics", "seq": 1, "time": 1, "step": step, "values": {}}, "w")


@pytest.mark.parametrize("depth", [20_000, 100_000])
def test_a_deep_line_is_refused_and_not_fatal(depth: int) -> None:
    """A line nested without end is damaged like any other: no reader falls over it."""
    line = b'{"kind":"params","seq":1,"time":1,"values":{"a":' + b"[" * depth + b"]" * depth + b"}}"
    with pytest.raises(ValueError, match=r"."):
        codec.from_fields(codec.loads(line), "w")


def test_what_orjson_refuses_is_written_all_the_same() -> None:
    """Lone surrogates and integers beyond 64 bits take the careful way, in bytes that orjson could have written."""
    assert codec.dumps({"a": "\ud800", "b": 2**70}) == b'{"a":"\\ud800","b":1180591620717411303424}'
    assert codec.dumps({"a": 1.5, "b": [None]}) == orjson.dumps({"a": 1.5, "b": [None]})
