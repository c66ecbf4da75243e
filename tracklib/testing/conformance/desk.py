"""`Desk`: writes records through a subject's sinks, and reads them back through its source."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tracklib.backends.contract import Outcome, Sink, SinkContext, VendorRun
from tracklib.errors import RejectedError, TransientError, UnknownOutcomeError
from tracklib.model.query import RunQuery
from tracklib.model.records import Body, FileRef, Position, Record, RunEnd, RunStart
from tracklib.model.run import RunInfo, new_run_id
from tracklib.portability.snapshot import Snapshot, snapshot
from tracklib.testing.conformance.subject import Subject

__all__ = ["Desk", "Story"]

_STEP = 1_000_003  # between records, in nanoseconds: neither whole milliseconds nor microseconds
_TRIES = 40


class Story:
    """One run as it is told: who it is, and its records.

    Attributes:
        vendor: The run as the vendor knows it, once it was opened.
        outcomes: What became of each record, once it was sent.
    """

    def __init__(self, project: str, bodies: Iterable[Body], *, start: RunStart | None = None) -> None:
        self._writers = 0
        self._time = time.time_ns()
        first = start or RunStart(project, "conformance", context={"host": "here", "python": "3.11.7", "pid": 42})
        began = self._time + _STEP
        self.info = RunInfo(
            project, new_run_id(), first.name, "running", began, None, first.group, first.job_type, first.parent
        )
        self.records: list[Record] = []
        self.vendor: VendorRun | None = None
        self.outcomes: dict[tuple[str, int], Outcome] = {}
        self.attempt([replace(first, project=project), *bodies])

    def attempt(self, bodies: Iterable[Body]) -> list[Record]:
        """Add what another process wrote; return its records."""
        self._writers += 1
        writer = f"conformance-{self._writers}"
        added = []
        for seq, body in enumerate(bodies, 1):
            self._time += _STEP
            added.append(Record(writer, seq, self._time, body))
        self.records += added
        return added

    def told(self) -> Snapshot:
        """Return the run as it was told."""
        return snapshot(self.info.id, self.records)


class Desk:
    """A subject, with a folder for contents and a project of its own.

    Attributes:
        project: Where every run of this examination goes.
    """

    def __init__(self, subject: Subject, folder: Path, project: str) -> None:
        self.subject = subject
        self.project = project
        self.stories: list[Story] = []
        self._folder = folder
        (folder / "contents").mkdir(parents=True, exist_ok=True)

    def story(self, *bodies: Body, start: RunStart | None = None, end: RunEnd | None = None) -> Story:
        """Begin a run, and end it where an end is given."""
        made = Story(self.project, [*bodies, *([end] if end is not None else [])], start=start)
        self.stories.append(made)
        return made

    def keep(self, contents: Mapping[str, bytes]) -> None:
        """Make contents available to sinks."""
        for digest, content in contents.items():
            assert hashlib.sha256(content).hexdigest() == digest
            (self._folder / "contents" / digest).write_bytes(content)

    def context(self, story: Story, position: Position | None = None) -> SinkContext:
        """Return what delivery would lend to a sink of this run."""
        scratch = self._folder / f"scratch-{story.info.id}"
        scratch.mkdir(exist_ok=True)
        vendor_id = story.vendor.id if story.vendor is not None else None
        return SinkContext(self._content, scratch, vendor_id, position or {})

    def _content(self, file: FileRef) -> Path:
        path = self._folder / "contents" / file.sha256
        if not path.exists():
            raise RejectedError(f"the content of {file.path} is lost")
        return path

    def open(self, story: Story, position: Position | None = None) -> Sink:
        """Return a sink that has the run open."""
        sink = self.subject.sink(self.context(story, position))
        story.vendor = sink.open(story.info)
        return sink

    def send(self, sink: Sink, story: Story, records: Sequence[Record]) -> None:
        """Send records in batches as large as the backend takes, again where it asks for that."""
        size = self.subject.capabilities.limits.batch_records
        for at in range(0, len(records), size):
            pending = list(records[at : at + size])
            for _ in range(_TRIES):
                pending = self._sent(sink, story, pending)
                if not pending:
                    break

    def _sent(self, sink: Sink, story: Story, batch: Sequence[Record]) -> list[Record]:
        """Send a batch once; return what is to be sent again."""
        try:
            outcomes = list(sink.send(batch))
        except (TransientError, UnknownOutcomeError):
            time.sleep(0.05)
            return list(batch)
        for record, outcome in zip(batch, outcomes, strict=False):
            story.outcomes[record.writer, record.seq] = outcome
        again = [i for i, outcome in enumerate(outcomes) if outcome.kind in ("retry", "unknown")]
        return list(batch[again[0] :]) if again else []

    def deliver(self, story: Story, records: Sequence[Record] | None = None) -> None:
        """Deliver a run by a sink of its own, which is closed again."""
        sink = self.open(story)
        self.send(sink, story, story.records if records is None else records)
        sink.close()

    def found(self, story: Story) -> list[RunInfo]:
        """Return the runs that the source finds under this run's id."""
        return list(self.subject.source().runs(RunQuery(project=self.project, id=story.info.id)))

    def read(self, story: Story) -> Snapshot | None:
        """Return the run as the source reads it; ``None`` where there is not exactly one."""
        source = self.subject.source()
        found = list(source.runs(RunQuery(project=self.project, id=story.info.id)))
        if len(found) != 1:
            return None
        read = snapshot(story.info.id, source.read(found[0]))
        read.state.id = found[0].id
        return read
