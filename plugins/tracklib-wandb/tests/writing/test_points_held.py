"""Metrics at W&B: every row of the measured edge cases, as the server and the log have it, and as our source reads it."""

import json
import math
import random
import struct

import pytest

from tracklib.model.records import Metrics, Params

FINITE = [0.0, 1.0, -1.5, 5e-324, 1.7976931348623157e308, -1.7976931348623157e308, 0.1, math.pi, 2**53, -(2**53), 7]
BEYOND = [math.inf, -math.inf, -0.0, math.nan, 2**53 + 1, -(2**53) - 1, 2**63, 2**64 + 1, 10**400, -(10**400)]


def bits(value):
    return struct.pack(">d", value) if isinstance(value, float) else value


def test_finite_floats_stand_at_wandb_itself(bench):
    """A float64 is the same float64 in W&B's own history, at the caller's step and time."""
    records, outcomes = bench.write(*(Metrics({"x": value}, step) for step, value in enumerate(FINITE)))
    assert {outcome.kind for outcome in outcomes} == {"accepted"}
    shown = bench.shown("x")
    assert [step for step, _ in shown] == list(range(len(FINITE)))
    assert [bits(float(value)) for _, value in shown] == [bits(float(value)) for value in FINITE]
    assert [row["_timestamp"] for row in bench.rows] == [record.time / 10**9 for record in records]
    assert bench.points()["x"] == [(value, step, records[step].time) for step, value in enumerate(FINITE)]


def test_values_beyond_a_json_number_come_back_exactly(bench):
    """NaN, infinities, -0.0 and large integers are read back to the bit, in their type."""
    bench.write(*(Metrics({"x": value}, step) for step, value in enumerate(BEYOND)))
    read = [value for value, _, _ in bench.points()["x"]]
    assert [bits(value) for value in read] == [bits(value) for value in BEYOND]
    assert [type(value) for value in read] == [type(value) for value in BEYOND]


STEPS = [10, 5, 7, 11, 5, -3, -1, -2, 2**63 - 1, -(2**63), 1.5, 10, 4, 2**100, 1e300, 2**61, 1, -0.5, 0]


def test_steps_in_any_order_and_repeated(bench):
    """Late, repeated, negative, fractional and huge steps are points like all others, at their true step."""
    records, _ = bench.write(*(Metrics({"x": float(i)}, step) for i, step in enumerate(STEPS)))
    assert bench.points()["x"] == [(float(i), step, records[i].time) for i, step in enumerate(STEPS)]
    shown = bench.shown("x")
    assert [value for _, value in shown] == list(range(len(STEPS)))
    assert [step for step, _ in shown] == sorted({step for step, _ in shown})
    assert [row["tracklib/step"] for row in bench.rows][:6] == STEPS[:6]


def test_wandbs_step_is_the_callers_while_it_rises(bench):
    """Rows stand at the caller's steps up to the first that is late, and again once there is room."""
    bench.write(*(Metrics({"x": float(i)}, step) for i, step in enumerate([0, 2, 4, 3, 10, 11])))
    assert bench.shown("x") == [(0, 0), (2, 1), (4, 2), (5, 3), (10, 4), (11, 5)]


def test_charts_follow_the_callers_step_once_wandbs_cannot(online):
    """While the steps rise W&B's own is the axis; from the first late one on, all metrics are drawn over the caller's."""
    online.write(*(Metrics({"x": 1.0}, step) for step in range(3)))
    assert not any(each.get("2") == "*" for each in online.raw.config["_wandb"]["value"]["m"])
    online.write(Metrics({"x": 1.0}, 1))
    defined = {each.get("1") or each.get("2"): each for each in online.raw.config["_wandb"]["value"]["m"]}
    names = [each.get("1") or each.get("2") for each in online.raw.config["_wandb"]["value"]["m"]]
    drawn = defined.get("*") or defined["x"]  # before 0.31, the SDK names each metric that the pattern meets
    assert names[drawn["5"] - 1] == "tracklib/step"


def test_what_is_logged_for_a_step_together_is_one_row(bench):
    """Calls at one step make one row, as with W&B's own SDK; a metric that comes twice begins another."""
    bench.write(Metrics({"a": 1.0}, 3), Metrics({"b": 2.0}, 3), Metrics({"a": 3.0}, 3), Metrics({"c": 4.0}, 4))
    assert bench.shown("a") == [(3, 1), (4, 3)]
    assert bench.shown("b") == [(3, 2)]
    assert bench.shown("c") == [(5, 4)]
    points = bench.points()
    assert [(value, step) for value, step, _ in points["a"]] == [(1.0, 3), (3.0, 3)]
    assert [(value, step) for value, step, _ in points["c"]] == [(4.0, 4)]
    assert len({points[key][0][2] for key in "abc"}) == 3


