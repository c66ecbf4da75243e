"""The YAML of meta.yaml: read as PyYAML reads it, and nothing else is."""

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tracklib_mlflow.folder.subset import read_mapping

from tracklib.errors import BadValueError
from tracklib.model.trees import same

WORDS = [
    "a", "ab cd", "x: y", "it's", "- a", "#c", "true", "1.5", "2020-01-01", "1_000", "0x1F", "~", "null", "", "  lead",
    "trail ", "two\nlines", "two\n\n  lines\n", "\ttab", "\u00e9" * 90, "word " * 40, '{"a": [1, {"b": "' + "long " * 30 + '"}]}',
    'a\\b"c', "%x", "@x", "`x", "? x", ": x", "=", "<<", "1:30", "1e5", "---", "...", "\u2028", "a\u2029b", "\x85", "\x07",
    "\U0001f600 smile", "file:///a/b/c d", "C:\\x\\y", "'", '"', "''", ", a", "[a]", "&a", "*a", "!a", "|a", ">a", "-", "a #b",
]  # fmt: skip
TEXTS = st.one_of(st.sampled_from(WORDS), st.text(max_size=200), st.lists(st.sampled_from(WORDS)).map(" ".join))
SCALARS = st.one_of(TEXTS, st.integers(), st.floats(), st.booleans(), st.none())
KEYS = st.one_of(st.text("abcdefgh_./- :", min_size=1, max_size=30), st.sampled_from([w for w in WORDS if len(w) < 20]))
# A key that begins with "? " is complex YAML, which MLflow never writes.
PLAIN_KEYS = KEYS.filter(lambda key: key and not set(key) & set("\n\u2028\u2029\x85"))
MAPPINGS = st.dictionaries(PLAIN_KEYS, SCALARS, min_size=1, max_size=3)
VALUES = st.one_of(SCALARS, st.dictionaries(PLAIN_KEYS, SCALARS, max_size=3), st.lists(SCALARS), st.lists(MAPPINGS))


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.dictionaries(PLAIN_KEYS, VALUES, min_size=1, max_size=6), st.sampled_from([yaml.CSafeDumper, yaml.SafeDumper])
)
def test_what_pyyaml_writes_is_read_as_it_reads_it(tree, dumper):
    """Every mapping of scalars, also one below a key or in a list, is the same by both readers."""
    try:
        text = yaml.dump(tree, default_flow_style=False, allow_unicode=True, Dumper=dumper)
        expected = yaml.safe_load(text)
    except (yaml.YAMLError, UnicodeEncodeError):  # a lone surrogate, or PyYAML trips over its own text
        return
    assert same(read_mapping(text), expected), text


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "an empty file"),
        ("a: &x 1", "an anchor"),
        ("a: *x", "an alias"),
        ("a: !!python/object/apply:os.system [ls]", "a tag"),
        ("a: |\n  text", "a block scalar"),
        ("a: >\n  text", "a block scalar"),
        ("a: [1, 2]", "a flow list"),
        ("a: {b: c}", "a flow mapping"),
        ("{a: b}", "a flow mapping"),
        ("# hello\na: b", "a comment"),
        ("a: b # hello", "a comment"),
        ("--- \na: b", "a line without a key"),
        ("%YAML 1.1\n---\na: b", "a directive"),
        ("? a\n: b", "a complex key"),
        ("a: 2020-01-01", "a date"),
        ("a: 0x1F", "a number that is not decimal"),
        ("a: 012", "a number that is not decimal"),
        ("a: 1_000", "a strange number"),
        ("a: 1:30", "a number to the base 60"),
        ("<<: 1", "a merge"),
        ("1: a", "the key 1, which is no text"),
        ("a: 1\na: 2", "the key 'a' twice"),
        ("a: 1\n b: 2", "a second key"),
        ("  a: 1\nb: 2", "indented otherwise"),
        ("a: 'b", "does not end"),
        ('a: "b', "does not end"),
        ('a: "\\q"', "an escape that is none"),
        ('a: "\\UFFFFFFFF"', "an escape that is none"),
        ("a: 'b' c", "something behind"),
        ("just a text", "a line without a key"),
        ("- a\n- b", "indented otherwise"),
        ("a:\n  b:\n    c:\n      d:\n        e: 1", "too many others"),
    ],
)
def test_what_mlflow_does_not_write_is_refused_by_name(text, what):
    """Whatever could make a reader do more than read is named, with its line."""
    with pytest.raises(BadValueError, match=what):
        read_mapping(text)


def test_a_long_text_takes_time_in_proportion():
    """A text of many lines, blanks and escapes is passed over once: four times the text, four times the steps."""
    for line in ("x: 'a\n\n\n  b'\n", 'x: "\\\n   a"\n', "\n"):
        text = "".join(line.replace("x", f"x{i}") for i in range(20_000))
        found = read_mapping(f"{text}a: 1\n")
        assert found["a"] == 1
