"""The memory backend with one fault each, that a real adapter has had, or could have."""

from __future__ import annotations

import contextlib
import io
import math
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import BinaryIO

from tracklib.backends.capabilities import Capabilities, Feature, absent, lossy
from tracklib.backends.contract import Outcome, Sink, SinkContext, VendorRun, accepted, refused
from tracklib.backends.memory import CAPABILITIES, MemorySink, MemorySource, MemoryStore
from tracklib.errors import RejectedError
from tracklib.model.records import (
    Artifact,
    Body,
    Console,
    Context,
    FileRef,
    Input,
    Media,
    Metrics,
    Notes,
    Params,
    Position,
    Record,
    RunEnd,
    RunStart,
    System,
    Tags,
)
from tracklib.model.run import RunInfo
from tracklib.testing.conformance.wrong.subject import WrongSubject
from tracklib.typing import Number

__all__ = ["IN_MEMORY"]

Change = Callable[[Body], "Body | None"]
"""What is kept in place of a record's body; ``None`` keeps nothing."""


class _ChangingSink(MemorySink):
    """Keeps something else than it was given, and says that all is well."""

    def __init__(self, store: MemoryStore, context: SinkContext, change: Change) -> None:
        super().__init__(store, context)
        self._change = change

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        made = ((record, self._change(record.body)) for record in batch)
        super().send([replace(record, body=body) for record, body in made if body is not None])
        for record in batch:
            self._position[record.writer] = record.seq
        return [accepted()] * len(batch)


def _changing(change: Change, capabilities: Capabilities = CAPABILITIES) -> Callable[[], WrongSubject]:
    return lambda: WrongSubject("wrong", lambda store, context: _ChangingSink(store, context, change), capabilities)


def _values(change: Callable[[Number], Number | None]) -> Change:
    """Change the values of metrics."""

    def apply(body: Body) -> Body | None:
        if not isinstance(body, Metrics):
            return body
        kept = {key: new for key, value in body.values.items() if (new := change(value)) is not None}
        return replace(body, values=kept) if kept else None

    return apply


def _of(kind: type[Body], change: Callable[..., Body | None]) -> Change:
    return lambda body: change(body) if isinstance(body, kind) else body


def _float32(value: Number) -> Number:
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except (OverflowError, struct.error):
        return math.inf


def _double(value: Number) -> Number:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _without_nan(value: Number) -> Number | None:
    return value if value == value else None  # noqa: PLR0124  NaN


def _finite(value: Number) -> Number:
    return max(-1.7976931348623157e308, min(value, 1.7976931348623157e308)) if abs(value) == math.inf else value


class _Forgetful(MemorySink):
    """Keeps what it has in memory until a hundred records are there, forgets the rest, and confirms all."""

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        super().send(batch[: max(len(batch) - 1, 0)])
        for record in batch:
            self._position[record.writer] = record.seq
        return [accepted()] * len(batch)


class _Eager(MemorySink):
    """Confirms what it has not been sent."""

    def confirmed(self) -> Position:
        return {writer: seq + 5 for writer, seq in super().confirmed().items()}


class _Lazy(MemorySink):
    """Never confirms anything."""

    def confirmed(self) -> Position:
        return {}


class _Curt(MemorySink):
    """Answers for all records at once."""

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        return super().send(batch)[:1]


class _Doubling(MemorySink):
    """Holds what is sent again beside what was there."""

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        held = self._store.records[self._run]
        fresh = [
            replace(record, writer=f"{record.writer}+{sum(key[1] == record.seq for key in held)}") for record in batch
        ]
        super().send(fresh)
        for record in batch:
            self._position[record.writer] = record.seq
        return [accepted()] * len(batch)


class _Rising(MemorySink):
    """Drops what comes with a step below the highest, as a vendor with monotonic steps does."""

    def __init__(self, store: MemoryStore, context: SinkContext) -> None:
        super().__init__(store, context)
        self._top: dict[str, Number] = {}

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        super().send([record for record in batch if self._rises(record.body)])
        for record in batch:
            self._position[record.writer] = record.seq
        return [accepted()] * len(batch)

    def _rises(self, body: Body) -> bool:
        if not isinstance(body, Metrics):
            return True
        rises = all(body.step >= self._top.get(key, body.step) for key in body.values)
        self._top.update(dict.fromkeys(body.values, body.step))
        return rises


class _Merging(MemorySink):
    """Keeps the last value alone of those at one step."""

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        held = self._store.records[self._run]
        for record in batch:
            body = record.body
            if isinstance(body, Metrics):
                for key, old in list(held.items()):
                    other = old.body
                    if isinstance(other, Metrics) and (other.step, other.values.keys()) == (
                        body.step,
                        body.values.keys(),
                    ):
                        del held[key]
            super().send([record])
        return [accepted()] * len(batch)


