"""Faults: a server that is gone, ill, slow or forgets to answer; each with the error that names its remedy, and nothing lost."""

import subprocess
import sys
import time
import types

import pytest
from tracklib_wandb.check import check
from tracklib_wandb.settings import WandbSettings

from tracklib.errors import AuthError, ConfigError, TransientError, UnknownOutcomeError
from tracklib.model.records import Artifact, Media, Metrics, Params, RunEnd, Summary, Tags
from tracklib.testing.emulators import Disconnect, DropReply, Partial, Status


def settled(sink, records, seconds=240):
    """Ask a sink until all records are confirmed, as a relay does; return how long it took."""
    began = time.monotonic()
    while sink.confirmed().get(records[-1].writer, 0) < records[-1].seq:
        assert time.monotonic() - began < seconds, sink.confirmed()
        time.sleep(0.05)
    return time.monotonic() - began


def patiently(do, seconds=240):
    """Do something again while it is a transient fault, as a relay does."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return do()
        except TransientError:
            assert time.monotonic() < deadline
            time.sleep(0.3)


def values(bench):
    return [value for value, _, _ in bench.points()["x"]]


def test_points_are_confirmed_when_they_have_arrived_and_not_before(online):
    """What is in the SDK's queue is not confirmed; what the server has is, while the run goes on."""
    sink = online.sink()
    records = online.records(*(Metrics({"x": float(i)}, i) for i in range(10)))
    sink.send(records)
    assert sink.confirmed() == {}
    settled(sink, records)
    assert [row["x"] for row in online.raw.history] == [float(i) for i in range(10)]
    assert online.found().status == "running"
    sink.close()


def test_params_and_labels_are_confirmed_when_the_server_has_them(online):
    """The config goes its own way to the server; its records are confirmed when it shows there."""
    sink = online.sink()
    records = online.records(Params({"lr": 0.5}), Tags({"dev": ""}))
    sink.send(records)
    assert sink.confirmed() == {}
    settled(sink, records)
    assert online.raw.values["lr"] == 0.5
    assert online.raw.tags == ["dev"]
    sink.close()


def test_a_server_that_goes_and_comes_back(online, wandb_emulator):
    """An outage in the middle is told at once as transient; when the server is back, all is there once."""
    records = online.records(*(Metrics({"x": float(i)}, i) for i in range(40)))
    sink = online.sink()
    sink.send(records[:20])
    settled(sink, records[:19])
    with wandb_emulator.outage():
        sink.send(records[20:])
        with pytest.raises(TransientError, match="cannot be reached"):
            settled(sink, records)
        with pytest.raises(TransientError, match="cannot be reached"):
            online.sink(online.run(f"other-{online.id}"))
        with pytest.raises(TransientError):
            sink.close()
    patiently(sink.close)
    assert sink.confirmed() == {"w1": 40}
    assert values(online) == [float(i) for i in range(40)]
    assert [row["x"] for row in online.raw.history] == [float(i) for i in range(40)]


def test_a_sink_that_is_given_up_while_the_server_is_away(online, wandb_emulator):
    """The SDK's queue of a sink that was dropped is taken over by the next one: no row comes twice, or over another."""
    records = online.records(*(Metrics({"x": float(i)}, i) for i in range(30)))
    dead = online.sink()
    with wandb_emulator.outage():
        dead.send(records[:20])
    heir = patiently(lambda: online.sink(position=dead._position))
    heir.send(records)
    patiently(heir.close)
    assert [row["x"] for row in online.raw.history] == [float(i) for i in range(30)]


@pytest.mark.parametrize(
    "fault",
    [Status(503), Status(429, headers={"Retry-After": "1"}), DropReply(), Disconnect(), Partial(keep=3)],
    ids=lambda fault: type(fault).__name__ + str(getattr(fault, "code", "")),
)
def test_rows_survive_a_stream_that_is_ill(online, wandb_emulator, fault):
    """A stream that answers with errors, in part, or not at all gets every row, once."""
    sink = online.sink()
    ill = wandb_emulator.faults.add("file_stream", fault, times=2)
    records = online.records(*(Metrics({"x": float(i)}, i) for i in range(10)))
    sink.send(records)
    settled(sink, records)
    assert ill.hits == 2
    sink.close()
    assert [row["x"] for row in online.raw.history] == [float(i) for i in range(10)]
    assert values(online) == [float(i) for i in range(10)]


