"""Metrics: steps, times and values as they were logged, what is refused of them, and what sums them up."""

from __future__ import annotations

import math
import time
from decimal import Decimal
from unittest import mock

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

import tracklib
import tracklib.tracking.steps
from tracklib.journal.layout import RunFolder
from tracklib.journal.writer import SegmentWriter
from tracklib.model.records import Metrics, Notice, Summary
from tracklib.tracking.steps import next_step

BIG = 2**70


def logged(bodies, run) -> list[tuple[object, dict]]:
    return [(body.step, dict(body.values)) for body in bodies(Metrics, run=run)]


def test_the_step_counter(bodies) -> None:
    """A step that is omitted is one more than the highest so far, whatever came between."""
    run = tracklib.init("p")
    for step in (None, None, 10, None, 3, None, -7, 20.5, None, 4.0, None):
        run.log({"a": 1.0}, step=step)
    run.log({}, step=99)
    run.log({"a": 1.0})
    steps = [step for step, _ in logged(bodies, run)]
    assert steps == [0, 1, 10, 11, 3, 12, -7, 20.5, 21, 4.0, 22, 23]


def test_the_counter_goes_on_after_a_resume(bodies) -> None:
    """An attempt that names no step goes on behind the highest of all earlier ones."""
    for step, expected in ((7, 7), (None, 8), (2.5, 2.5), (None, 9)):
        run = tracklib.init("p", id="r")
        run.log({"a": 1.0}, step=step)
        run.finish()
        assert logged(bodies, run)[-1][0] == expected


STEPS = st.integers(-(10**30), 10**30) | st.integers(-5, 50) | st.floats(-1e300, 1e300)


