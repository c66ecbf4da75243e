"""Comparing points as they stream by comes to what comparing them one by one would, for any numbers whatever."""

from __future__ import annotations

import dataclasses
import math
import struct
from collections import Counter
from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tracklib.backends import EXACT, Capabilities, Feature, absent, lossy
from tracklib.model.records import Body, Console, Metrics, Record, System
from tracklib.portability.compare import compare
from tracklib.portability.comparison import Comparison
from tracklib.portability.fingerprint import bits
from tracklib.portability.snapshot import exact, snapshot

ALL_EXACT = dict.fromkeys(Feature, EXACT)
NANS = [struct.unpack("<d", struct.pack("<Q", pattern))[0] for pattern in (0x7FF8000000000000, 0xFFF8000000000001)]
ODD = [
    0,
    0.0,
    -0.0,
    1,
    1.0,
    -1,
    -2,
    0.5,
    1.5,
    2**53,
    2**53 + 1,
    float(2**53),
    2**64,
    -(2**63),
    2**63 - 1,
    10**400,
    1e308,
]
NUMBERS = st.one_of(st.sampled_from(ODD), st.integers(-3, 3), st.floats(allow_nan=False, allow_infinity=False))
VALUES = st.one_of(NUMBERS, st.sampled_from([*NANS, math.inf, -math.inf]))
TIMES = st.one_of(st.integers(0, 3), st.integers(10**18, 10**18 + 2), st.sampled_from([2**63, 2**64 - 1]))
KEYS = st.sampled_from(["a", "b", "\u202e", "\ud800"])

POINTS = st.tuples(st.dictionaries(KEYS, VALUES), NUMBERS, st.one_of(st.none(), TIMES))
BODIES = st.lists(
    st.one_of(
        POINTS.map(lambda made: Metrics(*made)),
        st.dictionaries(KEYS, VALUES).map(System),
        st.builds(Console, st.sampled_from(["stdout", "stderr"]), st.sampled_from(["", "line", "\ud800", "\0"])),
    ),
    max_size=12,
)
FIDELITIES = st.sampled_from(
    [
        EXACT,
        absent("cannot"),
        lossy("half", lambda n: n if n != n or abs(n) > 10 else n / 2),
        lossy("none", lambda _: 0),
    ]
)
OF_POINTS = [feature for feature in Feature if feature.name.startswith(("METRIC_", "STEP_", "TIME_OF"))]


@st.composite
def edited(draw: st.DrawFn, bodies: Sequence[Body]) -> list[Body]:
    """Return a run with one or two things changed, left out or told twice, however little, in another order."""
    changed = list(bodies)
    for _ in range(draw(st.integers(1, 2)) if changed else 0):
        place = draw(st.integers(0, len(changed) - 1))
        body = changed[place]
        if isinstance(body, Metrics) and body.values and draw(st.booleans()):
            field, values = draw(st.sampled_from([("step", NUMBERS), ("timestamp", TIMES), ("values", VALUES)]))
            new = draw(values)
            change = {field: new} if field != "values" else {"values": {**body.values, next(iter(body.values)): new}}
            changed[place] = dataclasses.replace(body, **change)
        else:
            changed[place : place + 1] = [body] * draw(st.sampled_from([0, 2]))
            if not changed:
                break
    return draw(st.permutations(changed))


def told(bodies: Sequence[Body]) -> list[Record]:
    return [Record("w", seq, 7, body) for seq, body in enumerate(bodies, 1)]


def projected(point: tuple[Any, ...], capabilities: Capabilities, declared: Counter[str]) -> tuple[Any, ...] | None:
    """Return what comes back for one point, by asking feature for feature."""
    key, step, time, value, is_given = point
    numbers = {"STEP": step, "TIME": time, "METRIC": value}
    for feature in features(step, value, is_given=is_given):
        fidelity = capabilities.of(feature)
        what = feature.name.partition("_")[0]
        if fidelity.kind == "absent":
            declared[fidelity.reason] += 1
            return None
        before = numbers[what]
        numbers[what] = capabilities.project(feature, before)
        declared[fidelity.reason] += exact(before) != exact(numbers[what])
    return key, numbers["STEP"], numbers["TIME"], numbers["METRIC"], is_given


def features(step: Any, value: Any, *, is_given: bool) -> list[Feature]:
    found = [Feature.TIME_OF_CALLER if is_given else Feature.TIME_OF_POINT]
    if value != value:
        found.append(Feature.METRIC_NAN)
    elif isinstance(value, float) and math.isinf(value):
        found.append(Feature.METRIC_INFINITE)
    elif isinstance(value, int) and abs(value) > 2**53:
        found.append(Feature.METRIC_LARGE_INT)
    else:
        is_negative_zero = exact(value) == "-0.0"
        found.append(Feature.METRIC_NEGATIVE_ZERO if is_negative_zero else Feature.METRIC_FINITE)
    found += [Feature.STEP_NEGATIVE] * (step < 0)
    found += [Feature.STEP_FRACTIONAL] * (isinstance(step, float) and not step.is_integer())
    return found + [Feature.STEP_LARGE] * (not -(2**63) <= step < 2**63)


