"""Repositories to write to (a folder, a real `aim server`) and a bench to write and read with."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections import defaultdict

import pytest

from tracklib.backends.contract import SinkContext
from tracklib.errors import RejectedError
from tracklib.model.query import RunQuery
from tracklib.model.records import FileRef, Metrics, Record
from tracklib.model.run import RunInfo

if sys.version_info >= (3, 13):
    collect_ignore_glob = ["test_*.py"]  # there is no Aim for it
else:
    from tracklib_aim.settings import AimSettings
    from tracklib_aim.sink import AimSink
    from tracklib_aim.source import AimSource

for name in [name for name in os.environ if name.startswith(("AIM_", "__AIM", "TRACKLIB_"))]:
    del os.environ[name]  # what the developer's shell says must not reach the tests


def pytest_collection_modifyitems(items):
    """Let warnings pass that are Aim's own affair, and no others."""
    reasons = (
        "ignore:The ``declarative_base:DeprecationWarning",  # SQLAlchemy 2 has moved what Aim imports
        "ignore:datetime.datetime.utc:DeprecationWarning",  # from Python 3.12 on
        "ignore:.*:DeprecationWarning:aim",  # its use of pydantic's, alembic's and its own old names
        "ignore:ssl_context was renamed:DeprecationWarning",  # of websockets, in its client
        "ignore:No path_separator:DeprecationWarning",  # its alembic.ini
        "ignore::pytest.PytestUnraisableExceptionWarning",  # it leaves SQLite connections to the garbage collector
        "ignore::ResourceWarning",  # as above
        "ignore:.*fork.*:DeprecationWarning",  # it starts threads of its own
    )
    for item in items:
        if "tracklib-aim" in str(item.path):
            for reason in reasons:
                item.add_marker(pytest.mark.filterwarnings(reason))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A real `aim server`, stopped by its process group's id."""

    def __init__(self, folder, port=None):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port = folder, port or free_port()
        self.place = f"aim://127.0.0.1:{self.port}"
        self.log = folder / "log.txt"
        command = [sys.executable, "-c", "from aim.cli.cli import cli_entry_point as main; main()", "server"]
        command += ["--repo", str(folder), "--host", "127.0.0.1", "--port", str(self.port), "--yes"]
        quiet = {**os.environ, "AIM_LOG_LEVEL": "50"}
        quiet.pop("PYTHONDONTWRITEBYTECODE", None)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=quiet, start_new_session=True)

    def wait(self):
        deadline = time.monotonic() + 120
        while not self._answers():
            assert self.process.poll() is None, f"it stopped:\n{self.log.read_text()[-3000:]}"
            assert time.monotonic() < deadline, f"no answer:\n{self.log.read_text()[-3000:]}"
            time.sleep(0.2)
        return self

    def _answers(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/client/get-version/", timeout=2) as reply:
                return reply.status == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def stop(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    started = Server(tmp_path_factory.mktemp("server")).wait()
    yield started
    started.stop()


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A repository on the disk, which all tests share: making one takes seconds."""
    return tmp_path_factory.mktemp("repo")


@pytest.fixture
def start_server(tmp_path):
    """Start a server of the test's own."""
    started = []

    def start(folder, port=None):
        started.append(Server(folder, port))
        return started[-1].wait()

    yield start
    for one in started:
        if one.process.poll() is None:
            one.stop()


class Bench:
    """Writes records through the sink, and reads them through the source and through Aim's own SDK."""

    def __init__(self, repo, root, scratch):
        self.repo, self.root, self.scratch = repo, root, scratch
        self.project = f"project-{uuid.uuid4().hex[:10]}"
        self.settings = AimSettings(repo=str(repo))
        self.info = self.run()
        self._seq = defaultdict(int)
        self.now = time.time_ns()
        self.blobs = scratch / "blobs"
        self.blobs.mkdir(exist_ok=True)

    def run(self, run_id="run-1", **more):
        return RunInfo(self.project, run_id, more.pop("name", "baseline"), started=1_790_000_000_123_456_789, **more)

    def sink(self, info=None, *, position=None):
        """Return a sink that has its run open."""
        sink = AimSink(self.settings, SinkContext(self.content, self.scratch, None, position or {}))
        sink.vendor = sink.open(info or self.info)
        return sink

    def content(self, file):
        path = self.blobs / file.sha256
        if not path.exists():
            raise RejectedError(f"{file.path} is lost")
        return path

    def file(self, path, content=b""):
        """Return a reference to a file of this content, which the sink can open."""
        sha256 = hashlib.sha256(content).hexdigest()
        (self.blobs / sha256).write_bytes(content)
        return FileRef(path, len(content), sha256)

    def records(self, *bodies, writer="w1", step_ns=1_000_001):
        """Return the bodies as the next records of a writer."""
        made = []
        for body in bodies:
            self._seq[writer] += 1
            self.now += step_ns
            made.append(Record(writer, self._seq[writer], self.now, body))
        return made

    def write(self, *bodies, info=None, **more):
        """Write bodies through a new sink that is closed again; return the records and their outcomes."""
        records = self.records(*bodies, **more)
        sink = self.sink(info)
        outcomes = sink.send(records)
        sink.close()
        return records, list(outcomes)

    def source(self):
        return AimSource(self.settings)

    def found(self, info=None):
        """Return the run as the source tells it."""
        wanted = info or self.info
        (found,) = self.source().runs(RunQuery(project=wanted.project, id=wanted.id))
        return found

    def read(self, info=None):
        """Return everything that the source reads, the bodies by their type."""
        bodies = defaultdict(list)
        for record in self.source().read(self.found(info)):
            bodies[type(record.body)].append(record.body)
        return bodies

    def points(self, info=None):
        """Return the points that the source reads: for each metric, (value, step, nanoseconds)."""
        points = defaultdict(list)
        for body in self.read(info)[Metrics]:
            ((key, value),) = body.values.items()
            points[key].append((value, body.step, body.timestamp))
        return dict(points)

    @property
    def raw(self):
        """The run as Aim's own SDK gives it, through its index; ``None`` where it is in none."""
        from aim.sdk.repo import Repo

        repo = Repo(str(self.root))
        return repo.get_run(self.found().place)

    def metric(self, name, **context):
        """Return steps and values of a metric as Aim's own SDK gives them."""
        from aim.storage.context import Context

        steps, (values, _, times) = self.raw.get_metric(name, Context(context)).data.items_list()
        return steps, values, times


@pytest.fixture
def local(folder, tmp_path):
    """A bench on a folder, with a project of its own."""
    return Bench(folder, folder, tmp_path)


@pytest.fixture(params=["local", "server"])
def bench(request, tmp_path):
    """A bench on a folder, and one on a server."""
    if request.param == "local":
        return request.getfixturevalue("local")
    server = request.getfixturevalue("server")
    return Bench(server.place, server.folder, tmp_path)


@pytest.fixture
def make_bench():
    """The bench's class, for a repository of the test's own."""
    return Bench
