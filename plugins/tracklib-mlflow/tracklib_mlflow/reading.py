"""`RunReader`: everything that one run of MLflow's holds, as bodies of records with their times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from tracklib.errors import RejectedError
from tracklib.model.codec import from_fields
from tracklib.model.records import (
    Body,
    Context,
    Metrics,
    Notes,
    Notice,
    Params,
    Record,
    RunEnd,
    RunStart,
    Summary,
    Tags,
)
from tracklib.model.run import RunInfo
from tracklib.typing import JSON
from tracklib_mlflow import companions as kinds
from tracklib_mlflow import tags, texts
from tracklib_mlflow.companions import read_chunks
from tracklib_mlflow.contents import Contents
from tracklib_mlflow.held import HeldRun, Store
from tracklib_mlflow.identity import is_ours
from tracklib_mlflow.inputs import foreign_datasets, foreign_inputs
from tracklib_mlflow.names import decode
from tracklib_mlflow.params import read_params
from tracklib_mlflow.points import entries_of, restore
from tracklib_mlflow.system import SYSTEM

__all__ = ["RunReader", "Timed"]

Timed: TypeAlias = tuple[int, Body]
"""A body with the time of its record."""


class RunReader:
    """Reads one run; one that tracklib did not write is taken as it stands."""

    def __init__(self, store: Store, run: HeldRun, info: RunInfo) -> None:
        self._store = store
        self._run = run
        self._info = info
        self._files = store.files(run)
        self._is_ours = is_ours(run)
        self._damaged: list[str] = []
        models = {f"models:/{model.id}": model for model in store.models(run)}
        registered = {} if self._is_ours else store.registered(run)
        self.contents = Contents(self._files, models, registered, is_ours=self._is_ours, damaged=self._damaged.append)

    def bodies(self) -> Iterator[Timed]:
        """Yield everything, the start first and the end last."""
        kept = self._kept()
        yield self._info.started, self._start(kept)
        yield from ((self._info.started, body) for body in self._labels())
        yield from self._metrics()
        yield from self.contents.read(self._info.started)
        yield from ((self._info.started, body) for body in self._used())
        yield from ((record.time, record.body) for record in kept if not isinstance(record.body, RunStart))
        self._see_it_is_there()
        yield from ((self._info.started, Notice("damaged", message)) for message in self._problems())
        if self._info.ended is not None:
            yield self._info.ended, self._end()

    def _see_it_is_there(self) -> None:
        """See that the run is still there: of one that is gone, MLflow gives empty metrics and no files, as if it had none.

        Raises:
            RejectedError: It is not.
        """
        try:
            self._store.run(self._run.info.run_id)
        except RejectedError as error:
            raise RejectedError(f"it was deleted while it was read: {error}") from error

    def _used(self) -> Iterator[Body]:
        """Yield the datasets and models that the run used."""
        yield from foreign_inputs(self._run)
        yield from self._store.used_models(self._run)
        if datasets := foreign_datasets(self._run):
            yield Context(datasets)

    def _problems(self) -> Iterator[str]:
        """Yield what could not be read, each once."""
        yield from dict.fromkeys((*self._damaged, *self._store.problems(self._run)))

    def _kept(self) -> list[Record]:
        """Return the whole records of companions, each once, in the order of their times."""
        if not self._is_ours:
            return []
        lines = read_chunks(self._files, kinds.RECORDS, self._damaged.append)
        records = [from_fields(line["record"], line["writer"]) for line in lines]
        unique = {(record.writer, record.seq): record for record in records}
        return sorted(unique.values(), key=lambda record: (record.time, record.writer, record.seq))

    def _start(self, kept: list[Record]) -> RunStart:
        info = self._info
        context: Mapping[str, JSON] = {}
        for record in kept:
            if isinstance(record.body, RunStart):
                context = {**context, **record.body.context}
        return RunStart(info.project, info.name, info.group, info.job_type, info.parent, info.attempt, context)

    def _end(self) -> RunEnd:
        held = self._run.data.tags
        if self._info.status != held.get(tags.STATUS):
            return RunEnd(self._info.status)
        code, error = held.get(tags.EXIT_CODE), held.get(tags.ERROR)
        message = None if error is None else texts.whole(error, self._files.text)
        return RunEnd(self._info.status, None if code is None else int(code), message)

    def _labels(self) -> Iterator[Body]:
        data, lookup = self._run.data, self._files.text
        params = read_params(data.params, data.tags, lookup) if self._is_ours else dict(data.params)
        if params:
            yield Params(params)
        if own := tags.user(data.tags, lookup) if self._is_ours else tags.foreign(data.tags):
            yield Tags(own)
        if (note := data.tags.get(tags.NOTE)) is not None:
            yield Notes(texts.whole(note, lookup) if self._is_ours else note)
        if self._is_ours and (values := tags.summary(data.tags, lookup)):
            yield Summary(values)

    def _metrics(self) -> Iterator[Timed]:
        """Yield each point of each metric."""
        lines = read_chunks(self._files, kinds.POINTS, self._damaged.append) if self._is_ours else iter(())
        entries = entries_of(lines)
        for key in sorted(self._run.data.metrics):
            if self._is_ours and key.startswith((tags.SUMMARY_METRIC, SYSTEM)):
                continue
            name = decode(key, self._files.text) if self._is_ours else key
            history = self._store.history(self._run, key)
            for point in restore(history, entries):
                yield point.time, Metrics({name: point.value}, point.step, point.time)
