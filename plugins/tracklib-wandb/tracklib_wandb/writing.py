"""`Writing`: turns records into what W&B is told; it goes with the open run, from one sink to the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tracklib.backends.contract import Outcome, accepted, refused
from tracklib.errors import RejectedError
from tracklib.model.records import (
    Artifact,
    FileRef,
    Input,
    Media,
    Metrics,
    Notes,
    Params,
    Record,
    RunEnd,
    RunStart,
    Summary,
    Tags,
)
from tracklib_wandb.artifacts import ArtifactWriter
from tracklib_wandb.beside import Beside
from tracklib_wandb.ledger import Need
from tracklib_wandb.media_writer import MediaWriter
from tracklib_wandb.open_run import OpenRun
from tracklib_wandb.row_writer import RowWriter
from tracklib_wandb.streams import Streams
from tracklib_wandb.writers import LabelWriter

__all__ = ["Writing"]

_LABELS = (Params, Tags, Notes, Summary, RunStart, RunEnd)
_ELSEWHERE = (Metrics, Params, Tags, Notes, Summary, RunEnd)
"""What W&B's own places hold, with what stands beside each; all other records are kept whole as well."""


class Writing:
    """Writes one run."""

    def __init__(self, run: OpenRun) -> None:
        self.run = run
        self._open_file: Callable[[FileRef], Path] | None = None
        self._beside = Beside(run.holder, Streams(run).show)
        self._rows = RowWriter(run, self._beside)
        self._labels = LabelWriter(run)
        self._media = MediaWriter(run, self._rows, self._content)
        self._artifacts = ArtifactWriter(run, self._content)

    @classmethod
    def of(cls, run: OpenRun) -> Writing:
        """Return what writes a run; one that another sink has left goes on where that stood."""
        if not isinstance(run.writing, cls):
            run.writing = cls(run)
        return run.writing

    def take(self, batch: Sequence[Record], open_file: Callable[[FileRef], Path]) -> list[Outcome]:
        """Take records in order; those that were taken before are passed over."""
        self.run.check()
        if self.run.is_ending and not all(map(self.run.ledger.is_taken, batch)):
            self.run.reopen()
        self._open_file = open_file
        outcomes = [self._taken(record) for record in batch]
        self._labels.apply()
        return outcomes

    def _taken(self, record: Record) -> Outcome:
        if self.run.ledger.is_taken(record):
            return accepted()
        try:
            needs = list(self._write(record))
        except RejectedError as error:
            self.run.ledger.add(record, ())
            return refused(str(error))
        self.run.ledger.add(record, needs)
        return accepted()

    def _write(self, record: Record) -> Iterator[Need]:
        """Write one record; yield what has to be held for it."""
        body = record.body
        came_before = (record.writer, record.seq) in self.run.came_before
        if isinstance(body, Metrics) and not came_before:
            yield self._rows.take(record)
        if isinstance(body, _LABELS):
            yield self._labels.take(record)
        if isinstance(body, _ELSEWHERE) or came_before:
            return
        if isinstance(body, Artifact):
            self._artifacts.log(record)
        elif isinstance(body, Media):
            self._media.take(record)
        elif isinstance(body, Input):
            self._artifacts.use(body)
        yield self._beside.take(record)

    def tick(self) -> None:
        """Send what has waited for long enough, and ask what is held."""
        self.run.check()
        if not self.run.is_ending:
            self._labels.apply()
            self._rows.tick()
            self._beside.tick()
        self.run.poll()

    def close(self) -> None:
        """Hand over what is held back, and wait until W&B holds it; where that fails, again from where it stood."""
        self.run.check()
        if not self.run.is_ending:
            self._rows.flush()
            self._beside.flush()
            self._labels.close()
        self.run.close()

    def _content(self, file: FileRef) -> Path:
        assert self._open_file is not None, "a batch brings the way to its files"
        return self._open_file(file)
