"""`RunReader`: everything that one experiment of Comet's holds, as bodies of records with their times."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import TypeAlias

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
from tracklib.model.state import RunState, fold
from tracklib.typing import JSON
from tracklib_comet import foreign, labels, params
from tracklib_comet.companions import Chunk, in_order, read_chunks
from tracklib_comet.contents import Contents
from tracklib_comet.experiment import Asset, Held, Shown, Viewing
from tracklib_comet.identity import OFFLINE, Identity
from tracklib_comet.points import Point, native, restore
from tracklib_comet.system import is_sample, natives_of, plain_name

__all__ = ["RunReader", "Timed"]

Timed: TypeAlias = tuple[int, Body]
"""A body with the time of its record."""

_TAKEN = (RunStart, RunEnd, Metrics, Params, Tags, Notes, Summary, Artifact, Media)
"""What is read with regard to what Comet shows of it; all other records are read as they stand."""


_UPLOADED = 15_000
"""Points of a metric that the SDK uploads of a zip at most."""


class RunReader:
    """Reads one experiment; one that tracklib did not write is taken as it stands."""

    def __init__(self, view: Viewing) -> None:
        self.view = view
        self.key = view.key
        self._notices: list[str] = []

    @cached_property
    def _others(self) -> Mapping[str, str]:
        return self.view.others()

    @cached_property
    def _identity(self) -> Identity | None:
        return Identity.among(self._others)

    @property
    def info(self) -> RunInfo:
        """Who the run is."""
        native, url = self.view.metadata(), self.view.url()
        if self._identity is not None:
            return self._identity.info(native, self.key, url)
        return foreign.info(native, self._others, self.key, url)

    def bodies(self) -> Iterator[Timed]:
        """Yield everything, the start first and the end last."""
        info = self.info
        yield info.started, self._start(info)
        yield from ((info.started, body) for body in self._facts())
        yield from self._metrics(info)
        yield from self._files(info)
        yield from ((record.time, record.body) for record in self._kept if not isinstance(record.body, _TAKEN))
        if self._identity is None:
            yield from foreign.console(self.view, info)
        said = [*self._notices, *self.contents.damaged, *self.view.damaged]
        yield from ((info.started, Notice("damaged", message)) for message in said)
        if info.ended is not None:
            yield info.ended, self._end(info)

    @property
    def _was_thinned_out(self) -> bool:
        """Whether it was uploaded from a zip, on which the SDK leaves points out."""
        return self.view.is_service and self._others.get(OFFLINE) == "true"

    @cached_property
    def _assets(self) -> Sequence[Asset]:
        return self.view.assets()

    @cached_property
    def _chunks(self) -> list[Chunk]:
        return list(read_chunks(self.view, self._notices)) if self._identity is not None else []

    @cached_property
    def _kept(self) -> list[Record]:
        return in_order(record for chunk in self._chunks for record in chunk.records)

    @cached_property
    def _state(self) -> RunState:
        return fold(self.key, self._kept)

    @cached_property
    def contents(self) -> Contents:
        """The run's files."""
        places = {tag: place for chunk in self._chunks for tag, place in chunk.places.items()}
        return Contents(self.view, self._assets, places)

    def _start(self, info: RunInfo) -> RunStart:
        context: Mapping[str, JSON] = {}
        rank: int | None = None
        if self._identity is None:
            context = foreign.context(self.view)
        for record in self._kept:
            if isinstance(record.body, RunStart):
                context, rank = {**context, **record.body.context}, record.body.rank
        return RunStart(info.project, info.name, info.group, info.job_type, info.parent, info.attempt, context, rank)

    def _end(self, info: RunInfo) -> RunEnd:
        held = self._identity
        if held is None or held.status != info.status:
            return RunEnd(info.status, None, foreign.error(self.view) if held is None else None)
        return RunEnd(held.status, held.exit_code, held.error)

    def _facts(self) -> Iterator[Body]:
        """Yield params, tags, notes and summary."""
        if self._identity is None:
            yield from foreign.facts(self.view, self._others)
            return
        state = self._state
        ever = [record.body.values for record in self._kept if isinstance(record.body, Params)]
        if found := params.read(state.params, self.view.params(), ever):
            yield Params(found)
        if tags := labels.read_tags(state.tags, self.view.tags()):
            yield Tags(tags)
        has_notes = any(isinstance(record.body, Notes) for record in self._kept)
        if (notes := labels.read_notes(state.notes if has_notes else None, self._others)) is not None:
            yield Notes(notes)
        if summary := labels.read_summary(state.summary, self._others):
            yield Summary(summary)

    def _metrics(self, info: RunInfo) -> Iterator[Timed]:
        """Yield each point of each metric."""
        beside = dict(self._beside)
        silent = self._silent(info)
        epochs = foreign.Epochs()
        for shown, held, is_part in self.view.points():
            own = beside.pop(shown, {})
            if self._identity is None and not is_sample(shown):
                epochs.take(shown, held)
            yield from self._metric(shown, held, own, silent.get(shown, []), is_part=is_part)
        yield from epochs.bodies()
        for own in beside.values():  # of which Comet shows nothing: removed there
            self._notices += [f"the metric {name!r} is gone at Comet" for name in own]

    @cached_property
    def _beside(self) -> dict[str, dict[str, list[tuple[Shown, Point]]]]:
        """What stands beside Comet's own points, by the name that Comet shows and the whole name."""
        found: dict[str, dict[str, list[tuple[Shown, Point]]]] = {}
        for record in self._kept:
            if isinstance(body := record.body, Metrics):
                for name, value in body.values.items():
                    at = native(name, body.step, value, record.when)
                    point = Point(record.writer, record.seq, body.step, value, record.when)
                    found.setdefault(at.name, {}).setdefault(name, []).append((at, point))
        return found

    def _silent(self, info: RunInfo) -> dict[str, list[Shown]]:
        """Return the samples of the machine as Comet shows them among the metrics, by their names there."""
        found: dict[str, list[Shown]] = {}
        started = self._identity.started if self._identity is not None else info.started
        for record in self._kept:
            if isinstance(record.body, System):
                for at in natives_of(record, started):
                    found.setdefault(at.name, []).append(at)
        return found

    def _metric(
        self,
        shown: str,
        held: list[Held],
        own: Mapping[str, list[tuple[Shown, Point]]],
        silent: list[Shown],
        *,
        is_part: bool,
    ) -> Iterator[Timed]:
        count = len({(point.writer, point.seq) for points in own.values() for _, point in points})
        is_part |= self._was_thinned_out and (len(held) < count or (not own and len(held) >= _UPLOADED))
        if is_part:
            said = "those stand beside it" if own else "the others are lost to readers"
            self._notices.append(f"Comet has {len(held)} points of {shown!r} and leaves others out: {said}")
        name = next(iter(own), shown)
        bad = 0
        for number, (value, step, time) in enumerate(restore(held, own.get(name, []), is_part=is_part, silent=silent)):
            if isinstance(value, str):
                bad += 1
            elif self._identity is None and is_sample(shown):
                yield time, System({plain_name(shown): value})
            else:
                yield time, Metrics({name: value}, number if step is None else step, time)
        if bad:
            self._notices.append(f"{bad} values of {shown!r} are no numbers")

    def _files(self, info: RunInfo) -> Iterator[Timed]:
        """Yield artifacts and media; of a run of ours, Comet's own only show what is kept beside them."""
        for record in self._kept:
            if isinstance(record.body, Artifact):
                yield record.time, self.contents.artifact(record)
            elif isinstance(record.body, Media) and (media := self.contents.media(record)) is not None:
                yield record.time, media
        rest = [a for a in self._assets if a.id not in self.contents.known and "tracklib" not in a.metadata]
        yield from foreign.files(self.view, rest, self.contents, info)
        if self._identity is None:
            yield from foreign.artifacts(self.view, self.contents, info)
