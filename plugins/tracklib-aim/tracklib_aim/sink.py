"""`AimSink`: the write half; takes the records of one run."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tracklib.backends.capabilities import Capabilities
from tracklib.backends.contract import Outcome, SinkContext, VendorRun, accepted
from tracklib.errors import RunStateError
from tracklib.model.records import (
    Artifact,
    Console,
    Media,
    Metrics,
    Notes,
    Params,
    Position,
    Record,
    RunEnd,
    RunStart,
    Summary,
    System,
    Tags,
)
from tracklib.model.run import RunInfo
from tracklib_aim.capabilities import CAPABILITIES
from tracklib_aim.companions import records_operation
from tracklib_aim.file_writers import ArtifactWriter, MediaWriter
from tracklib_aim.files import Files
from tracklib_aim.lifecycle import Lifecycle
from tracklib_aim.observations import ObservationWriter
from tracklib_aim.open_run import OpenRun
from tracklib_aim.repository import Repository
from tracklib_aim.sequences import Sequences
from tracklib_aim.settings import AimSettings
from tracklib_aim.writers import LabelWriter, MetricWriter, ParamWriter, Writes

__all__ = ["AimSink"]

_ELSEWHERE = (Metrics, Params, Tags, Notes, Summary, RunEnd)
"""What Aim's own places hold, with what stands beside each; all other records are kept whole as well."""

_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0


class AimSink:
    """Writes one run to Aim; the README says what becomes what.

    All is durable when `send` returns: its writes are synced to the disk, or answered by the server.
    """

    def __init__(self, settings: AimSettings, context: SinkContext) -> None:
        self._settings = settings.resolved()
        self._context = context
        self._position = dict(context.position)
        self._run: OpenRun | None = None
        self._repository: Repository | None = None
        self._indexed = 0.0
        self._wait = 0.0
        self._is_stale = False

    @property
    def capabilities(self) -> Capabilities:
        """What Aim holds, and how well."""
        return CAPABILITIES

    def open(self, run: RunInfo, /) -> VendorRun:
        """Create the run in Aim, or find it again."""
        if self._run is None:
            self._repository = Repository(self._settings)
            self._run = OpenRun(self._repository, run)
            self._begin(self._run)
        return VendorRun(self._run.hash)

    def _begin(self, run: OpenRun) -> None:
        sequences = Sequences(run.hash, run.meta)
        self._metrics = MetricWriter(sequences)
        self._params = ParamWriter(run)
        self._labels = LabelWriter(run)
        self._lifecycle = Lifecycle(run)
        files = Files(run.hash, run.seqs, self._settings.artifacts)
        self._artifacts = ArtifactWriter(run, files, self._context.open_file)
        self._media = MediaWriter(files, sequences, self._context.open_file)
        self._observer = ObservationWriter(run, sequences)

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        """Write records; all of them, or it raises and none counts as written."""
        run = self._opened()
        try:
            self._write(run, batch)
        except BaseException:
            self._begin(run)  # what the writers know of the run is no longer what it holds
            raise
        for record in batch:
            self._position[record.writer] = max(self._position.get(record.writer, 0), record.seq)
        self._is_stale = True
        self._index(run)
        return [accepted()] * len(batch)

    def _write(self, run: OpenRun, batch: Sequence[Record]) -> None:
        writes = Writes()
        kept: dict[str, list[Record]] = {}
        for record in batch:
            if not isinstance(record.body, _ELSEWHERE):
                kept.setdefault(record.writer, []).append(record)
        self._metrics.take([r for r in batch if isinstance(r.body, Metrics)], writes)
        if found := [r for r in batch if isinstance(r.body, Params)]:
            self._params.take(found, writes)
        if found := [r for r in batch if isinstance(r.body, (Tags, Notes, Summary))]:
            self._labels.take(found, writes)
        for record in batch:
            if isinstance(record.body, Artifact):
                self._artifacts.take(record, writes)
            elif isinstance(record.body, Media):
                self._media.take(record, writes)
            elif isinstance(record.body, (System, Console)):
                self._observer.take(record, writes)
        writes.seqs += self._observer.lines_operations()
        writes.seqs += [records_operation(run.hash, records) for records in kept.values()]
        run.write(writes.meta, writes.seqs, "writing records")
        for record in batch:
            if isinstance(record.body, (RunStart, RunEnd)):
                self._lifecycle.take(record)

    def confirmed(self) -> Position:
        """Return up to where Aim durably holds the records."""
        return dict(self._position)

    def close(self) -> None:
        """Make all of it visible, and let go of the run."""
        if self._run is None:
            return
        run, self._run = self._run, None
        if self._is_stale:
            run.index()
        run.close()
        if self._repository is not None:
            self._repository.close()

    def _index(self, run: OpenRun) -> None:
        """Make the run visible: at once when it is new or has ended, then less and less often."""
        now = time.monotonic()
        if now - self._indexed < self._wait and not run.identity.is_over:
            return
        self._is_stale = not run.index()
        self._indexed = now
        self._wait = min(_LONGEST_WAIT, max(_FIRST_WAIT, self._wait * 2))

    def _opened(self) -> OpenRun:
        if self._run is None:
            raise RunStateError("expected a sink whose run is open, got one that is not: call open() first")
        return self._run
