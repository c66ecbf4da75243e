"""`CometSink`: the write half; takes the records of one run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from tracklib.backends.capabilities import Capabilities
from tracklib.backends.contract import Outcome, SinkContext, VendorRun, accepted, retry
from tracklib.errors import ConfigError, RejectedError, RunStateError, TransientError
from tracklib.model.records import (
    Artifact,
    Console,
    Context,
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
from tracklib.typing import JSON
from tracklib_comet.capabilities import CAPABILITIES
from tracklib_comet.companions import Chunk, in_order, read_chunks, record_tag, write_chunk
from tracklib_comet.experiment import Writing
from tracklib_comet.identity import Identity
from tracklib_comet.labels import tags_of
from tracklib_comet.offline import OfflineExperiment
from tracklib_comet.online import OnlineExperiment
from tracklib_comet.pace import Pace
from tracklib_comet.service import Service
from tracklib_comet.settings import CometSettings
from tracklib_comet.writers import FactWriter, FileWriter, OutputWriter, PointWriter

__all__ = ["CometSink"]

_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0
_PART = 20
"""The part of a run's age for which its records may wait to become one file beside it."""

_MAX_RECORDS = 5000
"""Records that wait at most."""


class CometSink:
    """Writes one run to Comet; the README says what becomes what.

    Records are shown at once, and confirmed once they stand whole in a file beside what Comet shows: a second after
    they came where the run is young, half a minute where it is old, so that a long run has few such files.
    """

    def __init__(self, settings: CometSettings, context: SinkContext) -> None:
        self._settings = settings.resolved()
        self._context = context
        self._position = dict(context.position)
        self._experiment: Writing | None = None
        self._waiting: dict[str, Chunk] = {}
        self._sent: dict[str, int] = {}  # held once the experiment is closed
        self._shown: dict[str, int] = {}
        self._is_told = True
        self._opened_at = self._waiting_since = time.monotonic()
        self._paces = {
            "points": Pace(self._settings.metrics_per_minute),
            "params": Pace(self._settings.params_per_minute),
            "lines of output": Pace(self._settings.lines_per_minute),
        }

    @property
    def capabilities(self) -> Capabilities:
        """What Comet holds, and how well."""
        return CAPABILITIES

    @property
    def native(self) -> Any:
        """Comet's ``APIExperiment`` of the run, once it is open; ``None`` offline."""
        experiment = self._experiment
        return experiment.native() if isinstance(experiment, OnlineExperiment) else None

    def open(self, run: RunInfo, /) -> VendorRun:
        """Create the experiment, or find it again."""
        if self._experiment is None:
            try:
                self._begin(self._made(run))
            except RejectedError as error:  # no record is at fault, so none is to be refused for it
                raise ConfigError(str(error)) from error
        return self._opened().vendor

    def _made(self, run: RunInfo) -> Writing:
        made: Writing
        if self._settings.is_offline:
            made = OfflineExperiment(self._settings, run, self._context.scratch)
        else:
            made = OnlineExperiment(Service(self._settings), run, self._context.vendor_id)
        held = made.identity()
        self._identity = held or Identity.begun(run, self._settings.project)
        self._is_told = held is not None
        return made

    def _begin(self, experiment: Writing) -> None:
        self._tags: dict[str, str] | None = None if not experiment.is_new else {}
        self._points = PointWriter(experiment, self._identity)
        self._facts = FactWriter(experiment)
        self._output = OutputWriter(experiment)
        self._files = FileWriter(experiment, self._context.open_file, self._context.scratch)
        self._experiment = experiment

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        """Show records, up to what Comet takes in a minute; all of them, or it raises and all come again."""
        experiment = self._opened()
        self._write_due()  # first: a failure concerns what came before, and this batch comes again untouched
        experiment.beat()
        count, wait, what = self._portion(batch)
        taken = batch[:count]
        if any(record.seq <= self._shown.get(record.writer, 0) for record in taken):
            self._suspect()  # it comes again
        try:
            places = self._show(taken)
        except BaseException:
            self._suspect()  # part of the batch may be there
            raise
        for record in taken:
            self._keep(record, places)
        said = f"Comet takes {getattr(self._settings, _SETTING[what])} {what} a minute" if wait else ""
        return [accepted()] * len(taken) + [retry(said, wait=wait)] * (len(batch) - len(taken))

    def _suspect(self) -> None:
        self._points.suspect()
        self._output.suspect()

    def _portion(self, batch: Sequence[Record]) -> tuple[int, float, str]:
        """Return how many records may be sent now, and how long the next must wait for what."""
        for count, record in enumerate(batch):
            weights = _weights(record)
            for what, weight in weights.items():
                if weight and (wait := self._paces[what].wait()) > 0:
                    return count, wait, what
            for what, weight in weights.items():
                self._paces[what].take(weight)
        return len(batch), 0.0, "points"

    def _show(self, batch: Sequence[Record]) -> dict[str, JSON]:
        """Show records; return where the artifacts among them are."""
        bounds = [r for r in batch if isinstance(r.body, (RunStart, RunEnd))]
        has_end = any(isinstance(r.body, RunEnd) for r in bounds)
        if self._is_told or not has_end:  # else a short run is told whole: who it is and how it ended, at once
            self._identify([r for r in bounds if isinstance(r.body, RunStart)])
        self._points.take([r for r in batch if isinstance(r.body, (Metrics, System))])
        if found := [r for r in batch if isinstance(r.body, Params)]:
            self._facts.take_params(found)
        self._set_tags([r for r in batch if isinstance(r.body, Tags)])
        self._output.take([r for r in batch if isinstance(r.body, Console)])
        self._facts.take_surroundings([r for r in batch if isinstance(r.body, (RunStart, Context))])
        places: dict[str, JSON] = {}
        for record in batch:
            if isinstance(record.body, (Notes, Summary)):
                self._facts.take(record)
            elif isinstance(record.body, Artifact):
                places[record_tag(record)] = self._files.take_artifact(record)
            elif isinstance(record.body, Media):
                self._files.take_media(record)
        if has_end:
            self._identify(bounds)
        return places

    def _identify(self, records: Sequence[Record]) -> None:
        """Say who the run is, and how it stands, where that is not what was said."""
        after = self._identity
        for record in records:
            after = after.after(record)
        if after != self._identity or not self._is_told:
            self._opened().identify(after)
            self._identity, self._is_told = after, True

    def _set_tags(self, records: Sequence[Record]) -> None:
        if not records:
            return
        if self._tags is None:
            self._tags = self._held_tags()
        before = dict(self._tags)
        after = tags_of(records, before)
        self._facts.take_tags(before, after)
        self._tags = after

    def _held_tags(self) -> dict[str, str]:
        """Return the tags that earlier records set, which only the companions tell apart."""
        records = [record for chunk in read_chunks(self._opened().view(), []) for record in chunk.records]
        return tags_of([record for record in in_order(records) if isinstance(record.body, Tags)], {})

    def _keep(self, record: Record, places: dict[str, JSON]) -> None:
        """Let a record wait for the file that it is to stand in."""
        if not self._waiting:
            self._waiting_since = time.monotonic()
        chunk = self._waiting.setdefault(record.writer, Chunk(record.writer, [], {}))
        self._shown[record.writer] = max(record.seq, self._shown.get(record.writer, 0))
        if chunk.records and record.seq <= chunk.records[-1].seq:
            return  # it waits already
        chunk.records.append(record)
        if places.get(tag := record_tag(record)) is not None:
            chunk.places[tag] = places[tag]

    def _write_due(self) -> None:
        now = time.monotonic()
        wait = min(_LONGEST_WAIT, max(_FIRST_WAIT, (now - self._opened_at) / _PART))
        is_full = sum(len(chunk.records) for chunk in self._waiting.values()) >= _MAX_RECORDS
        if self._waiting and (is_full or now - self._waiting_since >= wait):
            self._write_chunks()

    def _write_chunks(self) -> None:
        """Write the records that wait; only then do they count as held."""
        experiment = self._opened()
        for writer, chunk in list(self._waiting.items()):
            upload = write_chunk(experiment.vendor.id, chunk, self._context.scratch)
            try:
                experiment.add_asset(upload)
            except RejectedError as error:  # the records in it are shown: none is to be refused for the file
                raise TransientError(f"keeping records beside the run: {error}") from error
            upload.content.unlink(missing_ok=True)
            del self._waiting[writer]
            if experiment.is_durable:
                self._position[writer] = max(self._position.get(writer, 0), chunk.records[-1].seq)
            else:
                self._sent[writer] = chunk.records[-1].seq

    def confirmed(self) -> Position:
        """Return up to where Comet durably holds the records; those that have waited long enough are written now."""
        if self._experiment is not None:
            self._write_due()
            self._experiment.beat()
        return dict(self._position)

    def close(self) -> None:
        """Write what waits, and let go of the experiment."""
        if self._experiment is None:
            return
        self._identify([])  # where no record came
        self._write_chunks()
        self._experiment.close()
        self._experiment = None
        self._position |= self._sent

    def _opened(self) -> Writing:
        if self._experiment is None:
            raise RunStateError("expected a sink whose run is open, got one that is not: call open() first")
        return self._experiment


_SETTING = {"points": "metrics_per_minute", "params": "params_per_minute", "lines of output": "lines_per_minute"}


def _weights(record: Record) -> dict[str, int]:
    """Return how much of what Comet limits is in a record."""
    body = record.body
    if isinstance(body, (Metrics, System)):
        return {"points": len(body.values)}
    if isinstance(body, Params):
        return {"params": len(body.values)}
    return {"lines of output": 1} if isinstance(body, Console) else {}
