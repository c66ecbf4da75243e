"""Faults: outages, throttling, lost replies, half-taken batches, killed relays: nothing lost, nothing twice, said plainly."""

from collections import Counter
from dataclasses import replace

import pytest
import requests
from tracklib_comet.border import border
from tracklib_comet.pace import Pace

from tracklib.errors import AuthError, ConfigError, RejectedError, TransientError
from tracklib.model.records import Artifact, Console, Media, Metrics, Params, RunEnd, RunStart, System, Tags
from tracklib.testing.emulators import Disconnect, DropReply, Partial, RateLimit, Status

POINTS = "POST batch/logger/experiment/metric"


def everything(bench):
    return bench.records(
        RunStart(bench.project, "a", context={"host": "h"}),
        Params({"lr": 0.1, "m": {"d": 1}}),
        Tags({"t": "1"}),
        *(Metrics({"x": step / 7, "y": float(step)}, step) for step in range(30)),
        System({"cpu.percent": 5.0}),
        Console("stdout", "a\n"),
        Console("stderr", "b\n"),
        Artifact("model", "weights", (bench.file("a", b"1"), bench.file("b", b"2"))),
        Media("text", 1, "text", bench.file("t.txt", b"words")),
        RunEnd("finished", 0),
    )


def deliver(bench, records, tries=40):
    """Deliver as a relay does: what raises comes again, to a new sink where this one is lost."""
    sink = None
    for _ in range(tries):
        try:
            sink = sink or bench.sink()
            outcomes = sink.send(records)
            assert {outcome.kind for outcome in outcomes} == {"accepted"}
            sink.close()
        except TransientError:
            continue
        return
    raise AssertionError("no success")


def check(bench, records):
    """What Comet shows is there once, and what is read is what was sent."""
    raw = bench.raw
    assert Counter(
        (p["metricName"], p["step"]) for p in raw.points if not p["metricName"].startswith("sys.")
    ) == Counter((name, step) for name in "xy" for step in range(30))
    assert [line["output"] for line in raw.output] == ["a\n", "b\n"]
    assert len(bench.emulator.world.state.versions) == 1
    read = bench.read()
    for record in records:
        if not isinstance(record.body, (Metrics, RunStart)):
            assert read[type(record.body)].count(record.body) == 1, record
    assert sorted(value for value, _, _ in bench.points()["x"]) == [step / 7 for step in range(30)]


@pytest.mark.parametrize("fault", [DropReply(), Disconnect(), Status(503), Status(429)])
def test_a_fault_at_any_call_loses_and_doubles_nothing(online, fault):
    """Whichever call of the delivery breaks, before or after it was done: all is there in the end, once."""
    records = everything(online)
    rule = online.emulator.faults.add("*", fault, times=1)
    deliver(online, records)
    check(online, records)
    assert rule.hits == 1
    calls = len(online.emulator.calls)
    online.emulator.experiments.clear()
    online.emulator.world.state.assets.clear()
    online.emulator.world.state.versions.clear()
    for skip in range(1, calls, 1 if isinstance(fault, DropReply) else 3):
        online.emulator.faults.clear()
        online.emulator.faults.add("*", fault, times=1, skip=skip)
        deliver(online, records)
        online.emulator.faults.clear()
        check(online, records)
        online.emulator.experiments.clear()
        online.emulator.world.state.assets.clear()
        online.emulator.world.state.versions.clear()


def test_a_batch_that_is_taken_by_half(online):
    """Of a batch whose first ten points were taken before the server failed, the others are sent, not those again."""
    online.emulator.faults.add(POINTS, Partial(10))
    records = online.records(*(Metrics({"x": float(step)}, step) for step in range(50)))
    deliver(online, records)
    assert [step for step, _ in online.raw.series("x")] == list(range(50))
    assert online.emulator.count(POINTS) == 2


def test_no_record_is_refused_for_an_experiment_that_cannot_be_made(online):
    """What Comet refuses of the experiment itself pauses the delivery with its words, and refuses no record."""
    online.emulator.faults.add("POST logger/add/run", Status(400, body=b'{"msg": "the project is locked"}'))
    with pytest.raises(ConfigError, match="creating the experiment: 400 the project is locked"):
        online.sink()


def test_more_pictures_than_comet_takes_are_plain_files(online):
    """Beyond Comet's number of images, text samples, ... a medium is a file there, and a medium when it is read."""
    full = Status(400, body=b'{"sdk_error_code": 7000012, "msg": "too many text samples"}')
    medium = Media("said", 1, "text", online.file("t.txt", b"words"), {"format": "txt"})
    sink = online.sink()
    online.emulator.faults.add("POST asset/upload", full)
    assert {outcome.kind for outcome in sink.send(online.records(medium))} == {"accepted"}
    sink.close()
    kinds = [(asset.name, asset.type) for asset in online.emulator.world.state.assets.values()]
    assert kinds[0] == ("said", "asset")
    assert online.read()[Media] == [medium]


