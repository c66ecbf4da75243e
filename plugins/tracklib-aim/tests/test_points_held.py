"""Metrics in a real Aim: every row of the measured edge cases, read by our source and by Aim's own SDK."""

import math
import struct

from tracklib.model.records import Metrics

FINITE = [0.0, 1.0, -1.5, 5e-324, 1.7976931348623157e308, -1.7976931348623157e308, 0.1, math.pi, 2**53, -(2**53), 7]
BEYOND = [math.inf, -math.inf, -0.0, math.nan, 2**53 + 1, -(2**53) - 1, 2**63, 2**64 + 1, 10**400, -(10**400)]


def bits(value):
    return struct.pack(">d", value) if isinstance(value, float) else value


def test_finite_floats_stand_in_aim_itself(bench):
    """A float64 is the same float64 in Aim's own metric, at its step and time, and visible at once."""
    records, outcomes = bench.write(*(Metrics({"x": value}, step) for step, value in enumerate(FINITE)))
    assert {outcome.kind for outcome in outcomes} == {"accepted"}
    steps, values, times = bench.metric("x")
    assert steps == list(range(len(FINITE)))
    assert [bits(value) for value in values] == [bits(float(value)) for value in FINITE]
    assert times == [record.time / 10**9 for record in records]
    assert bench.points()["x"] == [(value, step, records[step].time) for step, value in enumerate(FINITE)]


def test_values_beyond_a_float_come_back_exactly(bench):
    """NaN, infinities, -0.0 and large integers are read back to the bit, in their type."""
    bench.write(*(Metrics({"x": value}, step) for step, value in enumerate(BEYOND)))
    read = [value for value, _, _ in bench.points()["x"]]
    assert [bits(value) for value in read] == [bits(value) for value in BEYOND]
    assert [type(value) for value in read] == [type(value) for value in BEYOND]
    assert bench.metric("x")[1][:2] == [math.inf, -math.inf]


STEPS = [10, 5, 7, 11, 5, -3, -1, -2, 2**63 - 1, -(2**63), 1.5, 10, 4, 2**100, 1e300, 2**61, 1, -0.5, 0]


def test_steps_in_any_order_and_repeated(bench):
    """Late, repeated, negative, fractional and huge steps are points like all others; the nearest whole one is shown."""
    bench.write(*(Metrics({"x": float(i)}, step) for i, step in enumerate(STEPS)))
    points = bench.points()["x"]
    assert sorted((value, step) for value, step, _ in points) == [(float(i), step) for i, step in enumerate(STEPS)]
    shown = {max(-(2**53), min(2**53, math.floor(step))) for step in STEPS}
    assert bench.metric("x")[0] == sorted(shown)


def test_times_are_nanoseconds_the_callers_too(bench):
    """Times are exact, a caller's own and negative ones too."""
    callers = [0, 1, 999_999, 1_234_567, -1, -5_000_001, 1_600_000_000_123_456_789, 2**62]
    records, _ = bench.write(Metrics({"own": 1.0}, 0), *(Metrics({"x": 1.0}, i, t) for i, t in enumerate(callers)))
    assert bench.points()["own"] == [(1.0, 0, records[0].time)]
    assert [time for _, _, time in bench.points()["x"]] == callers


def test_sending_again_changes_nothing(bench):
    """Batches sent again, cut elsewhere, by a sink that knows nothing of the first, leave the same points."""
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


NAMES = [
    "loss", "train/loss", "val acc", "müller", "損失", "a.b-c_d", "train:loss", "", ".", "..", "../x", "/x", "a//b", "a/",
    "😀", "e\u0301", "100%", "a|b", "a\tb", "a\nb", "a\0b", "\ud800", " lead", "q'\"\\", "__system__cpu", "logs", '!"x"',
    "tracklib", "é" * 400, "x" * 3000, "Case", "case", "a/b", "a", "{}", "x{}", 'x{"a":1}', 'x{"a":1}{}', 'x{"a": 1}',
    'x{"b":[1,{"c":null}]}', '{"a":1}',
]  # fmt: skip


def test_any_name_comes_back(bench):
    """Every name is held apart from every other, and natural ones stand in Aim as they are."""
    bench.write(Metrics({name: float(i) for i, name in enumerate(NAMES)}, 1))
    assert {key: value[0][0] for key, value in bench.points().items()} == {n: float(i) for i, n in enumerate(NAMES)}
    held = {(metric.name, str(metric.context.to_dict())) for metric in bench.raw.metrics()}
    assert len(held) == len(NAMES)
    assert {("loss", "{}"), ("train/loss", "{}"), ("損失", "{}"), ("x", "{'a': 1}")} <= held


def test_what_aim_notes_of_a_sequence_is_right(local):
    """First, last, least and greatest values are those that Aim's own tracker would note."""
    import aim

    values = [(3, 0.5), (1, -2.0), (7, 9.0), (5, 1.0)]
    own = aim.Run(
        repo=str(local.root), system_tracking_interval=None, log_system_params=False, capture_terminal_logs=False
    )
    for step, value in values:
        own.track(value, name="x", step=step)
    local.write(*(Metrics({"x": value}, step) for step, value in values))
    (theirs,) = own.meta_run_tree["traces"].values()
    meta = local.source()._repository.database("meta", local.found().place, writes=False)
    (ours,) = meta.get(("meta", "chunks", local.found().place, "traces")).values()
    assert ours == theirs
    own.close()


def test_an_altered_value_is_what_is_read(local):
    """A value that somebody changed or removed in Aim shows, whatever stands beside it."""
    from tracklib_aim.database import put
    from tracklib_aim.sequences import Sequences, values_path

    local.write(*(Metrics({"x": value}, step) for step, value in enumerate([1.0, 2**60 + 1, 3.0])))
    place = local.found().place
    seqs = local.source()._repository.database("seqs", place, writes=True)
    meta = local.source()._repository.database("meta", place, writes=False)
    at = Sequences(place, meta)
    path = values_path(place, at._context({}).idx, "x", 2)
    seqs.write([put((*path, "val", at._step_hash(1)), 7.0)])
    for column in ("val", "time", "step"):
        del seqs._tree[(*path, column, at._step_hash(2))]
    del seqs
    assert [(value, step) for value, step, _ in local.points()["x"]] == [(1.0, 0), (7.0, 1)]
