"""The plan: what a migration would copy, and what the destination would change of it."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tracklib.backends.capabilities import Capabilities, Feature
from tracklib.errors import RejectedError
from tracklib.model.records import (
    Artifact,
    Console,
    Context,
    Input,
    Media,
    Metrics,
    Notes,
    Params,
    Record,
    RunEnd,
    Summary,
    System,
    Tags,
)
from tracklib.portability.tally import Tally
from tracklib.typing import Number

if TYPE_CHECKING:
    from tracklib.backends.contract import Source
    from tracklib.model.run import RunInfo

__all__ = ["Plan", "plan_runs"]

_SIMPLE = {
    Params: Feature.PARAM_TYPES,
    Tags: Feature.TAGS,
    Notes: Feature.NOTES,
    Summary: Feature.SUMMARY,
    Input: Feature.INPUTS,
    Media: Feature.MEDIA,
    System: Feature.SYSTEM,
    Context: Feature.CONTEXT,
    Console: Feature.CONSOLE,
}


@dataclass(slots=True)
class Plan:
    """What a migration would do.

    Attributes:
        losses: For each declared change, how many points or records it concerns.
        unreadable: Why each run that cannot be read cannot, by its project and id.
        seconds: What reading all of it took, contents of files left aside: the migration takes longer than that.
    """

    runs: int = 0
    open: int = 0
    total: Tally = field(default_factory=Tally)
    losses: Counter[str] = field(default_factory=Counter)
    unreadable: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        losses = dict(self.losses)
        total = {name: n for name, n in self.total.document().items() if name not in ("changed", "refused")}
        counts = {"runs": self.runs, "open": self.open, **total}
        return {**counts, "losses": losses, "unreadable": self.unreadable, "reading_seconds": self.seconds}


def plan_runs(source: Source, runs: Iterable[RunInfo], capabilities: Capabilities | None) -> Plan:
    """Read runs, without the contents of their files, and say what copying them would do.

    Args:
        capabilities: Of the destination; ``None`` where they are not known.
    """
    plan = Plan()
    begun = time.perf_counter()
    for run in runs:
        plan.runs += 1
        plan.open += run.status in ("running", "stale")
        try:
            for record in source.read(run):
                plan.total.count(record)
                if capabilities is not None:
                    plan.losses.update(_losses(record, capabilities))
        except RejectedError as error:
            plan.unreadable[f"{run.project}/{run.id}"] = str(error)
    plan.seconds = time.perf_counter() - begun
    return plan


def _losses(record: Record, capabilities: Capabilities) -> Iterator[str]:
    """Yield the reason of each declared change that a record meets."""
    for feature, value in _features(record):
        fidelity = capabilities.of(feature)
        if fidelity.kind == "absent" or (
            fidelity.projection is not None and (value is None or fidelity.projection(value) != value)
        ):
            yield f"{feature.value}: {fidelity.reason}"


def _features(record: Record) -> Iterator[tuple[Feature, Any]]:
    """Yield what a record asks of a backend, with the value where a projection can judge it."""
    body = record.body
    if isinstance(body, Metrics):
        time_of = Feature.TIME_OF_POINT if body.timestamp is None else Feature.TIME_OF_CALLER
        for value in body.values.values():
            yield time_of, record.when
            if (special := _special(value)) is not None:
                yield special, None
            if body.step < 0:
                yield Feature.STEP_NEGATIVE, body.step
            if isinstance(body.step, float) and not body.step.is_integer():
                yield Feature.STEP_FRACTIONAL, body.step
    elif isinstance(body, Artifact):
        yield Feature.ARTIFACT_FILES, None
        yield from ((Feature.ARTIFACT_REFERENCES, None) for _ in body.references[:1])
        yield from ((Feature.ARTIFACT_ALIASES, None) for _ in body.aliases[:1])
    elif isinstance(body, RunEnd):
        statuses = {"crashed": Feature.STATUS_CRASHED, "killed": Feature.STATUS_KILLED}
        yield from ((statuses[word], None) for word in (body.status,) if word in statuses)
    elif (feature := _SIMPLE.get(type(body))) is not None:
        yield feature, None


def _special(value: Number) -> Feature | None:
    if isinstance(value, int):
        return Feature.METRIC_LARGE_INT if abs(value) > 2**53 else None
    if math.isnan(value):
        return Feature.METRIC_NAN
    return Feature.METRIC_INFINITE if math.isinf(value) else None
