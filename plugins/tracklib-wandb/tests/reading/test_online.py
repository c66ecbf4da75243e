"""Runs at a W&B server, which W&B's own SDK wrote, read through its public API against the emulator."""

import http.server
import json
import shutil
import subprocess
import sys
import threading
import time
from decimal import Decimal

import pytest
from tracklib_wandb.capabilities import CAPABILITIES
from tracklib_wandb.downloads import Downloads
from tracklib_wandb.server import Server
from tracklib_wandb.settings import WandbSettings
from tracklib_wandb.source import WandbSource

from tracklib.errors import AuthError, ConfigError, RejectedError
from tracklib.model.media import read_histogram, read_table
from tracklib.model.query import RunQuery
from tracklib.model.records import (
    Artifact,
    Console,
    Input,
    Media,
    Metrics,
    Notes,
    Notice,
    Params,
    RunEnd,
    Summary,
    System,
    Tags,
)
from tracklib.portability.compare import compare
from tracklib.portability.ledger import Ledger
from tracklib.portability.migrate import Migration
from tracklib.portability.places import open_place
from tracklib.portability.snapshot import snapshot
from tracklib.testing.emulators import Status
from tracklib.testing.emulators.wandb import Run
from tracklib.testing.emulators.wandb.state import iso

from .conftest import RICH, by_kind, environment, train

pytestmark = pytest.mark.server

NOW = 1_790_000_000.25


def source_of(server, project="theirs"):
    return WandbSource(WandbSettings(entity="team", project=project, base_url=server.url, api_key=server.api_key))


def put(server, name, rows=(), project="theirs", **more):
    """Put a run into the emulator as a client would have written it."""
    server.world.state.project("team", project)
    lines = {"wandb-history.jsonl": [json.dumps(row) for row in rows]}
    facts = {"state": "finished", "display_name": name, "heartbeat_at": NOW + 60, "lines": lines, **more}
    run = Run("team", project, name, NOW, **facts)
    server.runs[run.path] = run
    return run


def asked(server, operation):
    return [call for call in server.calls if call.operation == operation]


@pytest.fixture(params=[False, True], ids=["live", "parquet"])
def rich(request, serve, tmp_path):
    """A server with a run that has of everything, in both shapes of history."""
    server = serve(parquet=request.param)
    train(RICH, tmp_path / "training", **server.environment(), WANDB_MODE="online")
    return server


def test_everything_is_read(rich):
    """What the service holds of a run, in either shape: labels, params, points, media, artifacts, output, load."""
    source = source_of(rich)
    (info,) = source.runs(RunQuery())
    assert (info.project, info.id, info.name, info.status) == ("theirs", "rich", "rich run", "failed")
    assert info.place == "team/theirs/rich" and info.url == f"{rich.url}/team/theirs/runs/rich"
    bodies = by_kind(source.read(info))
    assert bodies[Params][0].values["n"] == {"x": 1, "deep": {"y": [1, 2, {"z": None}]}}
    assert bodies[Tags] == [Tags({"a": "", "b": "", "c": ""})] and bodies[Notes] == [Notes("two\nlines")]
    held = [row for row in rich.run("theirs", "rich").history if "loss" in row]
    assert [(row.step, row.values["loss"]) for row in bodies[Metrics]] == [(r["_step"], r["loss"]) for r in held]
    assert [row.timestamp for row in bodies[Metrics]] == [int(Decimal(repr(r["_timestamp"])) * 10**9) for r in held]
    first = bodies[Metrics][0].values
    assert first.keys() == {
        *("loss", "epoch", "val/l", "nan", "low", "zero", "large", "nested.a.b", "nested.c", "flag")
    }
    assert (first["nan"] != first["nan"], first["low"], first["large"]) == (True, float("-inf"), 2**60)
    assert bodies[RunEnd] == [RunEnd("failed")]  # W&B tells no exit code
    assert bodies[Summary] == [Summary({"val/l": {"min": 0}, "final": 0.25, "nested": {"q": 1}})]
    assert [(b.stream, b.text) for b in bodies[Console]][:2] == [
        ("stdout", "printed\n"),
        ("stdout", "part of a line\n"),
    ]
    assert bodies[System][0].values["process.memory.rss"] > 1 << 20

    def content(file):
        with source.open_file(info, file) as opened:
            return opened.read()

    media = {(body.key, body.index): body for body in bodies[Media]}
    files = rich.files(rich.run("theirs", "rich"))
    assert content(media["img", None].file) in files.values()
    assert [box["label"] for box in media["img", None].metadata["boxes"]["pred"]] == ["dog", "said"]
    assert len(media["img", None].attachments) == 1
    assert read_histogram(content(media["hist", None].file)).counts == (1, 0, 2)
    table = media["tab", None]
    assert [row[:2] for row in read_table(content(table.file)).rows] == [(1, "a"), (2, None)]
    assert all(content(file).startswith(b"\x89PNG") for file in table.attachments)
    assert read_table(content(media["words", None].file)).rows[1][2] == "text1"
    artifacts = {body.name: body for body in bodies[Artifact]}
    assert set(artifacts) == {"ds", "single", "files"}
    assert {file.path: content(file) for file in artifacts["ds"].files} == {"e.txt": b"", "sub/x y.bin": b"\0\1"}
    assert (artifacts["ds"].metadata, set(artifacts["ds"].aliases)) == ({"k": [1, 2]}, {"best", "latest"})
    assert [ref.url for ref in artifacts["ds"].references] == ["s3://bucket/key"]
    assert {file.path: content(file) for file in artifacts["files"].files} == {"saved.txt": b"kept"}


