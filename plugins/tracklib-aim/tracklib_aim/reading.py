"""`RunReader`: everything that one run of Aim's holds, as bodies of records with their times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, TypeAlias

from tracklib.model.records import (
    Artifact,
    Body,
    Media,
    Metrics,
    Notes,
    Notice,
    Params,
    Record,
    RunEnd,
    RunStart,
    Summary,
    System,
    Tags,
)
from tracklib.model.run import RunInfo
from tracklib.typing import JSON
from tracklib_aim import names, params
from tracklib_aim.border import border
from tracklib_aim.companions import LABELS, PARAMS, read_document, read_records
from tracklib_aim.contents import Contents
from tracklib_aim.files import Files
from tracklib_aim.foreign import FORMS, objects
from tracklib_aim.identity import KEY, Identity
from tracklib_aim.labels import Labels
from tracklib_aim.media import CONTEXT
from tracklib_aim.observations import LOGS
from tracklib_aim.points import NS, Native, Point, read_chunk, restore
from tracklib_aim.repository import Repository
from tracklib_aim.sequences import CHUNKS, values_path
from tracklib_aim.system import PREFIX

__all__ = ["RunReader", "Timed"]

Timed: TypeAlias = tuple[int, Body]
"""A body with the time of its record."""

_NUMBERS = ("float", "int", "float64", "number")
_TAKEN = (RunStart, Artifact, Media)


class RunReader:
    """Reads one run; one that tracklib did not write is taken as it stands."""

    def __init__(self, repository: Repository, run_hash: str) -> None:
        self.hash = run_hash
        self._repository = repository
        self._meta = repository.database("meta", run_hash, writes=False)
        self._seqs = repository.database("seqs", run_hash, writes=False)
        self._properties = repository.properties(run_hash)
        with border(f"reading the run {run_hash}"):
            self._attributes: Mapping[Any, Any] = self._meta.get((*self._chunk, "attrs"), {}) or {}
            end_time = self._meta.get((*self._chunk, "end_time"))
            uri = self._meta.get((*self._chunk, "artifacts_uri"))
        self._identity = Identity.within(self._attributes.get(KEY))
        self.contents = Contents(run_hash, self._seqs, Files(run_hash, self._seqs, uri))
        self._native = {
            "name": self._properties.get("name"),
            "experiment": self._properties.get("experiment"),
            "created": self._properties.get("creation_time") or 0.0,
            "end_time": end_time,
        }

    @property
    def _chunk(self) -> tuple[str, ...]:
        return ("meta", "chunks", self.hash)

    @property
    def info(self) -> RunInfo:
        """Who the run is."""
        if self._identity is not None:
            return self._identity.info(self._native, self.hash)
        ended = self._native["end_time"]
        return RunInfo(
            project=self._native["experiment"] or "default",
            id=self.hash,
            name=self._native["name"] or "",
            status="running" if ended is None else "finished",
            started=round(self._native["created"] * NS),
            ended=None if ended is None else round(ended * NS),
            place=self.hash,
        )

    def rest(self) -> None:
        """Let go of the run's databases until they are used again."""
        self._meta.rest()
        self._seqs.rest()

    def bodies(self) -> Iterator[Timed]:
        """Yield everything, the start first and the end last."""
        info = self.info
        kept = self._kept()
        yield info.started, self._start(info, kept)
        yield from ((info.started, body) for body in self._labels())
        yield from self._metrics()
        yield from self._files(info, kept)
        yield from ((record.time, record.body) for record in kept if not isinstance(record.body, _TAKEN))
        self._repository.see(self.hash)  # of one that is gone, Aim gives what was open, and else nothing
        yield from ((info.started, Notice("damaged", message)) for message in self.contents.damaged)
        if info.ended is not None:
            yield info.ended, self._end(info)

    def _kept(self) -> list[Record]:
        if self._identity is None:
            return []
        with border("reading the records beside the run"):
            records = list(read_records(self._seqs, self.hash))
        return sorted(records, key=lambda record: (record.time, record.writer, record.seq))

    def _start(self, info: RunInfo, kept: list[Record]) -> RunStart:
        context: Mapping[str, JSON] = {}
        rank: int | None = None
        for record in kept:
            if isinstance(record.body, RunStart):
                context = {**context, **record.body.context}
                rank = record.body.rank
        return RunStart(info.project, info.name, info.group, info.job_type, info.parent, info.attempt, context, rank)

    def _files(self, info: RunInfo, kept: list[Record]) -> Iterator[Timed]:
        """Yield artifacts and media; of a run of ours, Aim's own objects only show what is kept beside them."""
        known: set[str] = set()
        for record in kept:
            if isinstance(record.body, Artifact):
                known |= self.contents.stored(record)
                yield record.time, self.contents.artifact(record)
            elif isinstance(record.body, Media) and (media := self.contents.media(record)) is not None:
                yield record.time, media
        with border("listing artifacts"):
            stored = self._meta.keys((*self._chunk, "artifacts"))
        yield from ((info.started, artifact) for artifact in self.contents.artifacts_elsewhere(stored, known))
        for index, name, trace in self._traces:
            kind = FORMS.get(str(trace.get("dtype", "float")).removeprefix("list(").removesuffix(")"))
            context = self._context(index)
            if kind is None or (self._identity and (name == LOGS or CONTEXT in context)):
                continue
            place = values_path(self.hash, index, name, trace.get("version", 1))
            yield from objects(self._seqs, place, names.join(name, context), kind, self.contents)

    def _end(self, info: RunInfo) -> RunEnd:
        held = self._identity
        if held is None or held.status != info.status:
            return RunEnd(info.status)
        return RunEnd(held.status, held.exit_code, held.error)

    def _labels(self) -> Iterator[Body]:
        with border("reading params and labels"):
            exact = read_document(self._seqs, self.hash, PARAMS) if self._identity is not None else {}
            labels = Labels.from_document(read_document(self._seqs, self.hash, LABELS))
        if found := params.read(self._attributes, exact):
            yield Params(found)
        if tags := labels.read_tags(self._properties.get("tags") or []):
            yield Tags(tags)
        if (notes := labels.read_notes(self._properties.get("description"))) is not None:
            yield Notes(notes)
        if labels.summary:
            yield Summary(labels.summary)

    def _metrics(self) -> Iterator[Timed]:
        """Yield each point of each metric."""
        for index, name, trace in self._traces:
            if trace.get("dtype", "float") not in _NUMBERS or (self._identity and name.startswith(PREFIX)):
                continue
            context = self._context(index)
            own = names.decode(name) if self._identity is not None else name
            for value, step, time in self._points(index, name, trace.get("version", 1)):
                if name.startswith(PREFIX):
                    yield time, System({names.join(name, context): value})
                    continue
                yield time, Metrics({names.join(own, context): value}, step, time)

    @cached_property
    def _traces(self) -> list[tuple[int, str, Mapping[str, Any]]]:
        """What Aim notes of each sequence, by context and name; a name that is no text, nobody can ask for."""
        with border("listing the sequences"):
            traces = self._meta.get((*self._chunk, "traces"), {}) or {}
        return [(i, name, trace) for i, named in traces.items() for name, trace in named.items() if type(name) is str]

    @cached_property
    def _contexts(self) -> Mapping[int, Any]:
        with border("reading the contexts"):
            found = self._meta.get((*self._chunk, "contexts"), {}) or {}
        return found if isinstance(found, Mapping) else {}

    def _context(self, index: int) -> Mapping[str, Any]:
        found = self._contexts.get(index)
        return found if isinstance(found, Mapping) else {}

    def _points(self, index: int, name: str, version: int) -> Iterator[tuple[Any, Any, int]]:
        place = values_path(self.hash, index, name, version)
        with border(f"reading the metric {name!r}"):
            values = dict(self._seqs.items((*place, "val")))
            steps = dict(self._seqs.items((*place, "step"))) if version == 2 else {step: step for step in values}
            times = dict(self._seqs.items((*place, "time")))
            chunks = [(str(key).rsplit("-", 2)[0], content) for key, content in self._seqs.items((*place, CHUNKS))]
        natives = {
            steps[at]: Native(steps[at], value, times.get(at, 0.0)) for at, value in values.items() if at in steps
        }
        points: list[Point] = [point for writer, content in chunks for point in read_chunk(writer, content)]
        yield from restore(dict(sorted(natives.items())), points)
