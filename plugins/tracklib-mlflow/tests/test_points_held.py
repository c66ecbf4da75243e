"""Metrics at a real MLflow: every row of the measured edge cases, read by our source and by MLflow's own client."""

import math
import struct

import pytest

from tracklib.model.records import Metrics

MS = 1_000_000

FINITE = [0.0, 1.0, -1.5, 5e-324, 1.7976931348623157e308, -1.7976931348623157e308, 0.1, math.pi, 2**53, -(2**53), 7]
BEYOND = [math.inf, -math.inf, -0.0, 2**53 + 1, -(2**53) - 1, 2**63, 2**64 + 1, 10**400, -(10**400)]


def bits(value):
    return struct.pack(">d", value) if isinstance(value, float) else value


def test_finite_floats_stand_in_mlflow_itself(bench):
    """A float64 is the same float64 in MLflow's own history, with no companion."""
    bench.write(*(Metrics({"x": value}, step) for step, value in enumerate(FINITE)))
    history = bench.client.get_metric_history(bench.raw.info.run_id, "x")
    assert [bits(point.value) for point in history] == [bits(float(value)) for value in FINITE]
    assert [point.step for point in history] == list(range(len(FINITE)))
    assert [value for value, _, _ in bench.points()["x"]] == FINITE
    assert bench.client.list_artifacts(bench.raw.info.run_id, "tracklib/points") == []


def test_values_beyond_a_float_come_back_exactly(bench):
    """Infinities, -0.0 and large integers are read back to the bit, and are plotted as their nearest float."""
    bench.write(*(Metrics({"x": value}, step) for step, value in enumerate(BEYOND)))
    history = bench.client.get_metric_history(bench.raw.info.run_id, "x")
    assert [point.value for point in history][:3] == [1.7976931348623157e308, -1.7976931348623157e308, 0.0]
    assert all(math.isfinite(point.value) for point in history)
    read = [value for value, _, _ in bench.points()["x"]]
    assert [bits(value) for value in read] == [bits(value) for value in BEYOND]
    assert [type(value) for value in read] == [type(value) for value in BEYOND]


def test_nan_is_a_value(bench):
    """NaN stands in MLflow itself, and repeated NaNs of one millisecond are as many points."""
    records = bench.records(*(Metrics({"x": math.nan}, 0) for _ in range(3)), step_ns=1)
    sink = bench.sink()
    sink.send(records)
    sink.close()
    assert [math.isnan(p.value) for p in bench.client.get_metric_history(bench.raw.info.run_id, "x")] == [True]
    assert [math.isnan(value) for value, _, _ in bench.points()["x"]] == [True] * 3


@pytest.mark.parametrize(
    "step", [1.5, -1.5, 0.1, 1e300, 2**63, 2**63 - 1, -(2**63), -(2**63) - 1, 2**100, -7, 1.0, -0.0]
)
def test_any_step_comes_back(sqlite_bench, step):
    """Fractional steps, -0.0 and steps beyond 64 bits are plotted at the nearest one and read back as they were."""
    sqlite_bench.write(Metrics({"x": 1.0}, step))
    (point,) = sqlite_bench.client.get_metric_history(sqlite_bench.raw.info.run_id, "x")
    assert point.step == max(-(2**63), min(2**63 - 1, math.floor(step)))
    read = [(held, math.copysign(1, held)) for _, held, _ in sqlite_bench.points()["x"]]
    assert read == [(step, math.copysign(1, step))]


def test_steps_in_any_order_and_repeated(bench):
    """Late, repeated and negative steps are points like all others."""
    steps = [10, 5, 7, 11, 5, -3, 2**63 - 1, -(2**63), 1.5, 10]
    bench.write(*(Metrics({"x": float(i)}, step) for i, step in enumerate(steps)))
    assert [(value, step) for value, step, _ in bench.points()["x"]] == [(float(i), s) for i, s in enumerate(steps)]


def test_equal_points_of_one_millisecond_are_all_kept(bench):
    """MLflow holds equal points once; the others are told apart by a companion, and two runs of sending agree."""
    records = bench.records(*(Metrics({"x": 2.0, "y": float(i)}, 3) for i in range(4)), step_ns=10)
    sink = bench.sink()
    for _ in range(2):
        assert [outcome.kind for outcome in sink.send(records)] == ["accepted"] * 4
    sink.close()
    assert len(bench.client.get_metric_history(bench.raw.info.run_id, "x")) == 1
    time = records[0].time // MS * MS
    assert bench.points() == {"x": [(2.0, 3, time)] * 4, "y": [(float(i), 3, time) for i in range(4)]}