def test_artifacts_that_were_used(serve, tmp_path):
    """An artifact that a run used is an input, with its version and the run that made it."""
    server = serve()
    train(
        """
        import wandb
        with wandb.init(project="theirs", id="maker") as run:
            made = wandb.Artifact("ds", "dataset")
            with made.new_file("x") as file:
                file.write("1")
            run.log_artifact(made).wait()
        with wandb.init(project="theirs", id="user") as run:
            run.use_artifact("ds:latest")
        wandb.teardown()
        """,
        tmp_path / "training",
        **{**server.environment(), "WANDB_MODE": "online"},
    )
    source = source_of(server)
    (info,) = source.runs(RunQuery(project="theirs", id="user"))
    assert by_kind(source.read(info))[Input] == [Input("ds", "dataset", "v0", "maker")]


def test_several_thousand_runs_are_listed_by_pages(serve):
    """2,500 runs: each is listed once, oldest first, at a hundred a request."""
    server = serve()
    for number in range(2500):
        put(server, f"run{number}", config={"n": {"value": number}})
    infos = list(source_of(server).runs(RunQuery()))
    assert [info.id for info in infos] == [f"run{number}" for number in range(2500)]
    assert len(asked(server, "Runs")) == 25


def test_all_projects_of_a_team(serve):
    """Without a project in the place, the runs of all of the team's are listed; with one in the query, of that alone."""
    server = serve()
    for project in ("one", "two", "three"):
        put(server, "same", project=project)
    source = source_of(server, project=None)
    assert [(info.project, info.id) for info in source.runs(RunQuery())] == [
        *[("one", "same"), ("two", "same"), ("three", "same")]
    ]
    assert [info.place for info in source.runs(RunQuery(project="two"))] == ["team/two/same"]


def test_what_the_server_can_choose_is_its_to_choose(serve):
    """Ids, states and times go into the question, so that not all runs are sent to find one."""
    server = serve()
    for number in range(300):
        put(server, f"run{number}", state="failed" if number == 7 else "finished")
    put(server, "late").created_at = NOW + 90_000
    source = source_of(server)
    assert [info.id for info in source.runs(RunQuery(project="theirs", id="run9"))] == ["run9"]
    assert [info.id for info in source.runs(RunQuery(status="failed"))] == ["run7"]
    since = RunQuery(since=round((NOW + 80_000) * 1e9))
    assert [info.id for info in source.runs(since)] == ["late"]
    assert [info.id for info in source.runs(RunQuery(place="team/theirs/run3"))] == ["run3"]
    assert len(asked(server, "Runs")) == 3


def test_rows_are_never_sampled(serve):
    """12,345 rows are read, each once, in the order of their steps, whatever a page holds."""
    server = serve()
    put(server, "long", [{"_step": i, "_timestamp": NOW + i, "v": i / 7} for i in range(12_345)])
    source = source_of(server)
    (info,) = source.runs(RunQuery())
    rows = by_kind(source.read(info))[Metrics]
    assert [(row.step, row.values["v"]) for row in rows] == [(i, i / 7) for i in range(12_345)]
    assert [row.timestamp for row in rows][:2] == [1_790_000_000_250_000_000, 1_790_000_001_250_000_000]


