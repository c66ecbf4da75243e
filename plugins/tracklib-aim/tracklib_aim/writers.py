"""Writers: one for each kind of record; each turns records into writes of a run's databases and columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tracklib.model.records import Metrics, Record, Summary
from tracklib.model.records import Params as ParamsBody
from tracklib.typing import JSON
from tracklib_aim import names, params
from tracklib_aim.border import border
from tracklib_aim.companions import LABELS, PARAMS, document, read_document
from tracklib_aim.database import Operation, put, replace
from tracklib_aim.identity import KEY, clean
from tracklib_aim.labels import Labels
from tracklib_aim.open_run import OpenRun
from tracklib_aim.points import Point
from tracklib_aim.sequences import Sequences

__all__ = ["LabelWriter", "MetricWriter", "ParamWriter", "Writes"]


@dataclass(slots=True)
class Writes:
    """What is to be written to each of a run's databases."""

    meta: list[Operation] = field(default_factory=list)
    seqs: list[Operation] = field(default_factory=list)

    def add(self, both: tuple[list[Operation], list[Operation]]) -> None:
        """Add writes to ``meta`` and to ``seqs``."""
        self.meta += both[0]
        self.seqs += both[1]


class MetricWriter:
    """Writes points."""

    def __init__(self, sequences: Sequences) -> None:
        self._sequences = sequences

    def take(self, records: Sequence[Record], writes: Writes) -> None:
        """Add the writes of records of metrics."""
        points: dict[str, list[Point]] = {}
        for record in records:
            assert isinstance(record.body, Metrics)
            for name, value in record.body.values.items():
                point = Point(record.writer, record.seq, record.body.step, value, record.when)
                points.setdefault(name, []).append(point)
        for name, own in points.items():
            held, context = names.native(name)
            writes.add(self._sequences.numbers(held, context, own))


class ParamWriter:
    """Writes params."""

    def __init__(self, run: OpenRun) -> None:
        self._run = run
        self._params: params.Params | None = None

    def take(self, records: Sequence[Record], writes: Writes) -> None:
        """Add the writes of records of params."""
        if self._params is None:
            self._params = self._read()
        before = repr(self._params.exact)
        for record in records:
            assert isinstance(record.body, ParamsBody)
            for path, value, is_new in self._params.take(record.body.values):
                write = put if is_new else replace
                writes.meta += [write((*self._run.attributes, *path), value), write(("meta", "attrs", *path), value)]
        if repr(self._params.exact) != before:
            writes.seqs.append(document(self._run.hash, PARAMS, self._params.exact))

    def _read(self) -> params.Params:
        with border("reading the params"):
            native = self._run.meta.get(self._run.attributes, {})
            exact: dict[str, JSON] = read_document(self._run.seqs, self._run.hash, PARAMS)
        return params.Params(params.read(native, exact), exact)


class LabelWriter:
    """Writes tags, notes and summary."""

    def __init__(self, run: OpenRun) -> None:
        self._run = run
        self._labels: Labels | None = None

    def take(self, records: Sequence[Record], writes: Writes) -> None:
        """Add the writes of records of tags, notes and summaries; the columns are set at once."""
        if self._labels is None:
            with border("reading the labels"):
                self._labels = Labels.from_document(read_document(self._run.seqs, self._run.hash, LABELS))
        labels = self._labels
        words, notes = labels.shown(), labels.notes
        for record in records:
            labels.take(record)
        writes.seqs.append(document(self._run.hash, LABELS, labels.document()))
        self._show(words, notes)
        if any(isinstance(record.body, Summary) for record in records):
            writes.meta.append(replace((*self._run.attributes, KEY, "summary"), params.held(labels.summary)))

    def _show(self, words: set[str], notes: str | None) -> None:
        assert self._labels is not None
        columns = self._run.properties
        if self._labels.notes != notes:
            columns.set("description", clean(self._labels.notes or ""))
        there = set(columns.get("tags") or ())
        shown = self._labels.shown()
        for word in sorted(words - shown):
            if word in there:
                columns.remove_tag(word)
        for word in sorted(shown - there):
            columns.add_tag(word)