def test_times_are_nanoseconds_the_callers_too(bench):
    """Times are exact, a caller's own and negative ones too."""
    callers = [0, 1, 999_999, 1_234_567, -1, -5_000_001, 1_600_000_000_123_456_789, 2**62, 2**80]
    records, _ = bench.write(Metrics({"own": 1.0}, 0), *(Metrics({"x": 1.0}, i, t) for i, t in enumerate(callers)))
    assert bench.points()["own"] == [(1.0, 0, records[0].time)]
    assert [time for _, _, time in bench.points()["x"]] == callers


def test_sending_again_changes_nothing(bench):
    """Batches sent again, cut elsewhere, by a sink that knows nothing of the first, leave the same points and rows."""
    records = bench.records(*(Metrics({"x": i / 2, "y": 1}, i // 2) for i in range(9)))
    sink = bench.sink()
    sink.send(records[:6])
    sink.close()
    before = bench.points()
    again = bench.sink()
    again.send(records[:2])
    again.send(records[2:])
    again.close()
    assert set(before["x"]) < set(bench.points()["x"])
    assert sorted(bench.points()["x"]) == [(i / 2, i // 2, record.time) for i, record in enumerate(records)]
    assert [value for _, value in bench.shown("x")] == [i / 2 for i in range(9)]


def test_an_altered_value_is_what_is_read(online):
    """A value that somebody changed at W&B shows, one that somebody removed is missing, a row that is gone is gone."""
    online.write(*(Metrics({"x": float(i), "n": i}, i) for i in range(5)))
    lines = online.raw.lines["wandb-history.jsonl"]
    rows = [json.loads(line) for line in lines]
    rows[1]["x"] = 99.5
    rows[1]["n"] = 7
    del rows[2]["x"]
    online.raw.lines["wandb-history.jsonl"] = [json.dumps(row) for row in rows[:3] + rows[4:]]
    points = online.points()
    assert [value for value, _, _ in points["x"]] == [0.0, 99.5, 4.0]
    assert [value for value, _, _ in points["n"]] == [0, 7, 2, 4]


def test_a_row_that_somebody_else_wrote_is_read(online):
    """Rows without a mark, and metrics added to one that has it, are points as they stand."""
    online.write(Metrics({"x": 1.0}, 0), Metrics({"x": 2.0}, 1))
    first, second = map(json.loads, online.raw.lines["wandb-history.jsonl"])
    first["y"] = 5
    other = {"_step": 7, "_timestamp": 1.5, "x": 3.25}
    online.raw.lines["wandb-history.jsonl"] = [json.dumps(row) for row in (first, second, other)]
    points = online.points()
    assert [(value, step) for value, step, _ in points["x"]] == [(1.0, 0), (2.0, 1), (3.25, 7)]
    assert points["x"][-1][2] == 1_500_000_000
    assert [(value, step) for value, step, _ in points["y"]] == [(5.0, 0)]


NAMES = [
    "loss", "train/loss", "val acc", "müller", "損失", "a.b-c_d", "train:loss", "", ".", "..", "../x", "/x", "a//b", "a/",
    "😀", "e\u0301", "100%", "a|b", "a\tb", "a\nb", "a\0b", "\ud800", " lead", "q'\"\\", "_step", "_timestamp", '!"x"',
    "_runtime", "_wandb", "_tracklib", "tracklib/step", "é" * 400, "x" * 3000, "Case", "case", "a/b", "a", "_own", "*",
]  # fmt: skip


def test_any_name_comes_back(bench):
    """Every name is held apart from every other, and natural ones stand at W&B as they are."""
    bench.write(Metrics({name: float(i) for i, name in enumerate(NAMES)}, 1))
    assert {key: value[0][0] for key, value in bench.points().items()} == {n: float(i) for i, n in enumerate(NAMES)}
    (row,) = bench.rows
    assert {"loss", "train/loss", "損失", "a.b-c_d", "a", "a/b"} <= row.keys()


@pytest.mark.parametrize("order", ["rising", "shuffled"])
def test_many_points_and_params(bench, order):
    """Points over 50 metrics, in any order of steps, and 10,000 params are all read back."""
    steps = list(range(200))
    if order == "shuffled":
        random.Random(0).shuffle(steps)
    bodies = [Metrics({f"m{k}": step / (k + 1) for k in range(50)}, step) for step in steps]
    bench.write(*bodies, Params({f"p{i}": {"x": i} for i in range(10_000)}))
    read = bench.read()
    points = {}
    for body in read[Metrics]:
        ((key, value),) = body.values.items()
        points.setdefault(key, []).append((body.step, value))
    assert points == {f"m{k}": [(step, step / (k + 1)) for step in steps] for k in range(50)}
    assert read[Params][0].values == {f"p{i}": {"x": i} for i in range(10_000)}
