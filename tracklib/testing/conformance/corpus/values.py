"""Values and times of metrics."""

from __future__ import annotations

import math
import sys

from tracklib.backends.capabilities import Feature
from tracklib.model.records import Metrics
from tracklib.testing.conformance.cases import Case
from tracklib.typing import Number

__all__ = ["VALUES"]

_FLOATS = {
    "tenth": 0.1,
    "third": 1 / 3,
    "pi": math.pi,
    "smallest": 5e-324,
    "smallest-normal": sys.float_info.min,
    "largest": sys.float_info.max,
    "float32": 0.10000000149011612,
    "float16": 0.0999755859375,
    "bfloat16": 0.10009765625,
    "zero": 0.0,
    "negative": -1.5,
    "whole": 3.0,
    "beyond-float32": 1e300,
}
_INTS = {"zero": 0, "one": 1, "minus-one": -1, "exact": 2**53, "true": 1}
_LARGE = {
    "first-rounded": 2**53 + 1,
    "below-int64": 2**63 - 1,
    "at-int64": 2**63,
    "beyond-uint64": 2**64 + 1,
    "lowest": -(2**63) - 1,
    "googol": 10**100,
    "beyond-floats": 10**400,
}
# Five years ago, now and far ahead, none of them whole milliseconds.
_TIMES = {
    "past": 1_600_000_000_123_456_789,
    "microseconds": 1_600_000_000_123_456_000,
    "epoch": 0,
    "before-epoch": -1_234_567_891,
    "future": 4_000_000_000_987_654_321,
}
_THEN = 1_650_000_000_000_000_001
_TOGETHER: tuple[Number, ...] = (0.1, math.nan, math.inf, -0.0, 2**53 + 1, -math.inf, 10**400, 7)


def _point(word: str, feature: Feature, value: Number) -> Case:
    return Case(f"values/{word}", feature, (Metrics({f"value/{word}": value}, 1),))


VALUES = (
    *(_point(f"float-{word}", Feature.METRIC_FINITE, value) for word, value in _FLOATS.items()),
    *(_point(f"int-{word}", Feature.METRIC_FINITE, value) for word, value in _INTS.items()),
    *(_point(f"large-{word}", Feature.METRIC_LARGE_INT, value) for word, value in _LARGE.items()),
    _point("nan", Feature.METRIC_NAN, math.nan),
    _point("inf", Feature.METRIC_INFINITE, math.inf),
    _point("minus-inf", Feature.METRIC_INFINITE, -math.inf),
    _point("minus-zero", Feature.METRIC_NEGATIVE_ZERO, -0.0),
    Case(
        "values/series-with-nan",
        Feature.METRIC_NAN,
        tuple(Metrics({"value/series": value}, step) for step, value in enumerate((1.0, math.nan, 2.0, math.nan))),
    ),
    Case(
        "values/int-then-float",
        Feature.METRIC_LARGE_INT,
        tuple(Metrics({"value/mixed": value}, step) for step, value in enumerate((1, 2.5, 3, 2**53 + 1, 0.1))),
    ),
    Case(
        "values/all-in-one-record",
        Feature.METRIC_FINITE,
        (Metrics({f"value/one-record/{place}": value for place, value in enumerate(_TOGETHER)}, 4),),
    ),
    *(
        Case(f"times/caller-{word}", Feature.TIME_OF_CALLER, (Metrics({f"time/{word}": 1.0}, 1, time),))
        for word, time in _TIMES.items()
    ),
    Case(
        "times/falling",
        Feature.TIME_OF_CALLER,
        tuple(Metrics({"time/falling": float(i)}, i, 1_700_000_000_000_000_000 - i * 1_000_000) for i in range(5)),
    ),
    Case(
        "times/a-nanosecond-apart",
        Feature.TIME_OF_CALLER,
        tuple(Metrics({"time/apart": 1.0}, 3, _THEN + i) for i in range(4)),
    ),
    Case(
        "times/same-step-and-time",
        Feature.STEP_REPEATED,
        tuple(Metrics({"time/same": value}, 3, _THEN) for value in (5.0, 2.0, -0.0, 0.0)),
    ),
    Case(
        "times/same-step-time-and-value",
        Feature.STEP_REPEATED,
        tuple(Metrics({"time/twins": 5.0}, 3, _THEN) for _ in range(3)),
    ),
)
