"""`RestoredRun`: a run that tracklib wrote, as the records that it was made of.

What W&B's own places hold is read there, and put right by what stands beside it only where both still say the same; so
that whatever somebody changed or removed at W&B shows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, BinaryIO, TypeAlias

from tracklib.errors import BadValueError, RejectedError
from tracklib.model.records import (
    Artifact,
    Body,
    Console,
    Context,
    FileRef,
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
from tracklib_wandb import names, params
from tracklib_wandb.artifacts import native_name, native_path, other_name, record_key
from tracklib_wandb.companions import chunk_end, chunk_writer, content_path, read_chunk
from tracklib_wandb.contents import Contents
from tracklib_wandb.identity import KEY, NS, Identity
from tracklib_wandb.labels import LABELS, PARAMS, Labels, read_document
from tracklib_wandb.media import digest_of
from tracklib_wandb.rows import Mark, mark_of, points
from tracklib_wandb.seen import Seen
from tracklib_wandb.view import RunView, StoredArtifact

__all__ = ["RestoredRun"]

Timed: TypeAlias = tuple[int, Body]
_TAKEN = (RunStart, Artifact, Media)
_ENDLESS = (Console, System)
_MAX_CHUNK = 64 << 20
_AHEAD = 1000
"""Points that wait until a record tells how the run began, which the first row does as a rule."""


class RestoredRun:
    """Reads a run that tracklib wrote.

    Args:
        identity: What the config says of the run, under tracklib's key.
    """

    def __init__(self, view: RunView, identity: Identity) -> None:
        self._view = view
        self._identity = identity
        self._contents = Contents(view)
        self._forget()

    @property
    def info(self) -> RunInfo:
        """Who the run is."""
        return self._identity.info(self._view.vitals)

    def bodies(self) -> Iterator[Timed]:
        """Yield everything, the start first and the end last."""
        info = self.info
        self._begin()
        stream, ahead = self._stream(), deque[Timed]()
        while self._first is None and len(ahead) < _AHEAD and (item := next(stream, None)) is not None:
            ahead.append(item)  # until a record tells how the run began
        yield info.started, self._start(info)
        yield from ((info.started, body) for body in self._labels())
        while ahead:
            yield ahead.popleft()
        yield from stream
        if summary := self._summary():
            yield info.started, Summary(summary)
        kept = sorted(self._kept, key=lambda record: (record.time, record.writer, record.seq))
        yield from self._files(kept)
        yield from self._others(kept)
        yield from ((info.started, Notice("damaged", message)) for message in self._all_damaged())
        if info.ended is not None:
            yield info.ended, self._end(info)

    def open(self, sha256: str, /) -> BinaryIO | None:
        """Open a file that was read."""
        return self._contents.open(sha256)

    def close(self) -> None:
        """Let go of what is kept for it."""
        self._contents.close()

    # -- points

    def _stream(self) -> Iterator[Timed]:
        """Yield what a run has most of as it is read, points, samples and output; keep the other records for later.

        Of each writer, what stands in files goes before the rows behind it. A record that came twice is read once.
        """
        for row in self._view.history():
            try:
                mark = mark_of(row)
            except BadValueError as error:
                self._note(f"a row at step {row.get('_step')}: {error}")
                mark = None
            if mark is None:
                yield from _unmarked(row)
                continue
            for writer, seq in _firsts(mark).items() if self._chunks else ():
                yield from self._chunks_before(writer, seq)
            yield from self._sorted_out(mark.beside)
            yield from self._points(row, mark)
        for writer in list(self._chunks):
            yield from self._chunks_before(writer)

    def _points(self, row: Mapping[str, Any], mark: Mark) -> Iterator[Timed]:
        old = {(p.writer, p.seq) for p in mark.points if (p.writer, p.seq) in self._seen}
        for name, value, point in points(row, mark):
            if (point.writer, point.seq) in old:
                continue
            self._metrics.add(name)
            yield point.time, Metrics({name: value}, point.step, point.when)
        for point in mark.points:
            self._seen.add(point.writer, point.seq)

    # -- whole records

    def _forget(self) -> None:
        self._damaged: dict[str, None] = {}
        self._metrics: set[str] = set()
        self._kept: list[Record] = []
        self._seen = Seen()
        self._first: Record | None = None
        self._chunks: dict[str, deque[tuple[int, str]]] = {}

    def _begin(self) -> None:
        self._forget()
        for last, writer, path in sorted((end[1], end[0], path) for path in self._paths if (end := chunk_end(path))):
            self._chunks.setdefault(writer, deque()).append((last, path))

    def _sorted_out(self, records: Iterable[Record]) -> Iterator[Timed]:
        """Yield the records that a run has without end; keep those that are few and have their own places."""
        for record in records:
            if not self._seen.add(record.writer, record.seq):
                continue
            if isinstance(record.body, _ENDLESS):
                yield record.time, record.body
                continue
            self._kept.append(record)
            if isinstance(record.body, RunStart) and self._first is None:
                self._first = record

    def _chunks_before(self, writer: str, seq: int | None = None) -> Iterator[Timed]:
        """Read the files of a writer's records that end before a number, or all that are left."""
        waiting = self._chunks.get(writer)
        while waiting and (seq is None or waiting[0][0] < seq):
            path = waiting.popleft()[1]
            if (size := self._paths[path]) > _MAX_CHUNK:
                self._note(f"{path}: expected a chunk of records, got {size} bytes")
                continue
            try:
                with self._view.open_file(path) as content:
                    records = read_chunk(content.read())
            except (BadValueError, RejectedError) as error:
                self._note(f"{path}: {error}")
                continue
            yield from self._sorted_out(records)

    @cached_property
    def _paths(self) -> dict[str, int]:
        return {file.path: file.size for file in self._view.files()}

    @cached_property
    def _by_digest(self) -> dict[str, str]:
        """Where media are, by what their names tell of their digests."""
        return {digest: path for path in self._paths if (digest := digest_of(path)) is not None}

    def _note(self, message: str) -> None:
        self._damaged[message] = None

    def _all_damaged(self) -> Iterator[str]:
        yield from self._damaged
        for what, count in self._view.losses().items():
            yield f"{what}: {count}"

    # -- who it is

    def _start(self, info: RunInfo) -> RunStart:
        first = self._first.body if self._first is not None else None
        context, rank = (first.context, first.rank) if isinstance(first, RunStart) else ({}, None)
        return RunStart(info.project, info.name, info.group, info.job_type, info.parent, info.attempt, context, rank)

    def _others(self, kept: list[Record]) -> Iterator[Timed]:
        """Yield the records that have no other place; of starts behind the first, what they say of the surroundings."""
        starts = [record for record in kept if isinstance(record.body, RunStart)]
        told = self._first if starts and starts[0] is self._first else None
        for record in kept:
            if not isinstance(record.body, _TAKEN):
                yield record.time, record.body
            elif isinstance(record.body, RunStart) and record is not told and record.body.context:
                yield record.time, Context(record.body.context)

    def _end(self, info: RunInfo) -> RunEnd:
        held = self._identity
        if held.status != info.status:
            return RunEnd(info.status)
        return RunEnd(held.status, held.exit_code, held.error)

    def _labels(self) -> Iterator[Body]:
        config, vitals = self._view.config(), self._view.vitals
        own = config.get(KEY)
        own = own if isinstance(own, Mapping) else {}
        exact: dict[str, JSON] = read_document(own.get(PARAMS))
        labels = Labels.read(own.get(LABELS))
        if found := params.read(config, exact):
            yield Params(found)
        if tags := labels.read_tags(vitals.tags):
            yield Tags(tags)
        if (notes := labels.read_notes(vitals.notes)) is not None:
            yield Notes(notes)

    def _summary(self) -> dict[str, JSON]:
        """Return the summary, which is known once all metrics are."""
        own = self._view.config().get(KEY)
        labels = Labels.read(own.get(LABELS) if isinstance(own, Mapping) else None)
        return params.read_summary(self._view.summary(), labels.summary, frozenset(self._metrics))

    # -- files

    def _files(self, kept: list[Record]) -> Iterator[Timed]:
        stored = list(self._view.logged()) if any(isinstance(record.body, Artifact) for record in kept) else []
        for record in kept:
            if isinstance(record.body, Artifact):
                yield record.time, self._artifact(record, record.body, stored)
            elif isinstance(record.body, Media) and (media := self._media(record.body)) is not None:
                yield record.time, media

    def _artifact(self, record: Record, body: Artifact, stored: list[StoredArtifact]) -> Artifact:
        """Return an artifact with the files that are there."""
        if not body.files:
            return body
        nearest: tuple[FileRef, ...] = ()
        problems = [f"the artifact {body.name!r} is not at W&B"]
        for number, found in enumerate(_fitting(record_key(self._identity.id, record), body, stored)):
            files, missing = self._of_artifact(body, found)
            if files == body.files:
                return body
            if number == 0:
                nearest, problems = files, missing
        for problem in problems:
            self._note(problem)
        return replace(body, files=nearest)

    def _of_artifact(self, body: Artifact, found: StoredArtifact) -> tuple[tuple[FileRef, ...], list[str]]:
        """Return the files of an artifact as they are in one of W&B's versions, and what is missing there."""
        files: list[FileRef] = []
        missing: list[str] = []
        for file in body.files:
            try:
                files.append(self._contents.of_artifact(found, native_path(file.path), file.path))
            except RejectedError as error:
                missing.append(f"the file {file.path!r} of the artifact {body.name!r}: {error}")
        return tuple(files), missing

    def _media(self, media: Media) -> Media | None:
        """Return a medium, or ``None`` where its file is gone."""
        file = self._file(media.file)
        attachments = [self._file(item) for item in media.attachments]
        if file is None:
            return None
        return replace(media, file=file, attachments=tuple(item for item in attachments if item is not None))

    def _file(self, file: FileRef) -> FileRef | None:
        """Return the reference to a file as it really is, whatever the record claims."""
        path = content_path(file.sha256)
        if path not in self._paths:
            path = self._by_digest.get(file.sha256[:20], path)
        try:
            return self._contents.of_run(path, file.path)
        except RejectedError as error:
            self._note(f"the file {file.path} of {file.size} bytes: {error}")
            return None