class _Splitting(MemorySink):
    """Makes another run at each opening."""

    def open(self, run: RunInfo, /) -> VendorRun:
        made = super().open(run)
        return replace(made, id=f"{made.id}-{id(self)}")


class _Shared(MemorySink):
    """Keeps what it is sent in the run that was opened last, whichever sink it came by."""

    last = ""

    def open(self, run: RunInfo, /) -> VendorRun:
        type(self).last = run.id
        return super().open(run)

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        self._run = type(self).last
        return super().send(batch)


class _Raising(MemorySink):
    """Raises for a single record."""

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        if any(isinstance(record.body, Notes) for record in batch):
            raise ValueError("no notes here")
        return super().send(batch)


class _Doubled(MemorySource):
    """Lists each run twice."""

    def runs(self, query: object, /) -> Iterator[RunInfo]:
        for run in super().runs(query):  # type: ignore[arg-type]
            yield run
            yield run


class _Refusing(MemorySink):
    """Refuses names with a slash, though it declares to hold any."""

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        bad = [isinstance(r.body, Metrics) and any("/" in key for key in r.body.values) for r in batch]
        super().send([record for record, is_bad in zip(batch, bad, strict=True) if not is_bad])
        for record in batch:
            self._position[record.writer] = record.seq
        return [refused("a slash") if is_bad else accepted() for is_bad in bad]


class _LyingWitness:
    """A vendor's page that shows other numbers than were sent."""

    def points(self, run: VendorRun, metric: str, /) -> Sequence[tuple[Number, Number]]:
        _ = run, metric
        return [(step, float(step)) for step in range(20)]


class _Indifferent(MemorySink):
    """Takes an artifact whose content is lost, and says that all is well."""

    def _keep_files(self, record: Record) -> None:
        with contextlib.suppress(RejectedError):
            super()._keep_files(record)


class _Hoarding(MemorySink):
    """Hands everything over when it is closed, and confirms it long before."""

    def __init__(self, store: MemoryStore, context: SinkContext) -> None:
        super().__init__(store, context)
        self._hoard: list[Record] = []

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        self._hoard += batch
        self._position.update({record.writer: record.seq for record in batch})
        return [accepted()] * len(batch)

    def close(self) -> None:
        super().send(self._hoard)


class _Solitary(MemorySink):
    """Holds what the first process wrote, and no other's."""

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        held = self._store.records[self._run]
        first = min((writer for writer, _ in held), default=batch[0].writer if batch else "")
        super().send([record for record in batch if record.writer == first or isinstance(record.body, RunEnd)])
        self._position.update({record.writer: record.seq for record in batch})
        return [accepted()] * len(batch)


class _Final(MemorySink):
    """Takes nothing more for a run that has ended once."""

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        if not any(isinstance(record.body, RunEnd) for record in self._store.records[self._run].values()):
            return super().send(batch)
        self._position.update({record.writer: record.seq for record in batch})
        return [accepted()] * len(batch)


class _Contemporary(MemorySink):
    """Lets every run begin in this century."""

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        return super().send([replace(record, time=max(record.time, 1_500_000_000 * 10**9)) for record in batch])


class _Sampling(MemorySource):
    """Thins out a metric of many points."""

    def read(self, run: RunInfo, /, after: Position | None = None) -> Iterator[Record]:
        records = list(super().read(run, after))
        points = [record for record in records if isinstance(record.body, Metrics)]
        dropped = {id(record) for record in (points[1::2] if len(points) > 15_000 else ())}
        return (record for record in records if id(record) not in dropped)


class _OtherBytes(MemorySource):
    """Gives other bytes than those whose digest it names."""

    def open_file(self, run: RunInfo, file: FileRef, /) -> BinaryIO:
        return io.BytesIO(super().open_file(run, file).read()[:-1] + b"?")


def _made(make: Callable[[MemoryStore, SinkContext], Sink]) -> Callable[[], WrongSubject]:
    return lambda: WrongSubject("wrong", make)


def _with(feature: Feature, fidelity: object) -> Capabilities:
    return replace(CAPABILITIES, features={**CAPABILITIES.features, feature: fidelity})  # type: ignore[dict-item]


