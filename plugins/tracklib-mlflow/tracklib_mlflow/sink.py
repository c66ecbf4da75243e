"""`MLflowSink`: the write half; takes the records of one run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from tracklib.backends.capabilities import Capabilities
from tracklib.backends.contract import Outcome, SinkContext, VendorRun, refused, retry
from tracklib.errors import RejectedError, RunStateError, TransientError
from tracklib.model.records import (
    Artifact,
    Console,
    Context,
    Input,
    Media,
    Metrics,
    Notes,
    Notice,
    Params,
    Position,
    Record,
    RunEnd,
    RunStart,
    Summary,
    System,
    Tags,
    Unknown,
)
from tracklib.model.run import RunInfo
from tracklib_mlflow.capabilities import CAPABILITIES
from tracklib_mlflow.client import Client
from tracklib_mlflow.file_writers import ArtifactWriter, ConsoleWriter, Keeper
from tracklib_mlflow.inputs import InputWriter
from tracklib_mlflow.lifecycle import Lifecycle
from tracklib_mlflow.media_writer import MediaWriter
from tracklib_mlflow.native import NativeRun
from tracklib_mlflow.runs import check_active, identity, open_run, remove_twins
from tracklib_mlflow.settings import MLflowSettings
from tracklib_mlflow.system import SystemWriter
from tracklib_mlflow.writers import Desk, LabelWriter, MetricWriter, ParamWriter, Writer

__all__ = ["MLflowSink"]


class MLflowSink:
    """Writes one run to MLflow; `tracklib_mlflow.capabilities` says how it holds what.

    Everything but companions is durable when `send` returns: MLflow's calls are synchronous. `confirmed` stays behind
    the companions that are still held back.
    """

    def __init__(self, settings: MLflowSettings, context: SinkContext) -> None:
        self._settings = settings.resolved()
        self._context = context
        self._position = dict(context.position)
        self._desk: Desk | None = None
        self._info: RunInfo | None = None
        self._writers: dict[type, Writer] = {}

    @property
    def capabilities(self) -> Capabilities:
        """What MLflow holds, and how well."""
        return CAPABILITIES

    @property
    def native(self) -> NativeRun | None:
        """MLflow's client and run, once it is open."""
        return NativeRun(self._desk.client.raw, self._desk.run) if self._desk is not None else None

    def open(self, run: RunInfo, /) -> VendorRun:
        """Create the run at MLflow, or find it again."""
        client = Client(self._settings)
        found = open_run(client, run, self._context.vendor_id, is_begun=bool(self._context.position))
        self._desk = desk = Desk(client, found, self._context)
        self._info = run
        desk.put_texts(identity(run)[1])
        labels, lifecycle, keeper = LabelWriter(desk), Lifecycle(desk), Keeper(desk)
        self._writers = {
            Metrics: MetricWriter(desk),
            Params: ParamWriter(desk),
            Artifact: ArtifactWriter(desk),
            Media: MediaWriter(desk),
            **dict.fromkeys((Tags, Notes, Summary), labels),
            **dict.fromkeys((RunStart, Context, RunEnd), lifecycle),
            Input: InputWriter(desk),
            System: SystemWriter(desk),
            Console: ConsoleWriter(desk),
            **dict.fromkeys((Notice, Unknown), keeper),
        }
        return VendorRun(desk.run_id, self._settings.page(str(found.info.experiment_id), desk.run_id))

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        """Write records: the metrics together, then the rest in order, neighbours of a kind together."""
        desk = self._opened()
        outcomes: dict[int, Outcome] = {}
        numbered = list(enumerate(batch))
        metrics = [(i, record) for i, record in numbered if isinstance(record.body, Metrics)]
        for chunk in MetricWriter.chunks(metrics):
            self._deliver(self._writers[Metrics], chunk, outcomes)
        try:
            for writer, group in self._groups(numbered):
                self._deliver(writer, group, outcomes)
        except TransientError as error:
            done = next(i for i, _ in numbered if i not in outcomes)
            if done == 0:
                raise
            self._advance(batch[:done])
            return [outcomes[i] if i < done else _again(error) for i, _ in numbered]
        self._advance(batch)
        if any(isinstance(record.body, RunEnd) for record in batch):
            desk.companions.flush()
        desk.companions.flush_if_due()
        return [outcomes[i] for i, _ in numbered]

    def confirmed(self) -> Position:
        """Return up to where MLflow holds everything, companions too."""
        if self._desk is None:
            return dict(self._position)
        self._desk.companions.flush_if_due()
        return self._desk.companions.behind(self._position)

    def close(self) -> None:
        """Write the companions that are held back."""
        if self._desk is None or self._info is None:
            return
        self._desk.companions.flush()
        if self._context.vendor_id is None:  # it was made, or found, by this sink: a try that was given up may have too
            remove_twins(self._desk.client, self._desk.run, self._info)

    def _opened(self) -> Desk:
        if self._desk is None:
            raise RunStateError("expected open(run) before send(batch)")
        return self._desk

    def _groups(self, numbered: Sequence[tuple[int, Record]]) -> Iterator[tuple[Writer, list[tuple[int, Record]]]]:
        """Yield neighbours that one writer writes."""
        others = [item for item in numbered if not isinstance(item[1].body, Metrics)]
        for _, group in groupby(others, key=lambda item: id(self._writers[type(item[1].body)])):
            members = list(group)
            writer = self._writers[type(members[0][1].body)]
            # What moves files, or changes a status, is written one by one: what it did cannot be taken back.
            is_one_by_one = isinstance(writer, (ArtifactWriter, MediaWriter, Lifecycle))
            yield from ((writer, [member]) for member in members) if is_one_by_one else [(writer, members)]

    def _deliver(self, writer: Writer, group: list[tuple[int, Record]], outcomes: dict[int, Outcome]) -> None:
        """Write a group; where MLflow refuses it, its halves, until the records that it refuses stand alone."""
        problem = None
        try:
            written = writer.write([record for _, record in group])
        except RejectedError as error:
            problem = error
            written = []
        if problem is None:
            outcomes.update(zip((i for i, _ in group), written, strict=True))
        elif len(group) == 1:
            self._check_alive()
            outcomes[group[0][0]] = refused(str(problem))
        else:
            middle = len(group) // 2
            self._deliver(writer, group[:middle], outcomes)
            self._deliver(writer, group[middle:], outcomes)

    def _check_alive(self) -> None:
        """Raise where it is not a record that MLflow refuses, but the run that is gone."""
        desk = self._opened()
        run = desk.client.find_run(desk.run_id)
        if run is None:
            raise TransientError(f"the run {desk.run_id} is no longer in MLflow")
        check_active(run)

    def _advance(self, records: Sequence[Record]) -> None:
        for record in records:
            self._position[record.writer] = max(self._position.get(record.writer, 0), record.seq)


def _again(error: TransientError) -> Outcome:
    return retry(str(error), wait=error.retry_after)