def test_a_full_plan_pauses_and_refuses_nothing(online):
    """A plan that is used up is a matter of settings: the delivery pauses, no record is refused."""
    sink = online.sink()
    online.emulator.faults.add(POINTS, Status(402, body=b'{"msg": "upgrade"}'))
    with pytest.raises(ConfigError, match="the plan's limit is reached"):
        sink.send(online.records(Metrics({"x": 1.0}, 0)))


def test_a_short_run_takes_few_calls(online):
    """A run of a start, some points and an end is told in 13 calls at most."""
    records = online.records(
        RunStart(online.project, "baseline"), *(Metrics({"x": float(n)}, n) for n in range(20)), RunEnd("finished", 0)
    )
    info = online.info.__class__(online.project, "run-1", "baseline", started=records[0].time)
    sink = online.sink(info)
    sink.send(records)
    sink.close()
    calls = [call.operation for call in online.emulator.calls]
    assert len(calls) <= 13, Counter(calls)


def test_a_lost_file_costs_its_own_record_alone(bench):
    """A batch with an artifact whose content is lost is sent one by one: that record is refused, the others are there once."""
    lost = bench.file("lost", b"gone")
    (bench.contents.folder / lost.sha256).unlink()
    records = bench.records(
        Metrics({"x": 1.0}, 0),
        Console("stdout", "a\n"),
        Artifact("m", "t", (lost,)),
        Tags({"t": ""}),
        Metrics({"x": 2.0}, 1),
    )
    sink = bench.sink()
    with pytest.raises(RejectedError, match="lost is lost"):
        sink.send(records)
    refused = 0
    for record in records:
        try:
            sink.send([record])
        except RejectedError:
            refused += 1
    sink.close()
    assert refused == 1
    assert sink.confirmed() == {"w1": 5}
    assert [value for value, _, _ in bench.points()["x"]] == [1.0, 2.0]
    view = bench.source()._view(bench.found())
    assert [len(held) for name, held, _ in view.points() if name == "x"] == [2]
    assert view.output() == "a\n"
    assert bench.read()[Tags] == [Tags({"t": ""})]


def test_no_record_is_refused_for_the_file_that_it_stands_in(online):
    """Where Comet refuses a file of records, these wait, shown and unconfirmed, until it takes the file."""
    records = online.records(Metrics({"x": 1.0}, 0))
    sink = online.sink()
    online.emulator.faults.add("POST asset/upload", Status(400, body=b'{"msg": "no more files"}'))
    assert {outcome.kind for outcome in sink.send(records)} == {"accepted"}
    with pytest.raises(TransientError, match=r"keeping records beside the run: .* no more files"):
        sink.close()
    assert sink.confirmed() == {}
    sink.close()
    assert sink.confirmed() == {"w1": 1}
    assert [value for value, _, _ in online.points()["x"]] == [1.0]


def test_throttling_is_obeyed(online):
    """A 429 becomes a transient error that says how long Comet asks to wait; that of an overload says nothing of the kind."""
    sink = online.sink()
    for fault, asked in ((RateLimit(0, retry_after=7), 7), (Status(429), 0), (Status(503), None)):
        rule = online.emulator.faults.add(POINTS, fault)
        with pytest.raises(TransientError) as caught:
            sink.send(online.records(Metrics({"x": 1.0}, 0)))
        assert caught.value.retry_after == asked
        assert rule.hits == 1
        online.emulator.faults.clear()


def test_an_outage_is_told_at_once(online):
    """While the server is away every call is a transient error that names it; then all arrives."""
    records = everything(online)
    sink = online.sink()
    with online.emulator.outage(), pytest.raises(TransientError, match="no answer from 127"):
        sink.send(records)
    sink.send(records)
    sink.close()
    check(online, records)


def test_a_relay_that_is_killed_between_sent_and_confirmed(online):
    """What was shown and not confirmed is sent again by another sink, told what was confirmed, and shown once."""
    records = everything(online)
    dead = online.sink()
    dead.send(records[:20])
    assert not dead.confirmed()
    heir = online.sink(position=dead.confirmed())
    heir.send(records)
    heir.close()
    assert heir.confirmed() == {"w1": records[-1].seq}
    check(online, records)


def test_a_point_that_is_lost_though_it_was_answered_is_told(online):
    """Points that Comet answered and has not are missing when read: what stands beside never pretends."""
    online.write(*(Metrics({"x": float(step)}, step) for step in range(3)))
    online.raw.points.pop()
    assert [value for value, _, _ in online.points()["x"]] == [0.0, 1.0]


