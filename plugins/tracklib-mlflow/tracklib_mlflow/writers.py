"""Writers: one for each kind of record; each writes a few records of its kind, or raises for all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tracklib.backends.contract import Outcome, SinkContext, accepted, changed
from tracklib.model.records import Params, Record
from tracklib_mlflow import companions as kinds
from tracklib_mlflow import tags, texts
from tracklib_mlflow.client import Client
from tracklib_mlflow.companions import Companions
from tracklib_mlflow.files import Files
from tracklib_mlflow.params import Change, ParamBook
from tracklib_mlflow.points import Native, Point, Repeats, native, points_of
from tracklib_mlflow.wire import Wire

if TYPE_CHECKING:
    from mlflow.entities import Run

__all__ = ["Desk", "LabelWriter", "MetricWriter", "ParamWriter", "Writer"]

_MAX_POINTS = 1000


@dataclass(slots=True)
class Desk:
    """What all writers of a run work with.

    Attributes:
        run: As it was when it was opened.
    """

    client: Client
    run: Run
    context: SinkContext
    files: Files = field(init=False)
    companions: Companions = field(init=False)

    def __post_init__(self) -> None:
        self.files = Files(self.client, str(self.run.info.artifact_uri), self.context.scratch)
        self.companions = Companions(self.files)

    @property
    def run_id(self) -> str:
        """Return MLflow's id of the run."""
        return str(self.run.info.run_id)

    def put_texts(self, wire: Wire) -> None:
        """Upload the companion texts that keys and values need, before these are written."""
        for digest, text in wire.texts.items():
            self.files.put_text(digest, text)


class Writer(Protocol):
    """Writes records of one kind."""

    def write(self, records: Sequence[Record]) -> list[Outcome]:
        """Write records; return an outcome for each.

        Raises:
            RejectedError: MLflow refuses at least one of them; none of them counts as written.
        """
        ...


class MetricWriter:
    """Writes metrics: native points, and entries for those that are more than that."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._repeats = Repeats()

    def write(self, records: Sequence[Record]) -> list[Outcome]:
        """Write records of metrics."""
        wire = Wire()
        natives: list[Native] = []
        held: list[tuple[Record, Point, Native]] = []
        for record in records:
            for point in points_of(record):
                wire.key(point.key)
                natives.append(native(point.key, point.value, point.step, point.time))
                held.append((record, point, natives[-1]))
        self._desk.put_texts(wire)
        self._desk.client.log_points(self._desk.run_id, natives)
        for record, point, held_point in held:
            entry = self._repeats.entry(record, point, held_point)
            if entry is not None:
                self._desk.companions.hold(kinds.POINTS, record, entry.to_fields(), point.key)
        return [accepted() for _ in records]

    @staticmethod
    def chunks(records: Sequence[tuple[int, Record]]) -> Iterator[list[tuple[int, Record]]]:
        """Yield records in groups of at most a request's points, as far as one record has no more."""
        chunk: list[tuple[int, Record]] = []
        size = 0
        for index, record in records:
            count = sum(1 for _ in points_of(record))
            if chunk and size + count > _MAX_POINTS:
                yield chunk
                chunk, size = [], 0
            chunk.append((index, record))
            size += count
        if chunk:
            yield chunk


class ParamWriter:
    """Writes params; what MLflow would refuse as a change goes to tags."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._book: ParamBook | None = ParamBook.of_run(desk.run.data.params, desk.run.data.tags, desk.files.text)

    def write(self, records: Sequence[Record]) -> list[Outcome]:
        """Write records of params."""
        book = self._book or self._read_book()
        self._book = None  # until all is written, nobody knows what MLflow has
        change = Change()
        outcomes = []
        for record in records:
            assert isinstance(record.body, Params)
            is_changed = book.enter(record.body.values, change)
            outcomes.append(changed(_PARAM_CHANGED) if is_changed else accepted())
        self._desk.put_texts(change.wire)
        self._desk.client.log_params(self._desk.run_id, change.params)
        self._desk.client.set_tags(self._desk.run_id, change.tags)
        self._book = book
        return outcomes

    def _read_book(self) -> ParamBook:
        data = self._desk.client.run(self._desk.run_id).data
        return ParamBook.of_run(data.params, data.tags, self._desk.files.text)


_PARAM_CHANGED = (
    "MLflow keeps a param's first value; the new one is in a tag tracklib.param.*, and is what is read back"
)


class LabelWriter:
    """Writes tags, notes and summaries."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def write(self, records: Sequence[Record]) -> list[Outcome]:
        """Write records of tags, notes and summaries; the last of a key holds."""
        wire = Wire()
        labels: dict[str, str | None] = {}
        numbers: dict[str, Native] = {}
        for record in records:
            for (prefix, name), text in tags.labels(record).items():
                labels[wire.key(name, prefix)] = None if text is None else wire.value(text, texts.MAX_TAG)
            for (prefix, name), value in tags.summary_metrics(record).items():
                key = wire.key(name, prefix)
                numbers[key] = native(key, value, 0, record.time)
        self._desk.put_texts(wire)
        self._desk.client.set_tags(self._desk.run_id, labels)
        self._desk.client.log_points(self._desk.run_id, list(numbers.values()))
        return [accepted() for _ in records]
