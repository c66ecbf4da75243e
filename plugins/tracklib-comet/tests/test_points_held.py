"""Points: what Comet shows, and that every one reads back exactly, whatever Comet does with the value, step or time."""

import math
import random
from dataclasses import replace

import pytest

from tracklib.model.records import Metrics, Notice, RunEnd, System


def told(records):
    """Return the points of records as the bench reads them."""
    points = {}
    for record in records:
        if isinstance(record.body, Metrics):
            for key, value in record.body.values.items():
                points.setdefault(key, []).append((value, record.body.step, record.when))
    return points


def as_set(points):
    return {key: sorted(map(repr, values)) for key, values in points.items()}


AWKWARD = [0.1, -0.0, 5e-324, 1.7976931348623157e308, math.nan, math.inf, -math.inf, 2**53 + 1, 2**63, -(10**400), 0, 7]


def test_every_value_step_and_time_reads_back(bench):
    """Values beyond float64, steps of all kinds, times before 1970 and to the nanosecond come back as they were."""
    bodies = [Metrics({"v": value}, step) for step, value in enumerate(AWKWARD)]
    bodies += [Metrics({"s": 1.0}, step) for step in (5, 3, 3, -2, 1.5, 2**63, -(2**70), 10)]
    bodies += [Metrics({"t": 1.0}, 0, time) for time in (0, -5, 1_600_000_000_123_456_789, 2**62)]
    records, outcomes = bench.write(*bodies)
    assert {outcome.kind for outcome in outcomes} == {"accepted"}
    assert as_set(bench.points()) == as_set(told(records))


def test_comet_plots_the_natural_thing(online):
    """Name, value, step and time stand at Comet as its own SDK would put them there."""
    records, _ = online.write(Metrics({"train/loss": 0.25, "n": 3}, 7), Metrics({"train/loss": math.nan}, 8))
    raw = online.raw
    assert raw.series("train/loss") == [(7, "0.25"), (8, "NaN")]
    assert raw.series("n") == [(7, "3")]
    assert raw.points[0]["timestamp"] == records[0].time // 1_000_000


def test_long_and_awkward_names_stay_apart(bench):
    """Names that are cut to the same hundred characters are two at Comet, and whole when read."""
    names = ["a" * 100, "a" * 101, "a" * 101 + "b", "", "\ud800", "\0", "x~", "emoji 🎉", "train_loss"]
    records, _ = bench.write(*(Metrics({name: float(n)}, 0) for n, name in enumerate(names)))
    assert as_set(bench.points()) == as_set(told(records))


def test_names_at_comet_are_no_longer_than_its_sdk_has_them(online):
    """No name at Comet is longer than 100 characters."""
    online.write(Metrics({"a" * 300: 1.0, "b" * 101: 2.0}, 0))
    assert [len(point["metricName"]) for point in online.raw.points] == [100, 100]


def test_equal_points_are_all_kept(bench):
    """A point that was logged three times in one millisecond is there three times."""
    records, _ = bench.write(*[Metrics({"x": 1.0}, 0)] * 3, step_ns=1)
    assert as_set(bench.points()) == as_set(told(records))


def test_a_value_that_is_changed_at_comet_is_seen(online):
    """What stands beside Comet's points never hides that one of them was changed, removed or added."""
    online.write(*(Metrics({"loss": step / 4}, step) for step in range(4)))
    points = online.raw.points
    points[1]["metricValue"] = "9.5"
    del points[2]
    points.append({**points[0], "step": 77, "metricValue": "1.25"})
    read = {(step, value) for value, step, _ in online.points()["loss"]}
    assert read == {(0, 0.0), (1, 9.5), (3, 0.75), (77, 1.25)}


def test_a_value_that_is_no_number_any_more_is_told(online):
    """A point whose value at Comet is a text becomes a notice, not a number."""
    online.write(Metrics({"loss": 1.0}, 0), Metrics({"loss": 2.0}, 1))
    online.raw.points[0]["metricValue"] = "broken"
    read = online.read()
    assert [body.values for body in read[Metrics]] == [{"loss": 2.0}]
    assert [notice.message for notice in read[Notice]] == ["1 values of 'loss' are no numbers"]


def test_more_points_than_comet_gives_are_all_read(online):
    """Of 16,000 points Comet gives 15,000; the export of the metric holds them all, and all are read."""
    count = 16_000
    steps = list(range(count))
    random.Random(1).shuffle(steps)
    online.settings = replace(online.settings, metrics_per_minute=0)
    records, _ = online.write(*(Metrics({"x": step / 7}, step) for step in steps))
    assert as_set(online.points()) == as_set(told(records))
    assert not online.read()[Notice]


def test_without_an_export_what_stands_beside_counts(online, monkeypatch):
    """Where Comet leaves points out and has no export, the records beside them are read, and it is said."""
    monkeypatch.setattr("tracklib_comet.online_view._SAMPLED", 10)
    monkeypatch.setattr("tracklib_comet.online_view.OnlineView._exports", {})
    online.emulator.world.sampled_above = 10
    records, _ = online.write(*(Metrics({"x": step / 7}, step) for step in range(25)))
    assert as_set(online.points()) == as_set(told(records))
    assert "leaves others out" in online.read()[Notice][0].message


def test_an_export_of_a_name_like_it_is_not_taken_for_it(online, monkeypatch):
    """``a/b`` and ``a_b`` have one file name as exports; each is read from its own."""
    monkeypatch.setattr("tracklib_comet.online_view._SAMPLED", 10)
    online.emulator.world.sampled_above = 10
    records, _ = online.write(*(Metrics({"a/b": step / 7, "a_b": -step / 7}, step) for step in range(25)))
    assert as_set(online.points()) == as_set(told(records))


def test_system_metrics_have_comets_names(online):
    """Samples of the machine are shown under the names of Comet's own, and read back under tracklib's."""
    values = {"cpu.percent": 12.5, "memory.used": 2**33, "gpu.0.utilization": 99.0, "process.threads": 7}
    records, _ = online.write(System(values), Metrics({"sys.cpu.percent.avg": 1.0}, 3))
    assert {point["metricName"] for point in online.raw.points} == {
        "sys.cpu.percent.avg",
        "sys.ram.used",
        "sys.gpu.0.gpu_utilization",
        "sys.process.threads",
    }
    read = online.read()
    assert read[System] == [System(values)]
    assert as_set(online.points()) == as_set(told(records))


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_portions_do_not_matter(bench, size):
    """Records that are sent in small portions are read as those that are sent at once."""
    records = bench.records(*(Metrics({"x": float(n), "y": n / 3}, n) for n in range(40)), RunEnd("finished"))
    sink = bench.sink()
    for at in range(0, len(records), size):
        sink.send(records[at : at + size])
    sink.close()
    assert sink.confirmed() == {"w1": records[-1].seq}
    assert as_set(bench.points()) == as_set(told(records))