def test_records_wait_for_each_other_and_not_long(online, monkeypatch):
    """Records are confirmed by one file after a second, and not one file each."""
    clock = [1000.0]
    monkeypatch.setattr("tracklib_comet.sink.time.monotonic", lambda: clock[0])
    sink = online.sink()
    for record in online.records(*(Metrics({"x": float(n)}, n) for n in range(10))):
        sink.send([record])
        clock[0] += 0.05
    assert sink.confirmed() == {}
    clock[0] += 1
    assert sink.confirmed() == {"w1": 10}
    names = [asset.name for asset in online.emulator.world.state.assets.values()]
    assert names == ["tracklib/records/w1-000000000001-000000000010.jsonl.gz"]


def test_what_comet_takes_in_a_minute_is_kept_by_waiting(online, monkeypatch):
    """Beyond Comet's rate the rest of a batch is to come again when there is room; nothing is refused."""
    clock = [1000.0]
    monkeypatch.setattr("tracklib_comet.pace.time.monotonic", lambda: clock[0])
    online.settings = replace(online.settings, metrics_per_minute=60)
    records = online.records(*(Metrics({"x": float(n), "y": float(n)}, n) for n in range(50)))
    sink = online.sink()
    outcomes = sink.send(records)
    kinds = Counter(outcome.kind for outcome in outcomes)
    assert kinds == {"accepted": 30, "retry": 20}
    assert (outcomes[30].wait, outcomes[30].reason) == (6.0, "Comet takes 60 points a minute")
    clock[0] += 40
    assert {outcome.kind for outcome in sink.send(records[30:])} == {"accepted"}
    sink.close()
    assert len(online.points()["x"]) == 50


def test_a_pace_without_a_limit_never_waits():
    """A limit of 0 lifts it."""
    pace = Pace(0)
    pace.take(10**9)
    assert pace.wait() == 0


def reply(status, body, headers=None, url="http://comet.example.com/api"):
    made = requests.Response()
    made.status_code, made._content, made.url = status, body, url
    made.headers.update(headers or {})
    return made


class FailedError(Exception):
    def __init__(self, response):
        super().__init__("apiKey=SECRET")
        self.response = response


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (FailedError(reply(400, b'{"sdk_error_code": 90212, "msg": "no SECRET"}')), AuthError, "renew COMET_API_KEY"),
        (FailedError(reply(401, b'{"msg": "x"}')), AuthError, "renew COMET_API_KEY"),
        (FailedError(reply(403, b'{"sdk_error_code": 7000011, "msg": "x"}')), AuthError, "may only look"),
        (FailedError(reply(400, b'{"sdk_error_code": 90219, "msg": "x"}')), AuthError, "set COMET_WORKSPACE"),
        (FailedError(reply(400, b'{"sdk_error_code": 7000008, "msg": "x"}')), ConfigError, "pip install -U comet_ml"),
        (FailedError(reply(404, b"<html>")), ConfigError, "comet.example.com answers, but is no Comet"),
        (FailedError(reply(403, b"<html>Blocked")), TransientError, "a proxy or gateway blocks it"),
        (FailedError(reply(407, b"")), TransientError, "a proxy or gateway blocks it"),
        (FailedError(reply(503, b"")), TransientError, "503"),
        (FailedError(reply(429, b"", {"Retry-After": "3"})), TransientError, "429"),
        (FailedError(reply(422, b'{"msg": "bad"}')), RejectedError, "422 bad"),
        (
            requests.exceptions.ProxyError("Tunnel connection failed: 403 Forbidden"),
            TransientError,
            "the proxy does not",
        ),
        (requests.exceptions.SSLError("certificate verify failed"), TransientError, "COMET_INCLUDE_CUSTOM_CA_BUNDLE"),
        (requests.exceptions.InvalidURL("SECRET"), ConfigError, "COMET_URL_OVERRIDE"),
        (
            requests.exceptions.ReadTimeout("host='h', port=443 timed out"),
            TransientError,
            "no answer from h:443: timed out",
        ),
        (ValueError("bad SECRET"), RejectedError, "bad"),
        (ImportError("no comet_ml"), ConfigError, "pip install"),
        (RuntimeError("nobody knows"), TransientError, "nobody knows"),
    ],
)
def test_errors_name_their_remedy(error, kind, words):
    """Whatever Comet or its SDK say becomes the error of the remedy, in one line, and no key is in it."""
    with pytest.raises(kind, match=words) as caught, border("doing it", ("SECRET",)):
        raise error
    message = str(caught.value)
    assert message.startswith("Comet, doing it:")
    assert "SECRET" not in message
    assert "\n" not in message
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
