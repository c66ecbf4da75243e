"""The memory backend with one fault each, that a real adapter has had, or could have."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import replace

from tracklib.backends.capabilities import Capabilities, Feature, absent, lossy
from tracklib.backends.contract import Sink, SinkContext
from tracklib.backends.memory import CAPABILITIES, MemorySink, MemoryStore
from tracklib.model.records import (
    Artifact,
    Body,
    Console,
    Context,
    Input,
    Media,
    Metrics,
    Notes,
    Params,
    RunEnd,
    RunStart,
    System,
    Tags,
)
from tracklib.testing.conformance.wrong import sinks, sources
from tracklib.testing.conformance.wrong.subject import WrongSubject
from tracklib.typing import Number

__all__ = ["IN_MEMORY"]


def _changing(change: sinks.Change, capabilities: Capabilities = CAPABILITIES) -> Callable[[], WrongSubject]:
    return lambda: WrongSubject(
        "wrong", lambda store, context: sinks.ChangingSink(store, context, change), capabilities
    )


def _values(change: Callable[[Number], Number | None]) -> sinks.Change:
    """Change the values of metrics."""

    def apply(body: Body) -> Body | None:
        if not isinstance(body, Metrics):
            return body
        kept = {key: new for key, value in body.values.items() if (new := change(value)) is not None}
        return replace(body, values=kept) if kept else None

    return apply


def _of(kind: type[Body], change: Callable[..., Body | None]) -> sinks.Change:
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
    "forgets the last record": _made(sinks.Forgetful),
    "confirms too early": _made(sinks.Eager),
    "never confirms": _made(sinks.Lazy),
    "answers once for a batch": _made(sinks.Curt),
    "holds twice what is sent twice": _made(sinks.Doubling),
    "drops late steps": _made(sinks.Rising),
    "merges one step's values": _made(sinks.Merging),
    "makes a run at each opening": _made(sinks.Splitting),
    "mixes runs": _made(sinks.Shared),
    "raises for one record": _made(sinks.Raising),
    "refuses what it declares to hold": _made(sinks.Refusing),
    "lists runs twice": lambda: WrongSubject("wrong", MemorySink, read=sources.Doubled),
    "takes what is lost": _made(sinks.Indifferent),
    "hands over when it is closed": _made(sinks.Hoarding),
    "ends for good": _made(sinks.Final),
    "knows one process": _made(sinks.Solitary),
    "knows no other time": _made(sinks.Contemporary),
    "cuts names": _changing(_of(RunStart, lambda b: replace(b, name=b.name[:100]))),
    "thins out": lambda: WrongSubject("wrong", MemorySink, read=sources.Sampling),
    "gives other bytes": lambda: WrongSubject("wrong", MemorySink, read=sources.OtherBytes),
    "plots other numbers": lambda: WrongSubject("wrong", MemorySink, witness=sources.LyingWitness()),
}
"""What each does wrong, and how to make it."""
