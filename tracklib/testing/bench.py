"""`Bench`: a run that is written through one backend's sink, and read back through its source."""

from __future__ import annotations

import time
import uuid
from collections import defaultdict
from pathlib import Path
from typing import Any

from tracklib.backends.contract import Outcome, Sink, SinkContext, Source, VendorRun
from tracklib.backends.settings import BackendSettings
from tracklib.backends.spec import BackendSpec
from tracklib.model.query import RunQuery
from tracklib.model.records import Body, FileRef, Metrics, Position, Record
from tracklib.model.run import RunInfo
from tracklib.testing.contents import Contents
from tracklib.typing import Number, Step

__all__ = ["Bench"]

_BEGAN = 1_790_000_000_123_456_789
_APART = 1_000_001


class Bench:
    """A run of one backend's, for tests of what its sink and source do, beyond the laws that the conformance kit knows.

    A plugin's tests subclass it with what the vendor's own client gives of the run. Nothing is tried again and nothing
    is caught: a test sees what its sink answers or raises.

    Args:
        spec: The backend's declaration.
        settings: Where it writes.
        folder: The test's own; contents and scratch folders come to lie there.

    Attributes:
        project: The run's, which no other bench has.
        info: The run that is meant where none is named.
        vendor: The run as the vendor knows it that was opened last.
        now: The time of the last record; an hour ago, or tomorrow, where a test says so.
    """

    def __init__(self, spec: BackendSpec, settings: BackendSettings, folder: Path) -> None:
        self.spec = spec
        self.settings = settings
        self.folder = folder
        self.project = f"project-{uuid.uuid4().hex[:10]}"
        self.info = self.run()
        self.vendor: VendorRun | None = None
        self.now = time.time_ns()
        self.contents = Contents(folder / "contents")
        self._seq: defaultdict[str, int] = defaultdict(int)

    def run(self, run_id: str = "run-1", *, name: str = "baseline", **more: Any) -> RunInfo:
        """Return a run of the project; further facts of it are given by name."""
        return RunInfo(self.project, run_id, name, started=_BEGAN, **more)

    def sink(
        self,
        info: RunInfo | None = None,
        *,
        vendor_id: str | None = None,
        position: Position | None = None,
        settings: BackendSettings | None = None,
    ) -> Sink:
        """Return a new sink that has the run open, as delivery makes one; the test closes it.

        Args:
            info: The run.
            vendor_id: What the vendor called it, where it was there before.
            position: What the vendor is known to hold.
            settings: Others than the bench's.
        """
        scratch = self.folder / f"scratch-{uuid.uuid4().hex[:6]}"
        scratch.mkdir()
        context = SinkContext(self.contents.open, scratch, vendor_id, position or {})
        sink: Sink = self.spec.load(self.spec.sink)(settings or self.settings, context)
        self.vendor = sink.open(info or self.info)
        return sink

    def opened(self, info: RunInfo | None = None, **more: Any) -> VendorRun:
        """Open a run by a new sink; return it as the vendor knows it."""
        self.sink(info, **more)
        assert self.vendor is not None
        return self.vendor

    def file(self, path: str, content: bytes = b"") -> FileRef:
        """Return a reference to a file of this content, which sinks can open."""
        return self.contents.file(path, content)

    def records(self, *bodies: Body, writer: str = "w1", step_ns: int = _APART) -> list[Record]:
        """Return bodies as the next records of a writer, so many nanoseconds apart: a millisecond and one."""
        made = []
        for body in bodies:
            self._seq[writer] += 1
            self.now += step_ns
            made.append(Record(writer, self._seq[writer], self.now, body))
        return made

    def write(self, *bodies: Body, info: RunInfo | None = None, **more: Any) -> tuple[list[Record], list[Outcome]]:
        """Write bodies through a new sink that is closed again; return the records and what became of each."""
        records = self.records(*bodies, **more)
        sink = self.sink(info)
        outcomes = sink.send(records)
        sink.close()
        return records, list(outcomes)

    def source(self) -> Source:
        """Return a new source."""
        source: Source = self.spec.load(self.spec.source)(self.settings)
        return source

    def found(self, info: RunInfo | None = None) -> RunInfo:
        """Return the run as the source tells it, which has to find exactly one."""
        wanted = info or self.info
        (found,) = self.source().runs(RunQuery(project=wanted.project, id=wanted.id))
        return found

    def read(self, info: RunInfo | None = None) -> defaultdict[type[Body], list[Any]]:
        """Return everything that the source reads: the bodies, by their class."""
        bodies: defaultdict[type[Body], list[Any]] = defaultdict(list)
        for record in self.source().read(self.found(info)):
            bodies[type(record.body)].append(record.body)
        return bodies

    def points(self, info: RunInfo | None = None) -> dict[str, list[tuple[Number, Step, int | None]]]:
        """Return the points that the source reads: for each metric, (value, step, the caller's nanoseconds)."""
        points: defaultdict[str, list[tuple[Number, Step, int | None]]] = defaultdict(list)
        for body in self.read(info)[Metrics]:
            for key, value in body.values.items():
                points[key].append((value, body.step, body.timestamp))
        return dict(points)