def one_by_one(left: Sequence[Body], right: Sequence[Body], capabilities: Capabilities) -> tuple[Counter[str], Any]:
    """Return how many differences of each kind there are, and what is declared, by counting every single thing."""
    declared: Counter[str] = Counter()
    expected = [projected(point, capabilities, declared) for point in points(left)]
    sides = [
        Counter((key, exact(step), time, exact(value)) for key, step, time, value, _ in side if key is not None)
        for side in ([point for point in expected if point is not None], points(right))
    ]
    of_steps = [Counter() for _ in sides]
    for number in (0, 1):
        for (key, step, _, _), count in (sides[number] - sides[1 - number]).items():
            of_steps[number][key, step] += count
    found = Counter(point=sum(max(of_steps[0][place], of_steps[1][place]) for place in {*of_steps[0], *of_steps[1]}))
    samples = [
        Counter((key, exact(v)) for b in side if isinstance(b, System) for key, v in b.values.items())
        for side in (left, right)
    ]
    found["system"] = (samples[0] - samples[1]).total() + (samples[1] - samples[0]).total()
    lines = [Counter((b.stream, b.text) for b in side if isinstance(b, Console)) for side in (left, right)]
    found["console"] = len(lines[0] - lines[1]) + len(lines[1] - lines[0])
    return +found, +declared


def points(bodies: Sequence[Body]) -> list[tuple[Any, ...]]:
    return [
        (key, body.step, 7 if body.timestamp is None else body.timestamp, value, body.timestamp is not None)
        for body in bodies
        if isinstance(body, Metrics)
        for key, value in body.values.items()
    ]


def compared(left: Sequence[Body], right: Sequence[Body], capabilities: Capabilities) -> Comparison:
    return compare(snapshot("r", told(left)), snapshot("r", told(right)), capabilities)


@settings(max_examples=400, deadline=None)
@given(BODIES, BODIES, st.data(), st.dictionaries(st.sampled_from(OF_POINTS), FIDELITIES, max_size=3))
def test_any_two_runs_differ_where_their_multisets_do(
    left: list[Body], more: list[Body], data: st.DataObject, declares: dict[Feature, Any]
) -> None:
    """The same differences are counted, and the same changes declared, as by holding every point against every other."""
    right = data.draw(st.one_of(st.just(more), edited(left)))
    for capabilities in (Capabilities(features=ALL_EXACT), Capabilities(features={**ALL_EXACT, **declares})):
        result = compared(left, right, capabilities)
        found, declared = one_by_one(left, right, capabilities)
        assert result.found == found, list(map(str, result.differences))
        assert +result.declared == declared
        assert result.counts["points"] == len(points(left))
        assert len(result.differences) == sum(found.values())
        shuffled = data.draw(st.permutations(left))
        assert compared(left, shuffled, Capabilities(features=ALL_EXACT)).equal


@given(VALUES, VALUES)
def test_the_bits_of_numbers_are_equal_for_equal_numbers_alone(a: float, b: float) -> None:
    """Whatever tells two numbers apart when points are compared tells their bits apart, and nothing else does."""
    assert (bits(a) == bits(b)) == (exact(a) == exact(b))


def test_all_differences_are_counted_and_a_thousand_told() -> None:
    """Every difference is counted; the first thousand of a kind are told, and some hundred points of a curve are drawn."""
    left = [Metrics({f"m{n}": step + n for n in range(8)}, step, step) for step in range(2000)]
    right = [Metrics({key: value + 0.5 for key, value in body.values.items()}, body.step, body.step) for body in left]
    result = compared(left, right, Capabilities(features=ALL_EXACT))
    assert result.found == {"point": 16_000}
    assert [str(d) for d in result.differences[:2]] == ["point m0 step 0: 0 != 0.5", "point m0 step 1: 1 != 1.5"]
    assert len(result.differences) == 1000
    (curve,) = result.curves
    assert (curve.key, len(curve.a), len(curve.b), curve.others) == ("m0", 286, 286, 999)


def test_points_that_only_the_right_side_has_come_after_the_others() -> None:
    """What is missing or changed is told first, and what was added behind it, as far as there is room."""
    left = [Metrics({"a": 1.0}, 5, 5)]
    right = [Metrics({"a": 1.0}, step, step) for step in range(5)] + [
        Metrics({"a": 1.0}, 9, time) for time in range(2000)
    ]
    result = compared(left, right, Capabilities(features=ALL_EXACT))
    assert result.found == {"point": 2006}
    told = [str(difference) for difference in result.differences]
    assert len(told) == 1000
    assert told[:2] == ["point a step 5: 1.0 != (missing)", "point a step 0: (missing) != 1.0"]


class Growing:
    """A list of records that is another one when it is read again."""

    def __init__(self, *records: list[Record]) -> None:
        self._records = list(records)

    def __call__(self) -> list[Record]:
        return self._records.pop(0)


def test_a_run_that_changes_between_two_readings_is_not_equal() -> None:
    """Where the second reading shows nothing of what the first one found, it is told that the run changes."""
    from tracklib.model.state import RunState
    from tracklib.portability.compare import compare_sides
    from tracklib.portability.side import Side

    before, after = told([Metrics({"a": 1.0}, 0)]), told([Metrics({"a": 2.0}, 0)])
    left = Side(Growing(before, after), state=RunState("r"))
    right = Side(Growing(after, after), state=RunState("r"))
    left.scan()
    right.scan()
    result = compare_sides(left, right, Capabilities(features=ALL_EXACT), Counter())
    assert [str(difference) for difference in result.differences] == [
        "reading a: changed while it was compared != (missing)"
    ]
