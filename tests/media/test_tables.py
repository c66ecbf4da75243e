"""Tables: every cell exactly, from frames, rows and objects."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
from PIL import Image as Pillow

import tracklib
from tracklib.errors import BadValueError
from tracklib.model.media import MediaCell, TableData, read_table

DAY = dt.datetime(2026, 1, 2, 3, 4, 5, 6)


def table(render, value) -> TableData:
    return read_table(render(value).read())


@pytest.mark.parametrize(
    "value",
    [
        tracklib.Table([[1, "x"], [2, None]], columns=["a", "b"]),
        tracklib.Table([(1, "x"), (2, None)], columns=iter("ab")),
        tracklib.Table([{"a": 1, "b": "x"}, {"a": 2}]),
        tracklib.Table({"a": [1, 2], "b": ["x", None]}),
        tracklib.Table({"a": np.array([1, 2]), "b": ["x", None], "c": [0, 0]}, columns=["a", "b"]),
        tracklib.Table(pd.DataFrame({"a": [1, 2], "b": ["x", None]})),
        tracklib.Table(pd.DataFrame({"a": [1, 2], "b": pd.Categorical(["x", None]), "c": 0}), columns=["a", "b"]),
        tracklib.Table(pl.DataFrame({"a": [1, 2], "b": ["x", None]})),
        tracklib.Table(pl.DataFrame({"a": [1, 2], "b": ["x", None]}).to_arrow()),
    ],
)
def test_all_forms_give_one_table(render, told, value):
    """Rows, objects, columns and frames of any library are one and the same."""
    assert table(render, value) == TableData(("a", "b"), ((1, "x"), (2, None)))
    assert told == []


def test_rows_are_added_later(render):
    """A table grows row by row, and is recorded as it is each time."""
    value = tracklib.Table(columns=["a"])
    assert table(render, value).rows == ()
    value.add_row(1)
    first = table(render, value)
    value.add_row("x")
    assert first.rows == ((1,),)
    assert table(render, value).rows == ((1,), ("x",))


def test_mixed_types_are_kept_cell_by_cell_and_named(render, told):
    """A column of several types keeps each cell's own, and says so once."""
    rows = [[1, True], [0.5, False], ["x", None], [None, True]]
    found = table(render, tracklib.Table(rows, columns=["m", "b"]))
    assert [[type(cell) for cell in row] for row in found.rows] == [[type(cell) for cell in row] for row in rows]
    assert found.types == ("mixed", "bool")
    assert told == ["column 'm' holds cells of several types; each is kept as it is"]


@pytest.mark.parametrize(
    ("cell", "kept"),
    [
        (np.float32(0.1), float(np.float32(0.1))),
        (np.int64(5), 5),
        (np.bool_(True), True),
        (np.str_("x"), "x"),
        (np.datetime64("2026-01-02T03:04:05.000006"), DAY),
        (np.datetime64("NaT"), None),
        (np.timedelta64(1500, "ms"), dt.timedelta(seconds=1.5)),
        (pd.Timestamp(DAY), DAY),
        (pd.Timestamp(DAY, tz="UTC"), DAY.replace(tzinfo=dt.timezone.utc)),
        (pd.NaT, None),
        (pd.NA, None),
        (pd.Timedelta(seconds=1.5), dt.timedelta(seconds=1.5)),
        (np.arange(3), [0, 1, 2]),
        ({"a": (1, 2)}, {"a": [1, 2]}),
        (b"\x00", b"\x00"),
        (bytearray(b"x"), b"x"),
        (Decimal("1.10"), "1.10"),
        (math.inf, math.inf),
        (2**70, 2**70),
    ],
)
def test_what_has_an_exact_form_is_kept(render, told, cell, kept):
    """Numbers and times of every library become Python's own, without a word."""
    ((found,),) = table(render, tracklib.Table([[cell]])).rows
    assert found == kept
    assert type(found) is type(kept)
    assert told == []


def test_what_has_none_is_recorded_as_text_and_named(render, told):
    """Nanoseconds and strange objects become text; one that cannot be read is empty; each is told once a column."""

    class Strange:
        shape = ()

        def item(self):
            raise OSError("gone")

    cells = [[pd.Timestamp(1), np.datetime64(1, "ns"), object(), Strange()]] * 2
    ((stamp, numpys, text, empty), _) = table(render, tracklib.Table(cells, columns="abcd".__iter__())).rows
    assert (stamp, numpys) == ("1970-01-01T00:00:00.000000001",) * 2
    assert text.startswith("object")
    assert empty is None
    assert [message.split(":")[0] for message in told] == [f"column {name!r}" for name in "abcd"]
    assert all("(2 times)" in message for message in told)


def test_media_stand_in_cells(render):
    """Pictures in cells are attachments, with their metadata; what belongs to them lies beside them."""
    mask = np.eye(2, dtype=int)
    rows = [[1, Pillow.new("RGB", (3, 2))], [2, tracklib.Image(np.zeros((2, 2)), caption="c", masks=mask)]]
    rendered = render(tracklib.Table(rows, columns=["id", "image"]))
    found = read_table(rendered.read())
    assert found.types == ("int", "media")
    size = {"format": "png", "width": 3, "height": 2}
    assert found.rows[0][1] == MediaCell("media/0/image.png", "image", size)
    assert found.rows[1][1].metadata["masks"]["mask"]["path"] == "masks/0.png"
    paths = [item.path for item in rendered.attachments]
    assert paths == ["media/0/image.png", "media/1/image.png", "media/1/masks/0.png"]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (tracklib.Table([[1], [1, 2]]), "expected 1 cells in row 1, got 2"),
        (tracklib.Table([1, 2]), "expected rows that are lists"),
        (tracklib.Table(5), "expected a data frame, rows, or columns"),
        (tracklib.Table("abc"), "expected a data frame, rows, or columns"),
        (tracklib.Table({"a": [1], "b": []}), "1 in 'a', 0 in 'b'"),
        (tracklib.Table({"a": 1}), "a list of cells for each column"),
        (tracklib.Table(pd.DataFrame({"a": [1]}), columns=["b"]), "'b' which it lacks"),
        (tracklib.Table([[1]], columns="a"), "a list of columns' names"),
    ],
)
def test_what_is_no_table_is_refused(render, value, problem):
    """Each is refused with what was expected."""
    with pytest.raises(BadValueError) as caught:
        render(value)
    assert problem in str(caught.value)
