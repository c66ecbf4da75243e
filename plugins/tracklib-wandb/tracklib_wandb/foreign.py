"""`ForeignRun`: a run that tracklib did not write, as bodies of records with their times."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from typing import BinaryIO

from tracklib.errors import BadValueError, RejectedError
from tracklib.model.records import (
    Artifact,
    Console,
    Context,
    Input,
    Notes,
    Notice,
    Params,
    Reference,
    RunEnd,
    RunStart,
    Summary,
    System,
    Tags,
)
from tracklib.model.run import RunInfo
from tracklib.model.scalars import timestamp_ns
from tracklib.model.trees import flatten, same, unflatten
from tracklib.typing import JSON, Status
from tracklib_wandb.contents import Contents, is_safe
from tracklib_wandb.foreign_rows import OWN, ForeignRows, Timed, time_of
from tracklib_wandb.load_names import load_of
from tracklib_wandb.surroundings_told import context_of, packages_of
from tracklib_wandb.view import RunView, StoredArtifact, Vitals

__all__ = ["ForeignRun", "Timed", "info_of"]

STATES: Mapping[str, Status] = {
    "finished": "finished",
    "failed": "failed",
    "crashed": "crashed",
    "killed": "killed",
    "preempted": "killed",
    "preempting": "running",
    "pending": "running",
    "running": "running",
}
_TOLD_ELSEWHERE = frozenset(
    ("wandb-metadata.json", "wandb-summary.json", "config.yaml", "wandb-history.jsonl", "wandb-events.jsonl")
)
_PACKAGES, _OUTPUT = "requirements.txt", "output.log"


def info_of(vitals: Vitals, place: str) -> RunInfo:
    """Return who a run is."""
    status = STATES.get(vitals.state, "stale")
    ended = None if status == "running" or vitals.ended is None else _ns(vitals.ended)
    return RunInfo(
        project=vitals.project,
        id=vitals.id,
        name=vitals.name or vitals.id,
        status=status,
        started=_ns(vitals.created),
        ended=ended if status == "running" else ended or _ns(vitals.created),
        group=vitals.group,
        job_type=vitals.job_type,
        attempt=vitals.attempts,
        place=place,
        url=vitals.url,
    )


def _ns(seconds: float) -> int:
    try:
        return timestamp_ns(seconds)
    except BadValueError:  # beyond all calendars
        return 0


class ForeignRun:
    """Reads everything that W&B holds of a run into what tracklib has for it; what has no place goes into the context."""

    def __init__(self, view: RunView, place: str) -> None:
        self.view = view
        self.place = place
        self.contents = Contents(view)
        self._rows = ForeignRows(view, self.contents)
        self._told: list[JSON] = []
        self._refused: Counter[str] = Counter()

    @property
    def info(self) -> RunInfo:
        """Who the run is."""
        return info_of(self.view.vitals, self.place)

    def open(self, sha256: str) -> BinaryIO | None:
        """Open a file that was read."""
        return self.contents.open(sha256)

    def close(self) -> None:
        """Let go of what is kept for it."""
        self.contents.close()

    def bodies(self) -> Iterator[Timed]:
        """Yield everything, the start first and the end last."""
        info, vitals = self.info, self.view.vitals
        self._rows, self._told, self._refused = ForeignRows(self.view, self.contents), [], Counter()
        start = info.started
        yield start, RunStart(info.project, info.name, info.group, info.job_type, None, info.attempt)
        if config := dict(self.view.config()):
            yield start, Params(config)
        if vitals.tags:
            yield start, Tags(dict.fromkeys(vitals.tags, ""))
        if vitals.notes:
            yield start, Notes(vitals.notes)
        yield from self._rows.bodies(start)
        yield from self._load(start)
        has_console = yield from self._console(start)
        yield from self._artifacts(start)
        yield from self._files(start, has_console=has_console)
        end = info.ended if info.ended is not None else start
        if summary := self._summary():
            yield end, Summary(summary)
        yield end, Context(self._context(vitals))
        yield from ((end, notice) for notice in self._notices())
        if info.ended is not None:
            yield info.ended, RunEnd(info.status, vitals.exit_code)

    # -- what surrounds them

    def _load(self, start: int) -> Iterator[Timed]:
        for row in self.view.events():
            if values := load_of(row):
                yield time_of(row, start), System(values)

    def _console(self, start: int) -> Generator[Timed, None, bool]:
        found = False
        for stream, text, when in self.view.console():
            found = True
            yield start if when is None else _ns(when), Console(stream, text)
        return found

    def _artifacts(self, start: int) -> Iterator[Timed]:
        for stored in self.view.logged():
            if self._is_of_table(stored):
                continue
            when = start if stored.created is None else _ns(stored.created)
            yield when, self._artifact(stored)
            self._told.append(_said(stored))
        for stored in self.view.used():
            yield start, Input(stored.name, stored.type or None, stored.version, stored.run)

    def _is_of_table(self, stored: StoredArtifact) -> bool:
        """Tell whether an artifact is only how W&B keeps a table that was read with all that stands in it."""
        taken = self.contents.taken_apart
        return stored.type == "run_table" and all((stored.digest, file.path) in taken for file in stored.files)

    def _artifact(self, stored: StoredArtifact) -> Artifact:
        files, references = [], []
        for entry in stored.files:
            if not is_safe(entry.path):
                self._refused["files of artifacts whose names lead elsewhere"] += 1
            elif entry.reference is not None:
                references.append(Reference(entry.path, entry.reference, entry.size or None, entry.digest))
            else:
                try:
                    files.append(self.contents.of_artifact(stored, entry.path, entry.path))
                except RejectedError:
                    self.contents.missing["files of artifacts that are not held"] += 1
        metadata = dict(stored.metadata)
        return Artifact(stored.name, stored.type, tuple(files), stored.aliases, metadata, (), tuple(references))

    def _files(self, start: int, *, has_console: bool) -> Iterator[Timed]:
        """Yield the files of the run that nothing else is made of, as one artifact."""
        found = []
        for file in self.view.files():
            if file.path in self.contents.taken or file.path in _TOLD_ELSEWHERE:
                continue
            if (file.path == _OUTPUT and has_console) or (file.path == _PACKAGES and self._packages()):
                continue
            if not is_safe(file.path):
                self._refused["files whose names lead elsewhere"] += 1
                continue
            try:
                found.append(self.contents.of_run(file.path, file.path))
            except RejectedError:
                self.contents.missing["files that are not held"] += 1
        if found:
            yield start, Artifact("files", "files", tuple(found))

    def _packages(self) -> dict[str, JSON]:
        """Return the packages that the SDK listed, where that is all that its file says."""
        try:
            with self.view.open_file(_PACKAGES) as file:
                return packages_of(file.read())
        except (RejectedError, OSError):
            return {}

    def _summary(self) -> dict[str, JSON]:
        """Return what somebody chose for the summary.

        W&B itself writes each metric's last value there. Where it only repeats the history, it says nothing that a
        reader, or W&B after a copy back, does not find by itself; copied, it would stand there as somebody's word.
        """
        kept = []
        for path, leaf in flatten({k: v for k, v in self.view.own_summary().items() if k not in OWN}):
            key = ".".join(path)
            if any(".".join(path[:length]) in self._rows.media for length in range(1, len(path) + 1)):
                continue
            value = int(leaf) if isinstance(leaf, bool) and key in self._rows.bools else leaf
            if key not in self._rows.last or not same(value, self._rows.last[key]):
                kept.append((path, leaf))
        return unflatten(iter(kept))

    def _context(self, vitals: Vitals) -> dict[str, JSON]:
        own: dict[str, JSON] = {}
        if self._told:
            own["artifacts"] = self._told
        if self._rows.bools:
            own["bools"] = sorted(self._rows.bools)
        if self._rows.nested:
            own["nested"] = self._rows.nested
        return context_of(vitals, self.view.metadata(), self.view.internals(), own, self._packages())

    def _notices(self) -> Iterator[Notice]:
        for code, counts in (
            ("damaged", self.view.losses()),
            ("damaged", self.contents.missing),
            ("refused", self._rows.refused + self._refused),
        ):
            yield from (Notice(code, text, count) for text, count in counts.items() if count)


def _said(stored: StoredArtifact) -> JSON:
    """Return what W&B says of an artifact and tracklib has no place for."""
    told = {
        "name": stored.name,
        "version": stored.version,
        "digest": stored.digest,
        "description": stored.description or None,
    }
    return {key: value for key, value in told.items() if value is not None}