@hypothesis.given(
    steps=st.lists(st.tuples(STEPS, st.sampled_from(["a", "rank_1/a", 'b"step":99999,', "step"])), max_size=40),
    chunk=st.sampled_from([1, 7, 100, 1 << 20]),
)
def test_the_highest_step_is_found_wherever_it_stands(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[float, str]], chunk: int
) -> None:
    """Read from its end, by bits of any size, a run gives the step that reading all of it would."""
    folder = RunFolder(tmp_path_factory.mktemp("run"))
    writer = SegmentWriter(folder, "r", "p", warn=pytest.fail)
    for place, (step, name) in enumerate(steps):
        if place == 20:
            writer.segment.broken = True  # a second segment
        writer.append(Metrics({name: 1.0}, step))
    writer.close()
    with (folder.segments()[-1]).open("ab") as file:
        file.write(
            b'{"kind":"metrics","seq":1,"time":1,"step":10000000,"values":{"a":1},"crc":"00000000"}\n{"kind":"me'
        )
    with mock.patch.object(tracklib.tracking.steps, "_CHUNK", chunk):
        for prefix in ("", "rank_1/"):
            mine = [step for step, name in steps if name.startswith("rank_1/") == bool(prefix)]
            assert next_step(folder, prefix) == int(max([-1, *mine]) // 1) + 1


def test_who_names_each_step_does_not_wait_for_the_earlier_attempts(bodies, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading a long run takes longer than a ``log()`` may: it is done where a step has to be found, and once."""
    run = tracklib.init("p", id="r")
    run.log({"a": 1.0}, step=7)
    run.finish()
    looks = []
    monkeypatch.setattr("tracklib.tracking.run.next_step", lambda *_: looks.append(1) or 8)
    run = tracklib.init("p", id="r")
    run.log({"a": 1.0}, step=3)
    run.log({"a": "bad", "b": np.float32(2.0)}, step=np.int64(4))
    assert looks == []
    run.log({"a": 1.0})
    run.log({"a": 1.0}, step=20)
    run.log({"a": 1.0})
    assert looks == [1]
    assert [step for step, _ in logged(bodies, run)] == [7, 3, 4, 8, 20, 21]


def test_values_are_exact(bodies) -> None:
    """What was logged is what is read back, to the bit: huge integers, NaN, infinities, negative zero, bools."""
    values = {"big": BIG, "neg": -BIG, "nan": math.nan, "inf": math.inf, "-inf": -math.inf, "z": -0.0, "t": 5e-324}
    run = tracklib.init("p")
    run.log({**values, "true": True, "third": 1 / 3, "decimal": Decimal("0.5")}, step=BIG)
    ((step, found),) = logged(bodies, run)
    assert step == BIG
    assert math.isnan(found.pop("nan"))
    assert math.copysign(1, found["z"]) == -1
    del values["nan"]
    assert found == {**values, "true": 1, "third": 1 / 3, "decimal": 0.5}


def test_a_mapping_that_changes_meanwhile_is_recorded_as_it_was(bodies, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread that fills the mapping while it is logged costs no record, and gets nothing into one."""
    run = tracklib.init("p")
    shared: dict[str, object] = {"a": 1.0, "b": 2}
    lock = run._recorder.writer.lock

    class Changing:
        def __enter__(self) -> None:
            shared.update(a="text", c=math.nan)
            lock.acquire()

        def __exit__(self, *_: object) -> None:
            lock.release()

    monkeypatch.setattr(run._recorder.writer, "lock", Changing())
    run.log(shared)
    monkeypatch.undo()
    run.log({"a": 2.0})
    assert logged(bodies, run) == [(0, {"a": 1.0, "b": 2}), (1, {"a": 2.0})]


@pytest.mark.parametrize("values", [{"x" * 1000: 1.0}, {"x" * 1000: math.nan}])
def test_a_call_too_large_for_any_reader_is_refused(bodies, capfd, monkeypatch: pytest.MonkeyPatch, values) -> None:
    """Whatever way it takes, a call whose line readers would step over is refused by its size, and takes no step."""
    for module in ("tracklib.journal.writer", "tracklib.tracking.recorder"):
        monkeypatch.setattr(f"{module}.MAX_LINE", 1000)
    run = tracklib.init("p")
    run.log(values)
    run.log({"a": 1.0})
    assert logged(bodies, run) == [(0, {"a": 1.0})]
    assert "expected a record of at most" in capfd.readouterr().err


BAD = {
    "object": object(),
    "text": "0.5",
    "none": None,
    "list": [1.0, 2.0],
    "complex": 1j,
    "decimal": Decimal("0.1"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_value_is_refused_by_name_and_the_rest_kept(bodies, capfd, name) -> None:
    """One value that is no number costs its neighbours nothing, and the warning names it and what it was."""
    run = tracklib.init("p")
    run.log({"good": 1.5, name: BAD[name], "fine": 2}, step=4)
    assert logged(bodies, run) == [(4, {"good": 1.5, "fine": 2})]
    (notice,) = bodies(Notice, run=run)
    assert notice.code == "refused"
    assert f"metric '{name}'" in notice.message and type(BAD[name]).__name__ in notice.message
    assert capfd.readouterr().err.count("tracklib: warning: ") == 1


def test_timestamps(records) -> None:
    """A given time counts as the nearest nanosecond of what was written; without one, the record's own counts."""
    run = tracklib.init("p")
    before = time.time_ns()
    for moment in (0, 1700000000.123456, -1.5, Decimal("1700000000.123456789"), None):
        run.log({"a": 1.0}, timestamp=moment)
    times = [r.when for r in records(run) if isinstance(r.body, Metrics)]
    assert times[:4] == [0, 1700000000123456000, -1500000000, 1700000000123456789]
    assert before <= times[4] <= time.time_ns()


def test_aggregates(bodies) -> None:
    """Each aggregate is that of the whole series; NaN counts as last value alone."""
    run = tracklib.init("p")
    run.define_metric("a", summary=["last", "min", "max", "mean", "best"])
    run.define_metric("b", summary="best", goal="maximize")
    run.define_metric("never", summary="min")
    for a, b in ((3.0, 1), (1.0, 5), (2.0, 2)):
        run.log({"a": a, "b": b})
    run.log({"a": math.nan})
    run.finish()
    (summary,) = bodies(Summary, run=run)
    found = dict(summary.values)
    assert math.isnan(found.pop("a.last"))
    assert found == {"a.min": 1.0, "a.max": 3.0, "a.mean": 2.0, "a.best": 1.0, "b.best": 5}


def test_aggregates_reach_back(bodies) -> None:
    """A metric defined late, or after a resume, is summarised over all that was logged before, in order."""
    wanted = ("last", "min", "max", "mean")
    for a in (8.0, 2.0):
        run = tracklib.init("p", id="r")
        run.log({"a": a, "b": a})
        run.define_metric("a", summary=wanted)
        run.finish()
    (first, second) = bodies(Summary, run=run)
    assert first.values == {"a.last": 8.0, "a.min": 8.0, "a.max": 8.0, "a.mean": 8.0}
    assert second.values == {"a.last": 2.0, "a.min": 2.0, "a.max": 8.0, "a.mean": 5.0}
    run = tracklib.init("p", id="r")
    run.define_metric("b", summary=wanted)
    run.define_metric("a", summary="mean")
    run.finish()
    assert bodies(Summary, run=run)[2].values == {
        "b.last": 2.0,
        "b.min": 2.0,
        "b.max": 8.0,
        "b.mean": 5.0,
        "a.mean": 5.0,
    }


@pytest.mark.parametrize("name", ["", 5, None, b"loss"])
def test_an_empty_name_is_refused(bodies, capfd, name) -> None:
    """What is no name costs only the value under it."""
    run = tracklib.init("p")
    run.log({"good": 1.5, name: 2.0}, step=4)
    assert logged(bodies, run) == [(4, {"good": 1.5})]
    assert "a metric's name, a text that is not empty" in capfd.readouterr().err