def test_steps_that_are_far_apart_are_found_in_few_requests(serve):
    """Three rows over a million steps do not cost a thousand pages."""
    server = serve()
    put(server, "sparse", [{"_step": step, "_timestamp": NOW, "v": step} for step in (0, 5000, 1_000_000)])
    source = source_of(server)
    (info,) = source.runs(RunQuery())
    assert [row.step for row in by_kind(source.read(info))[Metrics]] == [0, 5000, 1_000_000]
    assert len(asked(server, "HistoryPage")) < 20


def test_limits_of_rate_are_obeyed(serve):
    """A server that has had too many requests is asked again when it says, until all is read."""
    server = serve()
    for number in range(250):
        put(server, f"run{number}")
    put(server, "long", [{"_step": i, "_timestamp": NOW, "v": i} for i in range(3000)])
    limit = server.faults.add("Runs", Status(429, headers={"Retry-After": "0.2"}), times=2, skip=1)
    ill = server.faults.add("HistoryPage", Status(429, headers={"Retry-After": "1"}), times=2)
    source = source_of(server)
    infos = list(source.runs(RunQuery()))
    assert len(infos) == 251 and limit.hits == 2
    begun = time.monotonic()
    assert len(by_kind(source.read(infos[-1]))[Metrics]) == 3000
    assert ill.hits == 2 and time.monotonic() - begun > 1


def test_files_that_come_late_or_broken_are_asked_for_again(serve):
    """429 and 503 of the store, and a reply that breaks off, cost a request and no file."""
    server = serve()
    run = put(server, "files")
    server.world.blobs.put(server.world.file_key(run, "a/b.txt"), b"content")
    server.faults.add("GET storage", Status(429, headers={"Retry-After": "0.1"}), times=1)
    server.faults.add("GET storage", Status(503), times=1)
    source = source_of(server)
    (info,) = source.runs(RunQuery())
    (artifact,) = by_kind(source.read(info))[Artifact]
    with source.open_file(info, artifact.files[0]) as file:
        assert (artifact.files[0].path, file.read()) == ("a/b.txt", b"content")


def test_names_that_lead_elsewhere_are_left_out(serve):
    """A file whose name climbs out of its artifact is refused, and counted; the others are read."""
    server = serve()
    run = put(server, "bad")
    for name in ("../up.txt", "/root.txt", "good.txt", "a//b.txt"):
        server.world.blobs.put(server.world.file_key(run, name), b"x")
    source = source_of(server)
    (info,) = source.runs(RunQuery())
    bodies = list(source.read(info))
    (artifact,) = [record.body for record in bodies if isinstance(record.body, Artifact)]
    assert [file.path for file in artifact.files] == ["good.txt"]
    assert [r.body.count for r in bodies if getattr(r.body, "code", "") == "refused"] == [3]


def test_what_is_wrong_is_told(serve):
    """A key that is refused, a project that is not there, a run that was deleted meanwhile."""
    server = serve()
    put(server, "gone", [{"_step": 0, "_timestamp": NOW, "v": 1}])
    source = source_of(server)
    (info,) = source.runs(RunQuery())
    del server.runs["team/theirs/gone"]
    with pytest.raises(RejectedError, match="holds no run team/theirs/gone"):
        list(source.read(info))
    with pytest.raises(RejectedError, match="has no team/nothing"):
        list(source_of(server, project="nothing").runs(RunQuery()))
    server.api_key = "9" * 40
    with pytest.raises(AuthError):
        list(WandbSource(WandbSettings(entity="team", base_url=server.url, api_key="1" * 40)).runs(RunQuery()))


def test_times_are_the_services(serve):
    """A run's times are those of the service, to the microsecond that it tells."""
    server = serve()
    put(server, "timed")
    (info,) = source_of(server).runs(RunQuery())
    assert (info.started, info.ended) == (1_790_000_000_250_000_000, 1_790_000_060_250_000_000)
    assert iso(NOW).endswith(".250000Z")


class _Elsewhere(http.server.BaseHTTPRequestHandler):
    """A store that notes who comes; ``/go?<address>`` leads on."""

    def do_GET(self):
        self.server.seen.append((self.path, self.headers.get("Authorization")))
        leads = self.path.startswith("/go?")
        self.send_response(302 if leads else 200)
        if leads:
            self.send_header("Location", self.path.removeprefix("/go?"))
        body = b"" if leads else b"stored"
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, self.headers.get("Authorization")))
        self.send_response(self.server.code)
        self.send_header("Location", self.server.leads + self.path)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        """Print nothing."""