def _fitting(key: str, body: Artifact, stored: list[StoredArtifact]) -> list[StoredArtifact]:
    """Return W&B's versions that may be an artifact: its own, else, as W&B keeps no content twice, one like it."""
    names_there = (native_name(body.name), other_name(body.name, body.type))
    own = [found for found in stored if found.name.partition(":")[0] in names_there]
    paths = {native_path(file.path): file.size for file in body.files}
    marked = [found for found in own if found.metadata.get(KEY) == key]
    alike = [found for found in own if {f.path: f.size for f in found.files if not f.reference} == paths]
    return marked or alike


def _firsts(mark: Mark) -> dict[str, int]:
    """Return, for each writer by the names of its chunks, the first record that a row is made of."""
    found: dict[str, int] = {}
    for writer, seq in (*((p.writer, p.seq) for p in mark.points), *((r.writer, r.seq) for r in mark.beside)):
        found[writer] = min(seq, found.get(writer, seq))
    return {chunk_writer(writer): seq for writer, seq in found.items()}


def _unmarked(row: Mapping[str, Any]) -> Iterator[Timed]:
    """Yield the points of a row that somebody else wrote into the run."""
    seconds = row.get("_timestamp")
    time = round(seconds * NS) if isinstance(seconds, (int, float)) and seconds - seconds == 0 else 0
    for key, value in row.items():
        if key not in names.RESERVED and isinstance(value, (int, float)) and not isinstance(value, bool):
            yield time, Metrics({names.decode(key): value}, row.get("_step", 0), time)