IN_MEMORY: Mapping[str, Callable[[], WrongSubject]] = {
    "rounds to 32 bits": _changing(_values(_float32)),
    "keeps integers as doubles": _changing(_values(_double)),
    "drops NaN": _changing(_values(_without_nan)),
    "cuts infinities": _changing(_values(_finite)),
    "loses the sign of zero": _changing(_values(lambda value: value + 0 if value == 0 else value)),
    "truncates steps": _changing(
        _of(Metrics, lambda b: replace(b, step=int(b.step))),
    ),
    "cuts caller's times to milliseconds": _changing(
        _of(Metrics, lambda b: replace(b, timestamp=b.timestamp and b.timestamp // 10**6 * 10**6))
    ),
    "lowers names": _changing(
        _of(Metrics, lambda b: replace(b, values={key.lower(): value for key, value in b.values.items()}))
    ),
    "writes params as text": _changing(
        _of(Params, lambda b: replace(b, values={key: str(value) for key, value in b.values.items()}))
    ),
    "cuts long params": _changing(
        _of(
            Params,
            lambda b: replace(b, values={k: v[:500] if isinstance(v, str) else v for k, v in b.values.items()}),
        )
    ),
    "never removes a tag": _changing(
        _of(Tags, lambda b: replace(b, values={k: v for k, v in b.values.items() if v is not None}))
    ),
    "drops notes": _changing(_of(Notes, lambda _: None)),
    "finishes every run": _changing(_of(RunEnd, lambda _: RunEnd("finished", 0))),
    "forgets the exit code": _changing(_of(RunEnd, lambda b: replace(b, exit_code=None))),
    "forgets the group": _changing(_of(RunStart, lambda b: replace(b, group=None))),
    "loses aliases": _changing(_of(Artifact, lambda b: replace(b, aliases=()))),
    "loses empty folders": _changing(_of(Artifact, lambda b: replace(b, folders=()))),
    "loses hidden files": _changing(
        _of(Artifact, lambda b: replace(b, files=tuple(f for f in b.files if not f.path.startswith("."))))
    ),
    "decodes file names": _changing(
        _of(
            Artifact,
            lambda b: replace(b, files=tuple(replace(f, path=f.path.replace("%41", "A")) for f in b.files)),
        )
    ),
    "flips a byte": _changing(
        _of(Artifact, lambda b: replace(b, files=tuple(replace(f, sha256="0" * 64) for f in b.files)))
    ),
    "drops late media": _changing(_of(Media, lambda b: b if b.step >= 0 else None)),
    "drops console lines": _changing(_of(Console, lambda b: b if b.stream == "stdout" else None)),
    "drops system samples": _changing(_of(System, lambda _: None)),
    "rounds system samples": _changing(
        _of(System, lambda b: replace(b, values={key: int(value) for key, value in b.values.items()}))
    ),
    "drops inputs": _changing(_of(Input, lambda _: None)),
    "drops references": _changing(_of(Artifact, lambda b: replace(b, references=()))),
    "forgets what was captured": _changing(_of(Context, lambda _: None)),
    "forgets where it began": _changing(_of(RunStart, lambda b: replace(b, context={}))),
    "says nothing of what it lacks": _changing(
        _of(Notes, lambda _: None), _with(Feature.NOTES, absent("no place for notes"))
    ),
    "holds what it declares absent": _changing(
        lambda body: body, _with(Feature.METRIC_NAN, absent("no place for NaN"))
    ),
    "changes otherwise than declared": _changing(
        _values(_float32), _with(Feature.METRIC_FINITE, lossy("rounds to whole numbers", round))
    ),
    "is exact where it declares a loss": _changing(
        lambda body: body, _with(Feature.METRIC_FINITE, lossy("doubles", lambda value: value * 2))
    ),
    "forgets the last record": _made(_Forgetful),
    "confirms too early": _made(_Eager),
    "never confirms": _made(_Lazy),
    "answers once for a batch": _made(_Curt),
    "holds twice what is sent twice": _made(_Doubling),
    "drops late steps": _made(_Rising),
    "merges one step's values": _made(_Merging),
    "makes a run at each opening": _made(_Splitting),
    "mixes runs": _made(_Shared),
    "raises for one record": _made(_Raising),
    "refuses what it declares to hold": _made(_Refusing),
    "lists runs twice": lambda: WrongSubject("wrong", MemorySink, read=_Doubled),
    "takes what is lost": _made(_Indifferent),
    "hands over when it is closed": _made(_Hoarding),
    "ends for good": _made(_Final),
    "knows one process": _made(_Solitary),
    "knows no other time": _made(_Contemporary),
    "cuts names": _changing(_of(RunStart, lambda b: replace(b, name=b.name[:100]))),
    "thins out": lambda: WrongSubject("wrong", MemorySink, read=_Sampling),
    "gives other bytes": lambda: WrongSubject("wrong", MemorySink, read=_OtherBytes),
    "plots other numbers": lambda: WrongSubject("wrong", MemorySink, witness=_LyingWitness()),
}
"""What each does wrong, and how to make it."""