@pytest.fixture
def host():
    """Start a server of files."""
    started = []

    def start():
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Elsewhere)
        server.seen = []
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        started.append((server, thread))
        return server, f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in started:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_key_stays_at_home(host):
    """A server that leads to another host gets the file from there, and that host never sees the key."""
    (home, url), (store, other) = host(), host()
    downloads = Downloads(url, "secret")
    with downloads.fetch("name", f"/go?{other}/file", 6) as file:
        assert file.read() == b"stored"
    assert home.seen[0][1] is not None
    assert store.seen == [("/file", None)]
    with downloads.fetch("direct", f"{other}/file", 6) as file:
        assert file.read() == b"stored"
    assert store.seen[-1] == ("/file", None)
    with pytest.raises(RejectedError, match="more than the 3 bytes"):
        downloads.fetch("large", f"{other}/file", 3)
    with pytest.raises(RejectedError, match="no web address"):
        downloads.fetch("local", "/go?file:///etc/passwd", 6)
    server = Server(WandbSettings(entity="team", base_url=url, api_key="secret"))
    assert (server.download("/file"), server.download(f"{other}/file")) == (b"stored", b"stored")
    server.close()
    assert home.seen[-1][1] is not None and store.seen[-1] == ("/file", None)
    loop = "/go?/go?/go?/go?/go?/go?/x"
    with pytest.raises(RejectedError, match="without end"):
        downloads.fetch("loop", loop, 6)


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_a_server_that_leads_elsewhere_is_not_followed(serve, host, code):
    """Questions go to the server that was named and to no other, which would be believed; where it leads is said."""
    other = serve()
    put(other, "theirs")
    home, url = host()
    home.code, home.leads = code, other.url
    source = WandbSource(WandbSettings(entity="team", project="theirs", base_url=url, api_key=other.api_key))
    with pytest.raises(ConfigError, match=f"leads to '{other.url}/graphql'"):
        list(source.runs(RunQuery()))
    assert (len(home.seen), other.calls) == (1, [])


def test_a_run_that_is_deleted_while_it_is_read(serve, tmp_path, monkeypatch):
    """Gone between two questions about it, a run has failed, by name, and the others are copied."""
    server = serve()
    for name in ("one", "gone", "two"):
        put(server, name, [{"_step": i, "_timestamp": NOW, "v": i} for i in range(1500)])
    operation, asked = server.operation, []

    def deleting(request):
        if request.json()["variables"].get("run") == "gone" and operation(request) == "HistoryPage":
            asked.append("gone")
            if len(asked) == 2:
                server.runs.pop("team/theirs/gone", None)
        return operation(request)

    monkeypatch.setattr(server, "operation", deleting)
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    places = open_place("wandb:team/theirs"), open_place(f"local:{tmp_path / 'there'}")
    ledger = Ledger(tmp_path / "ledger.sqlite", "a", "b")
    migration = Migration(*places, ledger)
    results = {result.run.id: result for wave in migration.waves(None) for result in migration.copy(wave)}
    ledger.close()
    assert {run: result.state for run, result in results.items()} == {
        "one": "copied",
        "gone": "failed",
        "two": "copied",
    }
    assert "it was deleted while it was read" in results["gone"].error


