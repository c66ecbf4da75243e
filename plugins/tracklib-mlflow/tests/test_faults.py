"""Faults: servers that are down, refuse, stumble or hang, and records that MLflow refuses."""

import http.server
import math
import os
import sqlite3
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from tracklib_mlflow import client as client_module
from tracklib_mlflow.client import Client
from tracklib_mlflow.settings import MLflowSettings
from tracklib_mlflow.sink import MLflowSink

from tracklib.backends.contract import SinkContext
from tracklib.errors import AuthError, ConfigError, RejectedError, TransientError
from tracklib.model.query import RunQuery
from tracklib.model.records import Artifact, Metrics, Params, Tags
from tracklib.model.run import RunInfo


@pytest.fixture
def stub():
    """A server that answers everything in one way, and remembers what it was asked."""
    answer = SimpleNamespace(status=200, headers={}, body=b"{}", seen=[], released=threading.Event())
    answer.released.set()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            answer.seen.append((self.path, dict(self.headers)))
            answer.released.wait()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_POST = do_GET  # noqa: N815  the name is the protocol's

        def log_message(self, *args):
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    answer.uri = f"http://127.0.0.1:{server.server_port}"
    yield answer
    answer.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


def ask(uri, **settings):
    client = Client(MLflowSettings(tracking_uri=uri, **settings).resolved())
    return client.experiment("any")