@pytest.mark.parametrize("fault", [Status(503), DropReply(), Disconnect()], ids=lambda fault: type(fault).__name__)
@pytest.mark.parametrize("sent", [2, 4], ids=["goes on", "over"])
def test_a_close_that_fails_behind_the_sdks_own_end(online, wandb_emulator, fault, sent):
    """Once the SDK is done with a run it takes nothing more: closing again finishes, and what is new opens it again."""
    records = online.records(
        Metrics({"x": 1.0}, 0), Summary({"best": 1.0}), Metrics({"x": 2.0}, 1), RunEnd("failed", 3)
    )
    sink = online.sink()
    sink.send(records[:sent])
    behind_the_end = wandb_emulator.faults.add("TracklibHeld", fault, skip=1)
    with pytest.raises(TransientError):
        sink.close()
    assert behind_the_end.hits == 1
    heir = online.sink(position=sink._position)
    if sent < len(records):
        with pytest.raises(UnknownOutcomeError, match="opened again"):
            heir.send(records)
        heir = online.sink(position=sink._position)
    heir.send(records)
    heir.close()
    assert heir.confirmed() == {"w1": 4}
    assert values(online) == [1.0, 2.0]
    assert [row["x"] for row in online.raw.history] == [1.0, 2.0]
    assert online.found().status == "failed"


@pytest.mark.parametrize("operation", ["PUT storage", "CreateRunFiles", "TracklibHeld"])
def test_files_survive_a_store_that_is_ill(online, wandb_emulator, operation):
    """A store that fails is tried again with the whole batch; what was taken of it before is not taken twice."""
    bodies = [Metrics({"x": 1.0}, 0), Media("m", 0, "text", online.file("t.txt", b"words")), Metrics({"x": 2.0}, 1)]
    records = online.records(*bodies, RunEnd("finished", 0))
    sink = online.sink()
    wandb_emulator.faults.add(operation, Status(503), times=2)
    wandb_emulator.faults.add(operation, DropReply(), times=1)

    def send():
        try:
            return sink.send(records)
        except UnknownOutcomeError as error:
            raise TransientError(str(error)) from error

    patiently(send)
    patiently(sink.close)
    assert values(online) == [1.0, 2.0]
    assert online.read()[Media] == [bodies[1]]
    assert [row["x"] for row in online.raw.history] == [1.0, 2.0]


def test_a_wait_that_the_server_asks_for_is_passed_on(online, wandb_emulator):
    """429 with ``Retry-After`` is a transient fault that says how long to wait."""
    wandb_emulator.faults.add("TracklibHeld", Status(429, headers={"Retry-After": "7"}))
    with pytest.raises(TransientError) as caught:
        online.sink()
    assert caught.value.retry_after == 7


def test_a_key_that_is_refused_in_the_middle(online, wandb_emulator):
    """A key that is revoked is no transient fault; with the new one, all is there once."""
    records = online.records(*(Metrics({"x": float(i)}, i) for i in range(20)))
    sink = online.sink()
    sink.send(records[:10])
    settled(sink, records[:9])
    wandb_emulator.api_key = "f" * 40
    sink.send(records[10:])
    with pytest.raises(AuthError, match="check WANDB_API_KEY"):
        settled(sink, records)
    with pytest.raises(AuthError):
        online.sink(online.run(f"other-{online.id}"))


def test_a_lost_file_costs_its_record_alone(bench):
    """A record whose file is lost is refused by name; those around it are held."""
    gone = bench.file("gone.bin", b"gone")
    (bench.contents.folder / gone.sha256).unlink()
    bodies = [Metrics({"x": 1.0}, 0), Artifact("a", "file", (gone,)), Metrics({"x": 2.0}, 1)]
    _, outcomes = bench.write(*bodies)
    assert [outcome.kind for outcome in outcomes] == ["accepted", "refused", "accepted"]
    assert "gone.bin" in outcomes[1].reason
    assert values(bench) == [1.0, 2.0]