def test_many_rows_at_one_step(serve):
    """Rows that share a step, as two offline directories of a run leave them, are all read; or it is told how many not."""
    server = serve()
    put(server, "crowded", [{"_step": i // 4, "_timestamp": NOW + i, "v": i} for i in range(5000)])
    steps = [0, 7, 7, 900]
    put(server, "some", [{"_step": step, "_timestamp": NOW, "v": step} for step in steps])
    put(server, "pair", [{"_step": step, "_timestamp": NOW, "v": step} for step in (0, 1, 2, 3, 4, 4)])
    source = source_of(server)
    crowded, some, pair = source.runs(RunQuery())
    assert [row.values["v"] for row in by_kind(source.read(crowded))[Metrics]] == list(range(5000))
    assert [row.step for row in by_kind(source.read(some))[Metrics]] == steps
    assert [row.step for row in by_kind(source.read(pair))[Metrics]] == [0, 1, 2, 3, 4, 4]
    put(server, "lossy", [{"_step": step, "_timestamp": NOW, "v": step} for step in (0, 1, *[3] * 3)])
    (lossy,) = source.runs(RunQuery(project="theirs", id="lossy"))
    bodies = by_kind(source.read(lossy))
    told = sum(notice.count for notice in bodies[Notice])
    assert len(bodies[Metrics]) + told == 5


def test_nothing_is_asked_for_that_is_not_there(serve):
    """A run with a few rows alone costs two questions, one without rows costs one."""
    server = serve()
    put(server, "plain", [{"_step": 0, "_timestamp": NOW, "v": 1}])
    put(server, "empty")
    source = source_of(server)
    plain, empty = source.runs(RunQuery())
    server.calls.clear()
    assert len(by_kind(source.read(empty))[RunEnd]) == 1
    assert [call.operation for call in server.calls] == ["Run"]
    server.calls.clear()
    assert len(by_kind(source.read(plain))[Metrics]) == 1
    assert [call.operation for call in server.calls] == ["Run", "HistoryPage"]


def test_an_exported_history_is_never_that_of_another_run(serve):
    """Two runs of one path at two servers: the SDK caches Parquet files by path, and its cache is left aside."""
    for value in (1, 2):
        server = serve(parquet=True)
        put(server, "same", [{"_step": 0, "_timestamp": NOW, "v": value}])
        source = source_of(server)
        (info,) = source.runs(RunQuery())
        assert [row.values for row in by_kind(source.read(info))[Metrics]] == [{"v": value}]


def test_an_older_server(serve):
    """One that knows no exported history is asked without it."""
    server = serve()
    put(server, "old", [{"_step": 0, "_timestamp": NOW, "v": 1}])
    source = source_of(server)
    (info,) = source.runs(RunQuery())
    words = b'{"data": null, "errors": [{"message": "Cannot query field \\"parquetHistory\\" on type \\"Run\\"."}]}'
    refused = server.faults.add("Run", Status(200, body=words), times=1)
    assert [row.values for row in by_kind(source.read(info))[Metrics]] == [{"v": 1}]
    assert refused.hits == 1


def test_reading_goes_on_where_the_sdks_program_ended(serve, tmp_path):
    """W&B's own program, through which the history comes, dies in the middle: every row is read, and once."""
    server = serve(parquet=True)
    put(server, "long", [{"_step": i, "_timestamp": NOW, "v": i} for i in range(3000)])
    program = f"""
    from tracklib_wandb.service import end_service
    from tracklib_wandb.settings import WandbSettings
    from tracklib_wandb.source import WandbSource
    from tracklib.model.query import RunQuery
    from tracklib.model.records import Metrics

    source = WandbSource(WandbSettings(entity="team", project="theirs", base_url={server.url!r}, api_key={server.api_key!r}))
    (info,) = source.runs(RunQuery())
    steps = []
    for record in source.read(info):
        if isinstance(record.body, Metrics):
            steps.append(record.body.step)
            if len(steps) == 1500:
                end_service()
    print(steps == list(range(3000)))
    """
    assert train(program, tmp_path / "reading").stdout == "True\n"


def test_a_run_reads_the_same_before_and_after_it_is_synced(serve, tmp_path, rich_offline):
    """An offline directory, and what ``wandb sync`` makes of it at a server: by two paths, one and the same run."""
    server = serve()
    shutil.copytree(rich_offline / "wandb", tmp_path / "wandb", symlinks=True)
    (directory,) = (tmp_path / "wandb").glob("offline-run-*")
    env = {**environment(tmp_path), **server.environment()}
    command = [sys.executable, "-m", "wandb", "sync", str(directory)]
    subprocess.run(command, env=env, cwd=tmp_path, check=True, capture_output=True, timeout=120)
    run = server.run("theirs", "rich")
    run.created_at = run.heartbeat_at = time.time() + 5000  # it was synced later
    before, after = WandbSource(WandbSettings(directory=str(rich_offline))), source_of(server)
    (left,), (right,) = before.runs(RunQuery()), after.runs(RunQuery())
    assert abs(left.started - right.started) < 5e9 and abs((left.ended or 0) - (right.ended or 0)) < 1e9
    found = compare(snapshot("rich", before.read(left)), snapshot("rich", after.read(right)), CAPABILITIES)
    told = {(item.kind, item.key) for item in found.differences if item.kind not in ("context", "started", "ended")}
    # What W&B does not send, or sends otherwise: the exit code, integers beyond 64 bits, the sign of zero.
    assert told == {("exit_code", ""), ("param", "big"), ("point", "zero")}, found.differences
    assert (found.counts["points"], found.counts["media"], found.counts["artifacts"]) == (51, 14, 3)


@pytest.fixture
def rich_offline(tmp_path_factory):
    """A folder with an offline run that has of everything."""
    folder = tmp_path_factory.mktemp("offline")
    train(RICH, folder)
    return folder
