"""Losses: what of a record a destination changes or does not hold, as it declares."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from tracklib.backends.capabilities import Capabilities, Feature
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
from tracklib.typing import Number

__all__ = ["losses"]

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


def losses(record: Record, capabilities: Capabilities) -> Iterator[str]:
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
