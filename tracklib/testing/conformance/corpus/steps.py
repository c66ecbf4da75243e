"""Steps: in any order, repeated, negative, fractional, huge."""

from __future__ import annotations

from collections.abc import Sequence

from tracklib.backends.capabilities import Feature
from tracklib.model.records import Metrics
from tracklib.testing.conformance.cases import Case
from tracklib.typing import Step

__all__ = ["STEPS"]


def _series(word: str, feature: Feature, steps: Sequence[Step]) -> Case:
    bodies = tuple(Metrics({f"step/{word}": number / 8}, step) for number, step in enumerate(steps))
    return Case(f"steps/{word}", feature, bodies)


STEPS = (
    _series("rising", Feature.METRIC_FINITE, range(20)),
    _series("sparse", Feature.METRIC_FINITE, [0, 1000, 10**6, 10**9]),
    _series("late", Feature.STEP_LATE, [10, 5, 7, 11, 0]),
    _series("latest-is-lower", Feature.STEP_LATE, [10, 5]),
    _series("falling", Feature.STEP_LATE, range(9, -1, -1)),
    _series("repeated", Feature.STEP_REPEATED, [3, 3, 3, 4, 3]),
    _series("negative", Feature.STEP_NEGATIVE, [-5, -1, -(2**31), -(2**63)]),
    _series("fractional", Feature.STEP_FRACTIONAL, [0.5, 1.5, 2.25, 1e-9, 1.0000000000000002]),
    _series("fractional-negative", Feature.STEP_FRACTIONAL, [-0.5, -1e300]),
    _series("fractional-beside-whole", Feature.STEP_FRACTIONAL, [1, 1.5, 2, 1.0, 1.5]),
    _series("whole-floats", Feature.METRIC_FINITE, [1.0, 2.0, 1e15]),
    _series("int64", Feature.METRIC_FINITE, [2**31, 2**53 + 1, 2**63 - 1]),
    _series("beyond-int64", Feature.STEP_LARGE, [2**63, 2**64 + 1, -(2**63) - 1, 10**30]),
    Case(
        "steps/same-value-repeated",
        Feature.STEP_REPEATED,
        tuple(Metrics({"step/same": 1.0}, 7) for _ in range(4)),
    ),
    Case(
        "steps/gone-back-to",
        Feature.STEP_LATE,
        (
            Metrics({"step/back/a": 1.0}, 3),
            Metrics({"step/back/b": 2.0}, 4),
            Metrics({"step/back/b": 3.0}, 3),
            Metrics({"step/back/a": 4.0}, 3),
        ),
    ),
    Case(
        "steps/keys-side-by-side",
        Feature.METRIC_FINITE,
        (
            Metrics({"step/side/a": 1.0}, 1),
            Metrics({"step/side/b": 2.0}, 1),
            Metrics({"step/side/a": 3.0, "step/side/b": 4.0}, 2),
        ),
    ),
)
