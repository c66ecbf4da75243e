"""Comparing columns comes to the same as comparing records, for any numbers whatever."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.portability.test_points import BODIES, edited, points, told
from tracklib.backends import ColumnSource, SinkContext
from tracklib.backends.memory import CAPABILITIES, MemorySource, MemoryStore
from tracklib.model.records import Body, FileRef, Metrics, Record, RunStart
from tracklib.model.run import RunInfo
from tracklib.portability.columns import ColumnSide
from tracklib.portability.compare import compare_runs
from tracklib.portability.comparison import Comparison
from tracklib.portability.places import open_place
from tracklib.portability.sides import Held, sides_of

pa = pytest.importorskip("pyarrow")

RUN = RunInfo("p", "r", "r")
SCHEMA = pa.schema(
    {
        "metric": pa.dictionary(pa.int32(), pa.string()),
        "step": pa.float64(),
        "value": pa.float64(),
        "step_int": pa.bool_(),
        "value_int": pa.bool_(),
        "time": pa.timestamp("ns", tz="UTC"),
        "exact": pa.string(),
    }
)


class Rows(MemorySource):
    """A run in memory, read as records."""

    capabilities = CAPABILITIES

    def __init__(self, bodies: Sequence[Body], batch: int = 3) -> None:
        self.records = told([RunStart("p", "r"), *bodies])
        self.batch = batch
        super().__init__(MemoryStore({"r": {(record.writer, record.seq): record for record in self.records}}))


class Columns(Rows):
    """The same, read as columns in batches of a few rows."""

    def point_batches(self, run: RunInfo) -> Iterator[Any]:
        held = [row(*point[:4]) for point in points([record.body for record in self.records])]
        for start in range(0, len(held), self.batch):
            yield pa.RecordBatch.from_pylist(held[start : start + self.batch], SCHEMA)

    def other_records(self, run: RunInfo) -> Iterator[Record]:
        return (record for record in self.records if not isinstance(record.body, Metrics))


def row(metric: str, step: Any, time: int, value: Any) -> dict[str, Any]:
    exact = {"metric": metric} if "\ud800" in metric else {}
    exact |= {
        name: str(number) for name, number in (("step", step), ("value", value)) if nearest(number) != number == number
    }
    exact |= {} if time < 2**63 else {"time": str(time)}
    return {
        "metric": metric if "metric" not in exact else "?",
        "step": nearest(step),
        "value": nearest(value),
        "step_int": isinstance(step, int),
        "value_int": isinstance(value, int),
        "time": time if time < 2**63 else None,
        "exact": json.dumps(exact) if exact else None,
    }


def nearest(number: Any) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf


def told_of(result: Comparison) -> Any:
    differences = sorted(map(str, result.differences))
    drawn = {curve.key: (curve.a, curve.b) for curve in result.curves}
    return differences, result.found, result.declared, result.counts, drawn


@settings(max_examples=300, deadline=None)
@given(BODIES, BODIES, st.data())
def test_columns_and_records_come_to_the_same(left: list[Body], more: list[Body], data: st.DataObject) -> None:
    """Counts, differences and drawings are the same, in batches of any size; a shuffled copy is equal."""
    right = data.draw(st.one_of(st.just(more), edited(left)))
    size = data.draw(st.integers(1, 5))
    by_rows = compare_runs(Rows(left), RUN, Rows(right), RUN)
    by_columns = compare_runs(Columns(left, size), RUN, Columns(right, size), RUN)
    assert told_of(by_columns) == told_of(by_rows)
    shuffled = data.draw(st.permutations(left))
    assert compare_runs(Columns(left), RUN, Columns(shuffled), RUN).equal


def test_columns_are_used_where_both_sides_have_them() -> None:
    """Two sources of columns are compared by columns; one of them and one of records by records."""
    columns, rows = Held(Columns([]), RUN), Held(Rows([]), RUN)
    assert {type(side) for side in sides_of(columns, columns)} == {ColumnSide}
    assert ColumnSide not in {type(side) for side in sides_of(columns, rows)}
    assert ColumnSide not in {type(side) for side in sides_of(columns, columns, change=lambda record: record)}


def test_a_mixture_of_records_and_columns_is_compared() -> None:
    """A source of columns can be compared with one that has none."""
    bodies = [Metrics({"a": 1.0, "b": math.nan}, step) for step in range(5)]
    assert compare_runs(Columns(bodies), RUN, Rows(bodies), RUN).equal
    changed = compare_runs(Columns(bodies), RUN, Rows(bodies[1:]), RUN)
    assert changed.found == {"point": 2}


class AsRecords:
    """A source that hides its columns."""

    def __init__(self, source: Any) -> None:
        self.capabilities, self.read = source.capabilities, source.read


@settings(max_examples=30, deadline=None)
@given(BODIES, st.data())
def test_bundles_are_compared_by_columns_as_by_records(left: list[Body], data: st.DataObject) -> None:
    """Of two real bundles, either way comes to the same."""
    right = data.draw(st.one_of(st.permutations(left), edited(left)))
    with tempfile.TemporaryDirectory() as name:
        sources = []
        for side, bodies in (("a", left), ("b", right)):
            (folder := Path(name) / side).mkdir()
            place = open_place(f"bundle:{folder / 'bundle'}")
            sink = place.sink(SinkContext(_no_file, folder))
            sink.open(RUN)
            assert {outcome.kind for outcome in sink.send(told([RunStart("p", "r"), *bodies]))} == {"accepted"}
            sink.close()
            sources.append(place.source())
        a, b = sources
        assert isinstance(a, ColumnSource)
        by_records = compare_runs(AsRecords(a), RUN, AsRecords(b), RUN)  # type: ignore[arg-type]  # it is not asked for files
        assert told_of(compare_runs(a, RUN, b, RUN)) == told_of(by_records)


def _no_file(file: FileRef) -> Path:
    raise AssertionError(file)