ERRORS = [
    (401, "", AuthError), (403, '{"error_code": "PERMISSION_DENIED", "message": "no"}', AuthError),
    (429, "", TransientError), (500, "", TransientError), (502, "<html>", TransientError), (503, "", TransientError),
    (504, "", TransientError), (408, "", TransientError),
    (400, '{"error_code": "INVALID_PARAMETER_VALUE", "message": "bad"}', RejectedError), (413, "too large", RejectedError),
    (404, "<html>nothing here</html>", RejectedError), (501, "", TransientError),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body", "expected"), ERRORS)
def test_a_status_is_translated(stub, status, body, expected):
    """Each status of a server is the error whose remedy it needs, raised from MLflow's own."""
    stub.status, stub.body = status, body.encode()
    with pytest.raises(expected) as caught:
        ask(stub.uri)
    assert caught.value.__cause__ is not None
    assert "MLflow, looking up the experiment 'any'" in str(caught.value)


@pytest.mark.parametrize("status", [429, 503])
def test_the_server_says_how_long_to_wait(stub, status):
    """Retry-After reaches the relay, and the client itself neither waits nor asks again."""
    stub.status, stub.headers = status, {"Retry-After": "17"}
    began = time.monotonic()
    with pytest.raises(TransientError) as caught:
        ask(stub.uri)
    assert caught.value.retry_after == 17
    assert time.monotonic() - began < 17
    assert len(stub.seen) == 1


def test_a_server_that_hangs_is_left(stub):
    """A request takes at most the setting's timeout."""
    stub.released.clear()
    with pytest.raises(TransientError):  # nobody answers
        ask(stub.uri, timeout=1)
    assert len(stub.seen) == 1


def test_a_server_that_is_not_there():
    """A refused connection is transient."""
    with pytest.raises(TransientError):
        ask("http://127.0.0.1:9")


def test_credentials_are_sent_and_never_told(stub):
    """User, password and token reach the server, and no message or destination."""
    stub.status, stub.body = 401, b"user joe:hunter2-secret is unknown, hunter2%2Fsecret too"
    with pytest.raises(AuthError) as caught:
        ask(stub.uri.replace("//", "//joe:hunter2-secret@"))
    assert "hunter2-secret" not in str(caught.value)
    assert "***" in str(caught.value)
    assert stub.seen[0][1]["Authorization"].startswith("Basic ")
    with pytest.raises(AuthError):
        ask(stub.uri, token="t0ken")
    assert stub.seen[-1][1]["Authorization"] == "Bearer t0ken"
    assert "MLFLOW_TRACKING_PASSWORD" not in os.environ


def test_a_body_that_is_no_json_is_an_error(stub):
    """A portal's login page with status 200 is not taken for an answer."""
    stub.body = b"<html>please log in</html>"
    with pytest.raises((TransientError, RejectedError)):
        ask(stub.uri)


def test_wrong_passwords_of_a_database(postgres):
    """A database that refuses the password is an error of credentials; one that is down is transient."""
    port, password, _ = postgres
    base = f"127.0.0.1:{port}/mlflow"
    with pytest.raises(AuthError) as caught:
        ask(f"postgresql+psycopg2://tracker:wr0ng-secret@{base}")
    assert "wr0ng-secret" not in str(caught.value)
    with pytest.raises(AuthError):
        ask(f"postgresql+psycopg2://nobody:wr0ng-secret@{base}")
    with pytest.raises(TransientError) as caught:
        ask("postgresql+psycopg2://tracker:s3cret-word@127.0.0.1:9/mlflow")
    assert "s3cret-word" not in str(caught.value)
    assert ask(f"postgresql+psycopg2://tracker@{base}", password=password) is None


def test_what_this_installation_lacks(tmp_path, monkeypatch):
    """A missing driver, an unknown scheme and the file store that MLflow 3 refuses are errors of configuration."""
    for uri in ("mysql+nodriver://u@h/d", "gopher://x"):
        with pytest.raises(ConfigError):
            ask(uri)
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE", raising=False)
    with pytest.raises(ConfigError, match="MLFLOW_ALLOW_FILE_STORE"):
        ask(str(tmp_path / "mlruns"))


def test_a_locked_database_is_transient(sqlite_bench, monkeypatch):
    """SQLite that another process holds locked is asked again later."""
    import mlflow.store.db.utils as db_utils
    import sqlalchemy

    sink = sqlite_bench.sink()
    (record,) = sqlite_bench.records(Metrics({"x": 1.0}, 0))
    path = sqlite_bench.store.uri.removeprefix("sqlite:///")
    # MLflow waits twenty seconds for a lock, by a statement of its own; the test has no such patience.
    text = sqlalchemy.text
    quick = {"PRAGMA busy_timeout = 20000;": "PRAGMA busy_timeout = 50;"}
    monkeypatch.setattr(db_utils.sql, "text", lambda statement: text(quick.get(statement, statement)))
    lock = sqlite3.connect(path)
    lock.execute("BEGIN EXCLUSIVE")
    with pytest.raises(TransientError):
        sink.send([record])
    lock.rollback()
    lock.close()
    assert [outcome.kind for outcome in sink.send([record])] == ["accepted"]


def test_an_outage_loses_and_doubles_nothing(start_server, server_store, make_bench, tmp_path):
    """A server that goes away in the middle and comes back has everything, once, after the batch is sent again."""
    server = server_store.server
    bench = make_bench(server_store, tmp_path)
    sink = bench.sink()
    first = bench.records(*(Metrics({"x": float(i)}, i) for i in range(5)))
    sink.send(first)
    server.stop()
    second = bench.records(
        Metrics({"x": 5.0}, 5), Artifact("a", "t", (bench.file("f", b"1"),)), Metrics({"x": 6.0}, 6.5)
    )
    for _ in range(2):
        with pytest.raises(TransientError):
            sink.send([*first[3:], *second])
    assert sink.confirmed() == {"w1": 5}
    server_store.server = start_server(folder=server.folder, port=server.port)
    assert [outcome.kind for outcome in sink.send([*first[3:], *second])] == ["accepted"] * 5
    sink.close()
    assert [value for value, _, _ in bench.points()["x"]] == [float(i) for i in range(7)]
    assert [artifact.name for artifact in bench.read()[Artifact]] == ["a"]
    assert sink.confirmed() == {"w1": 8}


def test_a_file_that_is_not_there_yet_holds_up_only_what_is_behind(sqlite_bench):
    """A transient fault in the middle: what was before it is taken, it and what is behind it comes again."""
    bench = sqlite_bench
    waiting = bench.file("late", b"late")
    records = bench.records(Params({"a": 1}), Metrics({"x": 1.0}, 0), Artifact("m", "t", (waiting,)), Tags({"t": "1"}))
    is_there = []

    def open_file(file):
        if not is_there:
            raise TransientError("the copy is under way", retry_after=3)
        return bench.contents.open(file)

    sink = MLflowSink(bench.settings, SinkContext(open_file, bench.folder / "s"))
    sink.open(bench.info)
    outcomes = sink.send(records)
    assert [(o.kind, o.wait) for o in outcomes] == [("accepted", None), ("accepted", None), ("retry", 3), ("retry", 3)]
    assert sink.confirmed() == {"w1": 2}
    is_there.append(True)
    assert [outcome.kind for outcome in sink.send(records[2:])] == ["accepted"] * 2
    sink.close()
    assert sink.confirmed() == {"w1": 4}


def test_one_bad_record_blocks_no_other(bench, monkeypatch):
    """Of a batch that MLflow refuses, the records that it refuses are found, and only these are refused."""
    original = client_module.Client.log_points

    def strange(self, run_id, points):
        bad = [p for p in points if p.value == 13.0]
        broken = [type(p)("/not a name", p.value, p.step, p.time) for p in bad]
        original(self, run_id, [*(p for p in points if p not in bad), *broken])

    monkeypatch.setattr(client_module.Client, "log_points", strange)
    _, outcomes = bench.write(*(Metrics({"x": float(i)}, i) for i in range(20)), Params({"p": 1}))
    kinds = [outcome.kind for outcome in outcomes]
    assert kinds == ["accepted"] * 13 + ["refused"] + ["accepted"] * 7
    assert "Invalid value" in outcomes[13].reason
    assert [step for _, step, _ in bench.points()["x"]] == [i for i in range(20) if i != 13]


RACE = """
import os, sys, time, traceback
from pathlib import Path
import mlflow.store.tracking.sqlalchemy_store
from tracklib.backends.contract import SinkContext
from tracklib.model.run import RunInfo
from tracklib_mlflow.settings import MLflowSettings
from tracklib_mlflow.sink import MLflowSink

uri, root, project, out, count = sys.argv[1:]
settings = MLflowSettings(tracking_uri=uri, artifact_root=root)
go = time.time() + 1
for number in range(int(count)):
    if os.fork() == 0:
        sink = MLflowSink(settings, SinkContext(lambda file: Path("none"), Path("none")))
        time.sleep(max(0, go - time.time()))
        try:
            result = sink.open(RunInfo(project, f"r{number}", "n", started=1)).id
        except BaseException:
            result = traceback.format_exc()
        Path(out, str(number)).write_text(result)
        os._exit(0)
for _ in range(int(count)):
    os.wait()
"""


def test_many_processes_may_make_one_experiment(sqlite_store, tmp_path):
    """Sixteen processes that open runs of a new project at once all succeed, in one experiment."""
    project = f"race-{time.time_ns()}"
    command = [sys.executable, "-c", RACE, sqlite_store.uri, str(sqlite_store.root), project, str(tmp_path), "16"]
    subprocess.run(command, check=True, timeout=180)
    results = [path.read_text() for path in tmp_path.iterdir()]
    assert [result for result in results if len(result) != 32] == []
    assert len(set(results)) == 16
    rows = sqlite_store.sql("SELECT experiment_id FROM experiments WHERE name = ?", project)
    assert len(rows) == 1
    (count,) = sqlite_store.sql("SELECT count(*) FROM runs WHERE experiment_id = ?", rows[0][0])
    assert count[0] == 16


def test_two_relays_of_one_run_make_one_run(sqlite_bench, monkeypatch):
    """Where another process makes the run between our looking and our making it, the older one stays."""
    from tracklib_mlflow import runs

    original, raced = runs._create_run, []

    def late(client, experiment_id, info):
        if not raced:
            raced.append(original(client, experiment_id, info).info.run_id)
        return original(client, experiment_id, info)

    monkeypatch.setattr(runs, "_create_run", late)
    assert sqlite_bench.opened().id == raced[0] == sqlite_bench.raw.info.run_id


def test_nothing_is_printed(sqlite_store, tmp_path):
    """A process that opens a run writes no byte of its own to the training's output."""
    code = (
        "import sys; from pathlib import Path; from tracklib.backends.contract import SinkContext;"
        "from tracklib.model.run import RunInfo; from tracklib_mlflow.settings import MLflowSettings;"
        "from tracklib_mlflow.sink import MLflowSink;"
        "s = MLflowSink(MLflowSettings(tracking_uri=sys.argv[1], artifact_root=sys.argv[2]),"
        " SinkContext(lambda file: Path('x'), Path('x'))); s.open(RunInfo('quiet', 'r', 'n', started=1)); s.close()"
    )
    fresh = f"sqlite:///{tmp_path}/new.db"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    done = subprocess.run(
        [sys.executable, "-c", code, fresh, str(tmp_path)], capture_output=True, env=environ, check=True
    )
    assert (done.stdout, done.stderr) == (b"", b"")
    assert RunInfo("p", "i", "n").status == "running"


def test_points_that_mlflow_has_already_are_found_by_halves(sqlite_bench, monkeypatch):
    """Before 3.17, a NaN sent again fails its whole request; all others of the request are written nevertheless."""
    from mlflow.exceptions import BAD_REQUEST, MlflowException

    sink = sqlite_bench.sink()
    raw = sink._desk.client.raw
    original = type(raw).log_batch

    def tripping(self, run_id, metrics=(), **more):
        if any(math.isnan(metric.value) for metric in metrics):
            raise MlflowException("(sqlite3.IntegrityError) UNIQUE constraint failed: metrics.key", BAD_REQUEST)
        return original(self, run_id, metrics=metrics, **more)

    monkeypatch.setattr(type(raw), "log_batch", tripping)
    values = [1.0, math.nan, 3.0, 4.0, math.nan, 6.0]
    outcomes = sink.send(sqlite_bench.records(*(Metrics({"x": value}, i) for i, value in enumerate(values))))
    assert {outcome.kind for outcome in outcomes} == {"accepted"}
    assert [value for value, _, _ in sqlite_bench.points()["x"]] == [1.0, 3.0, 4.0, 6.0]


def test_a_server_that_fails_for_a_missing_file(sqlite_bench, monkeypatch):
    """MLflow 2 answers 500 for a file that is not there; the listing tells a lost file from a server in trouble."""
    from tracklib_mlflow.border import MissingError
    from tracklib_mlflow.files import Files

    sqlite_bench.write(Artifact("a", "t", (sqlite_bench.file("f", b"1"),)))
    client = Client(sqlite_bench.settings.resolved())
    files = Files(client, sqlite_bench.raw.info.artifact_uri, sqlite_bench.folder)

    def fails(self, place, target):
        raise TransientError("500")

    monkeypatch.setattr(Files, "_local", lambda self, place: None)
    monkeypatch.setattr(Files, "_downloaded", fails)
    with pytest.raises(MissingError), files.fetched("a/lost"):
        pass
    with pytest.raises(TransientError, match="500"), files.fetched("a/f"):
        pass


def test_a_run_that_mlflow_made_too_late_is_out_of_the_way(sqlite_bench):
    """A twin that stands there when nobody waits for it any more is not listed; whoever made the run removes it."""
    from tracklib_mlflow.runs import identity

    bench = sqlite_bench
    sink = bench.sink()
    made = bench.vendor.id
    sink.send(bench.records(Metrics({"x": 1.0}, 0)))
    late = bench.client.create_run(bench.raw.info.experiment_id, tags=identity(bench.info)[0])
    assert bench.found().place == made
    assert [run.place for run in bench.source().runs(RunQuery(project=bench.project))] == [made]
    assert bench.opened().id == made
    sink.close()
    assert bench.client.get_run(late.info.run_id).info.lifecycle_stage == "deleted"
    assert bench.raw.info.run_id == made
