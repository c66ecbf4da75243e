"""`Desk`: writes records through a subject's sinks, and reads them back through its source."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tracklib.backends.contract import Outcome, Sink, SinkContext, VendorRun, refused
from tracklib.errors import RejectedError, TransientError, UnknownOutcomeError
from tracklib.model.query import RunQuery
from tracklib.model.records import Body, Position, Record, RunEnd, RunStart
from tracklib.model.run import RunInfo, new_run_id
from tracklib.portability.snapshot import Snapshot, snapshot
from tracklib.testing.conformance.subject import Subject
from tracklib.testing.contents import Contents

__all__ = ["Desk", "Scale", "Story"]

_STEP = 1_000_003  # between records, in nanoseconds: neither whole milliseconds nor microseconds
_TRIES = 40
_PAUSE, _LONGEST_PAUSE, _LONGEST_WAIT = 0.05, 1.0, 30.0


@dataclass(frozen=True, slots=True)
class Scale:
    """How much the law about volume writes.

    Attributes:
        points: All of them; nineteen of twenty are of one metric, the rest of fifty.
    """

    points: int = 16_000
    params: int = 1_000


class Story:
    """One run as it is told: who it is, and its records.

    Attributes:
        vendor: The run as the vendor knows it, once it was opened.
        outcomes: What became of each record, once it was sent.
    """

    def __init__(
        self, project: str, bodies: Iterable[Body], *, start: RunStart | None = None, began: int | None = None
    ) -> None:
        self._writers = 0
        self._time = time.time_ns() if began is None else began - _STEP
        first = start or RunStart(project, "conformance", context={"host": "here", "python": "3.11.7", "pid": 42})
        self.info = RunInfo(
            project,
            new_run_id(),
            first.name,
            "running",
            self._time + _STEP,
            None,
            first.group,
            first.job_type,
            first.parent,
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

    Args:
        begun: Told of each run before anything of it is written.

    Attributes:
        project: Where every run of this examination goes.
        scale: How much the law about volume writes.
        whole: The run that holds the corpus, once it was delivered.
        contents: What its runs' files hold.
    """

    def __init__(
        self,
        subject: Subject,
        folder: Path,
        project: str,
        scale: Scale = Scale(),
        *,
        begun: Callable[[Story], None] = lambda _: None,
    ) -> None:
        self._begun = begun
        self.subject = subject
        self.project = project
        self.scale = scale
        self.whole: Story | None = None
        self._open: list[Sink] = []
        self._folder = folder
        self.contents = Contents(folder / "contents")

    def story(
        self,
        *bodies: Body,
        start: RunStart | None = None,
        end: RunEnd | None = None,
        project: str | None = None,
        began: int | None = None,
    ) -> Story:
        """Begin a run, and end it where an end is given."""
        told = [*bodies, *([end] if end is not None else [])]
        made = Story(project or self.project, told, start=start, began=began)
        self._begun(made)
        return made

    def keep(self, contents: Mapping[str, bytes]) -> None:
        """Make contents available to sinks."""
        for digest, content in contents.items():
            assert self.contents.keep(content) == digest

    def context(self, story: Story, position: Position | None = None) -> SinkContext:
        """Return what delivery would lend to a sink of this run."""
        scratch = self._folder / f"scratch-{story.info.id}"
        scratch.mkdir(exist_ok=True)
        vendor_id = story.vendor.id if story.vendor is not None else None
        return SinkContext(self.contents.open, scratch, vendor_id, position or {})

    def open(self, story: Story, position: Position | None = None) -> Sink:
        """Return a sink that has the run open; tried again where the vendor cannot be reached for the moment."""
        last: Exception | None = None
        for pause in _pauses():
            sink = self.subject.sink(self.context(story, position))
            self._open.append(sink)
            try:
                story.vendor = sink.open(story.info)
            except (TransientError, UnknownOutcomeError) as error:
                last = error
                _rest(pause, error)
            else:
                return sink
        raise TransientError(f"the run could not be opened in {_TRIES} tries: {last}")

    def send(self, sink: Sink, story: Story, records: Sequence[Record]) -> None:
        """Send records in batches as large as the backend takes, again where it asks for that, and all by one sink."""
        for pause in _pauses():
            try:
                self._send(sink, story, records)
            except UnknownOutcomeError as error:
                _rest(pause, error)
            else:
                return

    def _send(self, sink: Sink, story: Story, records: Sequence[Record]) -> None:
        size = self.subject.capabilities.limits.batch_records
        for at in range(0, len(records), size):
            pending = list(records[at : at + size])
            for pause in _pauses():
                pending = self._sent(sink, story, pending, pause)
                if not pending:
                    break

    def _sent(self, sink: Sink, story: Story, batch: Sequence[Record], pause: float) -> list[Record]:
        """Send a batch once; return what is to be sent again."""
        try:
            outcomes = list(sink.send(batch))
        except TransientError as error:
            _rest(pause, error)
            return list(batch)
        except RejectedError as error:  # one of them, or all: delivery looks for those that are meant
            if len(batch) > 1:
                return [left for record in batch for left in self._sent(sink, story, [record], pause)]
            outcomes = [refused(str(error))]
        for record, outcome in zip(batch, outcomes, strict=False):
            story.outcomes[record.writer, record.seq] = outcome
        again = [i for i, outcome in enumerate(outcomes) if outcome.kind in ("retry", "unknown")]
        if not again:
            return []
        _rest(pause, TransientError("", retry_after=outcomes[again[0]].wait))
        return list(batch[again[0] :])

    def close(self, sink: Sink, story: Story) -> Sink:
        """Close a sink; return it, or the one that took its place.

        As a relay does, it lets go of one that cannot be closed, and sends what that had not confirmed by a new one.
        """
        last: Exception | None = None
        for pause in _pauses():
            try:
                sink.close()
            except (TransientError, UnknownOutcomeError) as error:
                last = error
                _rest(pause, error)
            else:
                self._open = [other for other in self._open if other is not sink]
                return sink
            position = dict(sink.confirmed())
            sink = self.open(story, position)
            sent = [r for r in story.records if (r.writer, r.seq) in story.outcomes]
            self.send(sink, story, [r for r in sent if r.seq > position.get(r.writer, 0)])
        raise TransientError(f"the sink could not be closed in {_TRIES} tries: {last}")

    def let_go(self) -> None:
        """Close the sinks that an interruption or a law has left open."""
        while self._open:
            with contextlib.suppress(Exception):  # a vendor that cannot be reached, or a sink that is broken
                self._open.pop().close()

    def deliver(self, story: Story, records: Sequence[Record] | None = None) -> None:
        """Deliver a run by a sink of its own, which is closed again.

        As a relay does, it takes a new sink where nobody knows what became of a batch, and begins behind what the old one
        had confirmed.
        """
        sink, pending = self.open(story), list(story.records if records is None else records)
        for pause in _pauses():
            try:
                self._send(sink, story, pending)
                break
            except UnknownOutcomeError as error:
                _rest(pause, error)
                position = dict(sink.confirmed())
                pending = [record for record in pending if record.seq > position.get(record.writer, 0)]
                sink = self.open(story, position)
        self.close(sink, story)

    def found(self, story: Story) -> list[RunInfo]:
        """Return the runs that the source finds under this run's id."""
        return list(self.subject.source().runs(RunQuery(project=story.info.project, id=story.info.id)))

    def read(self, story: Story) -> Snapshot | None:
        """Return the run as the source reads it; ``None`` where there is not exactly one."""
        source = self.subject.source()
        found = list(source.runs(RunQuery(project=story.info.project, id=story.info.id)))
        if len(found) != 1:
            return None
        read = snapshot(story.info.id, source.read(found[0]))
        read.state.id = found[0].id
        return read


def _pauses() -> Iterator[float]:
    """Yield how long to wait after each failure, as delivery does: longer and longer."""
    return (min(_LONGEST_PAUSE, _PAUSE * 1.3**number) for number in range(_TRIES))


def _rest(pause: float, error: Exception) -> None:
    """Wait as long as the vendor asks for, or else for the pause."""
    wanted = getattr(error, "retry_after", None)
    time.sleep(pause if wanted is None else min(wanted, _LONGEST_WAIT))
