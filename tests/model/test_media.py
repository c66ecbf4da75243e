"""The files of histograms and tables come back exactly, and nothing else is taken for one."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracklib.errors import BadValueError
from tracklib.model.media import (
    HistogramData,
    MediaCell,
    TableData,
    column_type,
    read_histogram,
    read_table,
    write_histogram,
    write_table,
)
from tracklib.model.trees import same

NUMBERS = st.integers() | st.floats()
TEXTS = st.text() | st.sampled_from(["!", "!str x", "!media images/0.png", "!int 5", "NaN"])
TREES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
OFFSETS = st.none() | st.integers(-1439, 1439).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
TIMES = st.datetimes(timezones=OFFSETS) | st.dates() | st.times() | st.timedeltas()
MEDIA = st.builds(MediaCell, st.just("images/0.png"), st.just("image"), st.just({"caption": "!x", "n": float("inf")}))
CELLS = TREES | TIMES | st.binary() | MEDIA
TABLES = st.lists(st.text(), max_size=4).flatmap(
    lambda names: st.builds(
        TableData, st.just(tuple(names)), st.lists(st.tuples(*[CELLS] * len(names)), max_size=5).map(tuple)
    )
)


def same_cell(a, b):
    """Tell whether two cells are one, down to the bits of a float and the type of a time."""
    return same(a, b) if isinstance(a, (list, dict, float)) else type(a) is type(b) and a == b


@given(TABLES)
def test_a_table_comes_back_cell_by_cell(table):
    """Every cell comes back with its type and value; the words for the columns are those of its cells."""
    content = write_table(table)
    back = read_table(content)
    assert back.columns == table.columns
    assert [len(row) for row in back.rows] == [len(row) for row in table.rows]
    assert all(
        same_cell(a, b) for mine, its in zip(table.rows, back.rows, strict=True) for a, b in zip(mine, its, strict=True)
    )
    assert tuple(json.loads(content)["types"]) == table.types == back.types


FINITE = st.integers() | st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(FINITE, min_size=2, max_size=20).map(sorted), st.data())
def test_a_histogram_comes_back_bin_by_bin(edges, data):
    """Every edge and count comes back as the int or float it was, to the last bit."""
    amounts = st.integers(0) | st.floats(0, allow_infinity=False)
    counts = data.draw(st.lists(amounts, min_size=len(edges) - 1, max_size=len(edges) - 1))
    back = read_histogram(write_histogram(HistogramData(tuple(edges), tuple(counts))))
    assert same(back.edges, edges)
    assert same(back.counts, counts)


@pytest.mark.parametrize(
    ("cells", "word"),
    [
        ([], "null"),
        ([None, None], "null"),
        ([1, None], "int"),
        ([True, False], "bool"),
        ([True, 1], "mixed"),
        ([1, 0.5], "number"),
        ([1, "a"], "mixed"),
        ([[1], {"a": 2}], "tree"),
        ([dt.datetime(2026, 1, 2)], "datetime"),
        ([dt.date(2026, 1, 2), dt.datetime(2026, 1, 2)], "mixed"),
        ([MediaCell("a", "image")], "media"),
    ],
)
def test_a_column_is_called_by_its_cells(cells, word):
    """A column has the type that all its cells have; nulls have none."""
    assert column_type(cells) == word


@pytest.mark.parametrize(
    ("edges", "counts", "problem"),
    [
        ((0, 1), (), "one bin or more"),
        ((0, 1), (1, 2), "2 edges and 2 counts"),
        ((0, float("nan")), (1,), "finite"),
        ((1, 0), (1,), "never fall"),
        ((0, 1), (-1,), "not negative"),
    ],
)
def test_what_is_no_histogram_is_refused(edges, counts, problem):
    """Edges and counts that no histogram has are refused, and so is a file with them."""
    with pytest.raises(BadValueError, match=problem):
        HistogramData(edges, counts)
    with pytest.raises(BadValueError, match=problem):
        read_histogram(json.dumps({"edges": edges, "counts": counts}).replace("NaN", '"NaN"').encode())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x89PNG",
        b"[]",
        b"{}",
        b'{"columns":["a"]}',
        b'{"columns":["a"],"data":[[1,2]]}',
        b'{"columns":["a"],"data":[1]}',
        b'{"columns":[1],"data":[]}',
        b'{"columns":["a"],"data":[["!media x"]]}',
        b'{"columns":["a"],"data":[["!date 2026"]]}',
        b'{"columns":["a"],"data":[["!bytes ?"]]}',
        b'{"columns":["a"],"data":[["!nothing x"]]}',
    ],
)
def test_what_is_no_table_is_refused(content):
    """A file that is no table is refused with `BadValueError`, whatever is wrong with it."""
    with pytest.raises(BadValueError, match="expected"):
        read_table(content)
    with pytest.raises(BadValueError, match="expected"):
        read_histogram(content)


def test_a_table_that_others_wrote_is_read():
    """Columns and data are enough, as other tools write them."""
    table = read_table(b'{"columns":["a","b"],"data":[[1,"x"],[2,null]]}')
    assert table == TableData(("a", "b"), ((1, "x"), (2, None)))
    assert table.types == ("int", "text")
