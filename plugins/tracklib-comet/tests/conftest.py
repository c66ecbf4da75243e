"""A Comet server to write to, and a bench to write and read with."""

import hashlib
import os
import time
import uuid
from collections import defaultdict

import pytest
from tracklib_comet.settings import CometSettings
from tracklib_comet.sink import CometSink
from tracklib_comet.source import CometSource

from tracklib.backends.contract import SinkContext
from tracklib.errors import RejectedError
from tracklib.model.query import RunQuery
from tracklib.model.records import FileRef, Metrics, Record
from tracklib.model.run import RunInfo
from tracklib.testing.emulators.comet import CometEmulator

for name in [name for name in os.environ if name.startswith(("COMET_", "TRACKLIB_"))]:
    del os.environ[name]  # what the developer's shell says must not reach the tests


def pytest_collection_modifyitems(items):
    """Let warnings pass that are the SDK's own affair, and no others."""
    reasons = (
        "ignore:.*:DeprecationWarning:comet_ml",
        "ignore:.*:DeprecationWarning:everett",
        "ignore:.*fork.*:DeprecationWarning",
    )
    for item in items:
        if "tracklib-comet" in str(item.path):
            for reason in reasons:
                item.add_marker(pytest.mark.filterwarnings(reason))


@pytest.fixture
def emulator(monkeypatch, tmp_path):
    """A Comet server of the test's own, which the environment leads to; unknown routes fail the test."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    with CometEmulator() as started:
        for name, value in started.environment().items():
            monkeypatch.setenv(name, value)
        yield started
        started.faults.clear()
        assert started.complaints == []


class Bench:
    """Writes records through the sink, and reads them through the source."""

    def __init__(self, settings, scratch, emulator=None):
        self.settings, self.scratch, self.emulator = settings, scratch, emulator
        self.project = f"project-{uuid.uuid4().hex[:10]}"
        self.info = self.run()
        self._seq = defaultdict(int)
        self.now = time.time_ns()
        self.blobs = scratch / "blobs"
        self.blobs.mkdir(exist_ok=True)

    def run(self, run_id="run-1", **more):
        return RunInfo(self.project, run_id, more.pop("name", "baseline"), started=1_790_000_000_123_456_789, **more)

    def sink(self, info=None, *, position=None):
        """Return a sink that has its run open."""
        sink = CometSink(self.settings, SinkContext(self.content, self.scratch, None, position or {}))
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
        return CometSource(self.settings)

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
        """The experiment as the server knows it."""
        return self.emulator.experiments[self.found().place]


@pytest.fixture
def online(emulator, tmp_path):
    """A bench on the server, with a project of its own."""
    return Bench(CometSettings().resolved(), tmp_path, emulator)


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """A bench on a folder of zips."""
    return Bench(CometSettings(offline=str(tmp_path / "zips")), tmp_path)


@pytest.fixture(params=["online", "offline"])
def bench(request):
    """A bench on the server, and one on a folder."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def make_sink(tmp_path):
    """Return a function that opens a sink with settings."""

    def make(settings):
        sink = CometSink(settings, SinkContext(lambda _: tmp_path, tmp_path))
        sink.open(RunInfo("p", "r", "n"))
        return sink

    return make