def test_times_are_milliseconds_unless_they_are_the_callers(bench):
    """A point's own time is floored to milliseconds, as declared; a caller's is exact, negative ones too."""
    callers = [0, 1, 999_999, 1_234_567, -1, -5_000_001, 1_600_000_000_000_000_000, 2**62]
    records, _ = bench.write(Metrics({"own": 1.0}, 0), *(Metrics({"x": 1.0}, 0, time) for time in callers))
    points = bench.points()
    assert points["own"] == [(1.0, 0, records[0].time // MS * MS)]
    assert sorted(time for _, _, time in points["x"]) == sorted(callers)
    history = bench.client.get_metric_history(bench.raw.info.run_id, "x")
    assert {point.timestamp for point in history} == {max(0, time // MS) for time in callers}


def test_a_callers_time_given_twice_is_two_points(bench):
    """Equal points with the same caller's time, even in batches far apart, stay two."""
    for _ in range(2):
        bench.write(Metrics({"x": 1.0}, 0, 5 * MS))
    assert bench.points()["x"] == [(1.0, 0, 5 * MS)] * 2


def test_a_callers_time_beside_an_equal_point_without(sqlite_bench):
    """A point with a caller's time and one without that agree in MLflow's eyes are two, whichever came first."""
    bench = sqlite_bench
    plain = bench.records(Metrics({"x": 1.0, "y": 1.0}, 0))[0]
    time = plain.time // MS * MS
    before = bench.records(Metrics({"y": 1.0}, 0, time + 7))
    sink = bench.sink()
    sink.send([*before, plain, *bench.records(Metrics({"x": 1.0}, 0, time + 5))])
    sink.close()
    assert sorted(bench.points()["x"]) == [(1.0, 0, time), (1.0, 0, time + 5)]
    assert sorted(bench.points()["y"]) == [(1.0, 0, time), (1.0, 0, time + 7)]


NAMES = [
    "loss", "train/loss", "val acc", "müller", "損失", "a.b-c_d", "train:loss", "a:2F:b", ":EMPTY:", "tracklib.summary/x",
    "", ".", "..", "../x", "/x", "a//b", "a/", "a/../b", "a/./b", "😀", "e\u0301", "loss (val)", "100%", "a|b", "a\tb",
    "a\nb", "a\0b", "\ud800", " lead", "trail ", "q'\"\\", "<b>", "a*b?", "#1", "~", "x" * 251, "x" * 250 + "y",
    "é" * 400, "Case", "case", "a" * 240 + "😀" * 20, "a/b", "a",
]  # fmt: skip


def test_any_name_comes_back(bench):
    """Every name is held apart from every other, and natural ones stand in MLflow as they are."""
    bench.write(Metrics({name: float(i) for i, name in enumerate(NAMES)}, 1))
    assert {key: value[0][0] for key, value in bench.points().items()} == {n: float(i) for i, n in enumerate(NAMES)}
    keys = set(bench.raw.data.metrics)
    assert len(keys) == len(NAMES)
    assert {"loss", "train/loss", "val acc", "müller", "損失", "a.b-c_d", "train:loss", "Case", "case"} <= keys
    assert "loss :28:val:29:" in keys


def test_many_points_in_one_record_and_batch(bench):
    """A record of more values than a request takes, and a batch of many, are complete."""
    wide = Metrics({f"m{i:04}": float(i) for i in range(1500)}, 0)
    long = [Metrics({"x": float(i)}, i) for i in range(999)]
    _, outcomes = bench.write(wide, *long)
    assert {outcome.kind for outcome in outcomes} == {"accepted"}
    rows = bench.store.sql("SELECT count(*) FROM metrics WHERE run_uuid = ?", bench.raw.info.run_id)
    assert rows[0][0] == 2499


def test_sending_again_changes_nothing(bench):
    """A batch sent by a second sink that knows nothing of the first leaves the same points."""
    values = [1.0, math.inf, -0.0, 2**70, math.nan, 1.0]
    records = bench.records(*(Metrics({"x": v, "y": 1.0}, i / 2) for i, v in enumerate(values)), step_ns=1000)
    read = []
    for _ in range(2):
        sink = bench.sink()
        sink.send(records[:4])
        sink.send(records)
        sink.close()
        read.append(repr(bench.points()))
    assert read[0] == read[1]
    assert len(bench.points()["x"]) == len(values)