KILLED = """
import os, sys
sys.path[:] = {path!r}
from pathlib import Path
from tracklib.backends.contract import SinkContext
from tracklib.model.records import Metrics, Record
from tracklib.model.run import RunInfo
from tracklib_wandb.settings import WandbSettings
from tracklib_wandb.sink import WandbSink
sink = WandbSink(WandbSettings(base_url={url!r}, api_key={key!r}, entity="team"), SinkContext(None, Path({scratch!r})))
sink.open(RunInfo({project!r}, {id!r}, "n"))
sink.send([Record("w1", i + 1, {now} + i, Metrics({{"x": float(i)}}, i)) for i in range({count})])
if {wait}:
    import time
    time.sleep({wait})
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("wait", [0, 0.7, 1.5])
def test_what_the_queue_of_a_killed_process_held_is_sent_again(online, wandb_emulator, wait):
    """Killed between sent and confirmed: whatever had arrived is known, the rest is sent, nothing stands twice."""
    script = KILLED.format(
        path=sys.path,
        url=wandb_emulator.url,
        key=wandb_emulator.api_key,
        scratch=str(online.folder),
        project=online.project,
        id=online.id,
        now=online.now,
        count=300,
        wait=wait,
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=240)
    assert (done.returncode, done.stdout, done.stderr) == (-9, "", "")
    online.now -= 1
    records = online.records(*(Metrics({"x": float(i)}, i) for i in range(400)), step_ns=1)
    online.info = online.run(name="n")
    sink = online.sink()
    sink.send(records)
    sink.close()
    assert [row["x"] for row in online.raw.history] == [float(i) for i in range(400)]
    assert values(online) == [float(i) for i in range(400)]


LEAVING = KILLED.replace("os.kill(os.getpid(), 9)", "print('left')").replace(
    "if {wait}:", "print('sent', flush=True)\nif {wait}:"
)


def test_leaving_while_the_server_is_away_does_not_hang(online, wandb_emulator):
    """A process that ends while the server is away ends soon, and prints nothing of W&B's."""
    script = LEAVING.format(
        path=sys.path,
        url=wandb_emulator.url,
        key=wandb_emulator.api_key,
        scratch=str(online.folder),
        project=online.project,
        id=online.id,
        now=online.now,
        count=10,
        wait=3,
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "sent\n"
    with wandb_emulator.outage():
        said, noise = process.communicate(timeout=240)
    assert (process.returncode, said, noise) == (0, "left\n", "")


def test_each_wrong_setting_has_its_own_line(online, wandb_emulator, monkeypatch):
    """Wrong key, no right, wrong address, a proxy in between, an SDK too old: told apart, in one line, with the remedy."""
    own = online.settings
    assert "user" in check(own.resolved())
    faults = wandb_emulator.faults
    cases = [
        ({"api_key": "w" * 40}, None, AuthError, "does not know this key; check WANDB_API_KEY"),
        ({}, Status(403), AuthError, "no right to do that; check the entity"),
        ({}, Status(404), ConfigError, "check WANDB_BASE_URL"),
        ({}, Status(407), ConfigError, "check HTTPS_PROXY"),
        ({}, Status(200, body=b"<html>"), ConfigError, "not as a W&B server does"),
        ({}, Status(502), TransientError, "answered 502"),
        ({}, Disconnect(), TransientError, "cannot be reached"),
        (
            {"base_url": "http://127.0.0.1:9"},
            None,
            TransientError,
            "cannot be reached.*check the network, and WANDB_BASE",
        ),
    ]
    for changes, fault, kind, said in cases:
        if fault is not None:
            faults.add("TracklibViewer", fault)
        with pytest.raises(kind, match=said) as caught:
            check(WandbSettings(**{**own.given(), **changes}).resolved())
        message = str(caught.value)
        assert "\n" not in message
        assert wandb_emulator.api_key not in message
        assert "w" * 40 not in message
        faults.clear()
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    with pytest.raises(TransientError, match=r"the proxy did not let the request through.*HTTPS_PROXY"):
        check(WandbSettings(**{**own.given(), "base_url": "http://wandb.invalid"}).resolved())
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0.15.12")
    with pytest.raises(ConfigError, match=r"too old: expected wandb .* got 0\.15\.12: pip install -U wandb"):
        check(own.resolved())


def test_two_projects_runs_of_one_id_wait_for_each_other(online):
    """W&B's program tells runs apart by id alone: the second of one id says so, and is written when the first is over."""
    first = online.sink()
    own, online.project = online.project, f"{online.project}-other"
    with pytest.raises(TransientError, match="another run of this id"):
        online.sink(online.run())
    online.project = own
    first.send(online.records(Metrics({"x": 1.0}, 0)))
    first.close()
    online.project = f"{own}-other"
    online.write(Metrics({"x": 2.0}, 0), info=online.run())
    assert {run.project: run.history[0]["x"] for run in online.server.runs.values()} == {own: 1.0, online.project: 2.0}


def test_imports_are_none_of_the_sdks_affair(online):
    """What is imported after W&B's program has died is imported: the SDK has nothing to send at that moment."""
    from tracklib_wandb.surroundings import sdk

    sink = online.sink()
    sink.send(online.records(Metrics({"a": 1.0}, 0)))
    process = sdk("wandb.sdk.wandb_setup").singleton()._connection._proc._process
    process.kill()
    process.wait()
    watched = set(sdk("wandb.sdk.lib.telemetry").list_telemetry_imports()) - set(sys.modules)
    assert "xgboost" in watched
    for _ in range(2):  # the first to write to a closed socket may not notice
        for name in watched:
            sdk("wandb.sdk.lib.import_hooks").notify_module_loaded(types.ModuleType(name))
    with pytest.raises(UnknownOutcomeError, match="opened again"):
        sink.close()


def test_a_program_of_wandbs_that_is_killed_is_noticed(online):
    """Killed from outside in the middle of a run, it is given up, and the next sink begins anew."""
    records = online.records(*(Metrics({"x": float(i)}, i) for i in range(40)))
    sink = online.sink()
    sink.send(records[:20])
    from tracklib_wandb.surroundings import sdk

    process = sdk("wandb.sdk.wandb_setup").singleton()._connection._proc._process
    process.kill()
    process.wait()
    for call in (lambda: sink.send(records[20:]), sink.confirmed, sink.close):
        with pytest.raises(UnknownOutcomeError, match="opened again"):
            call()

    def send():
        try:
            heir = online.sink(position=sink._position)
            heir.send(records)
            heir.close()
        except UnknownOutcomeError as error:
            raise TransientError(str(error)) from error

    patiently(send)
    assert [row["x"] for row in online.raw.history] == [float(i) for i in range(40)]
