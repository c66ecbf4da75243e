"""A server and a folder to write to, and a bench to write and read with."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections import defaultdict

import pytest
from tracklib_wandb.settings import WandbSettings
from tracklib_wandb.sink import WandbSink
from tracklib_wandb.source import WandbSource

from tracklib.backends.contract import SinkContext
from tracklib.errors import RejectedError
from tracklib.model.query import RunQuery
from tracklib.model.records import FileRef, Metrics, Record
from tracklib.model.run import RunInfo
from tracklib.testing.emulators.fixtures import wandb_emulator

__all__ = ["wandb_emulator"]


class Bench:
    """Writes records through the sink, and reads them through the source, and as the server or the log has them."""

    def __init__(self, settings, scratch, server=None):
        self.settings, self.scratch, self.server = settings, scratch, server
        # One program of W&B's serves this process, and tells runs apart by their ids alone.
        self.id = f"run-{uuid.uuid4().hex[:10]}"
        self.project = f"project-{uuid.uuid4().hex[:10]}"
        self.info = self.run()
        self._seq = defaultdict(int)
        self.now = time.time_ns()
        self.blobs = scratch / "blobs"
        self.blobs.mkdir(exist_ok=True)

    def run(self, run_id=None, **more):
        return RunInfo(
            self.project, run_id or self.id, more.pop("name", "baseline"), started=1_790_000_000_123_456_789, **more
        )

    def sink(self, info=None, *, position=None):
        """Return a sink that has its run open."""
        sink = WandbSink(self.settings, SinkContext(self.content, self.scratch, None, position or {}))
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
        assert sink.confirmed()[records[-1].writer] == records[-1].seq
        return records, list(outcomes)

    def source(self):
        return WandbSource(self.settings)

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
        """The run as the server has it."""
        return self.server.run(self.project, self.id)

    @property
    def rows(self):
        """The rows as the server or the log has them, each as W&B's own reader gives it."""
        if self.server is not None:
            return self.raw.history
        from tracklib_wandb.offline_folder import OfflineFolder

        (view,) = [
            v for v in OfflineFolder(self.scratch / "wandb").views(RunQuery()) if v.vitals.project == self.project
        ]
        return list(view.history())

    def shown(self, metric):
        """Return the points of a metric by W&B's own step."""
        return [(row["_step"], row[metric]) for row in self.rows if metric in row]


@pytest.fixture
def online(wandb_emulator, tmp_path):
    """A bench on a server."""
    url, key = wandb_emulator.url, wandb_emulator.api_key
    return Bench(WandbSettings(base_url=url, api_key=key, entity="team"), tmp_path, wandb_emulator)


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """A bench on a folder."""
    for kind in ("DIR", "CACHE_DIR", "CONFIG_DIR", "DATA_DIR", "ARTIFACT_DIR"):
        monkeypatch.setenv(f"WANDB_{kind}", str(tmp_path / f"wandb-{kind.lower()}"))
    return Bench(WandbSettings(directory=str(tmp_path / "wandb")), tmp_path)


@pytest.fixture(params=["online", "offline"])
def bench(request):
    """A bench on a server, and one on a folder."""
    return request.getfixturevalue(request.param)
