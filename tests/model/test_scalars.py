"""Scalars: each value that training code may hold becomes the exact number it stands for, or is refused by name."""

from __future__ import annotations

import decimal
import fractions
import math
import re
import struct
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracklib.errors import BadValueError
from tracklib.model.scalars import describe, number, step_number, timestamp_ns


def bits(value: float) -> bytes:
    """Return what a float is made of, so that -0.0 and NaN compare."""
    return struct.pack("<d", value)


def is_exactly(value: object, expected: object) -> bool:
    """Tell whether two numbers are the same in type and to the last bit."""
    if type(value) is not type(expected):
        return False
    return bits(value) == bits(expected) if isinstance(value, float) else value == expected


class OwnFloat(float):
    """A float of a library's own."""


class OwnInt(int):
    """An int of a library's own."""


class OwnDecimal(decimal.Decimal):
    """A Decimal of a library's own."""


class Indexed:
    """What ``operator.index`` takes."""

    def __index__(self) -> int:
        return 7


class Floated:
    """What ``float`` takes."""

    def __float__(self) -> float:
        return 0.25


class Boxed:
    """A framework's scalar, or what looks like one."""

    shape = (1,)

    def __init__(self, inner: object) -> None:
        self.inner = inner

    def item(self) -> object:
        if isinstance(self.inner, BaseException):
            raise self.inner
        return self.inner


class Raising:
    """A value whose every method raises."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __float__(self) -> float:
        raise self.error

    def __repr__(self) -> str:
        raise self.error


EXACT = [
    (math.nan, math.nan),
    (math.inf, math.inf),
    (-math.inf, -math.inf),
    (-0.0, -0.0),
    (5e-324, 5e-324),
    (sys.float_info.max, sys.float_info.max),
    (0.1, 0.1),
    (math.pi, math.pi),
    (2**53 + 1, 2**53 + 1),
    (2**63, 2**63),
    (-(2**64), -(2**64)),
    (10**400, 10**400),
    (True, 1),
    (False, 0),
    (OwnFloat(0.5), 0.5),
    (OwnInt(3), 3),
    (Indexed(), 7),
    (Floated(), 0.25),
    (Boxed(4), 4),
    (Boxed(True), 1),
    (np.bool_(True), 1),
    (np.float64(0.1), 0.1),
    (np.float32(0.1), 0.10000000149011612),
    (np.float16(0.1), 0.0999755859375),
    (np.float16(6e-8), 5.960464477539063e-08),
    (np.float32(-0.0), -0.0),
    (np.float16(math.nan), math.nan),
    (np.longdouble(0.5), 0.5),
    (np.ma.array([3.5], mask=[False]), 3.5),
    (np.longdouble(math.inf), math.inf),
    (np.longdouble(math.nan), math.nan),
    (np.int64(-(2**63)), -(2**63)),
    (np.uint64(2**64 - 1), 2**64 - 1),
    (np.int8(-1), -1),
    (np.array(1.5), 1.5),
    (np.array([1.5]), 1.5),
    (np.array([[3]], dtype=np.int32), 3),
    (np.array([0.1], dtype=np.float32), 0.10000000149011612),
    (decimal.Decimal("0.5"), 0.5),
    (decimal.Decimal(3), 3),
    (decimal.Decimal("1e400"), 10**400),
    (decimal.Decimal("-0"), -0.0),
    (decimal.Decimal("NaN"), math.nan),
    (decimal.Decimal("-Infinity"), -math.inf),
    (OwnDecimal("0.25"), 0.25),
    (fractions.Fraction(1, 4), 0.25),
    (fractions.Fraction(10**400, 1), 10**400),
]


def name_of(value: object) -> str:
    """Name a case alike in every process: without addresses."""
    return re.sub(r" at 0x[0-9a-f]+", "", describe(value))[:40]


@pytest.mark.parametrize(("value", "expected"), EXACT, ids=name_of)
def test_a_number_is_taken_exactly(value: object, expected: object) -> None:
    """What stands for a number becomes that number in value and type, to the last bit."""
    assert is_exactly(number(value), expected)


INEXACT = np.longdouble(1) / np.longdouble(3)
REFUSED = [
    ("0.5", "expected a number, got str '0.5'"),
    ("hello", "expected a number, got str 'hello'"),
    (None, "expected a number, got NoneType None"),
    (1j, "expected a number, got complex 1j"),
    (np.complex64(1), "expected a number, got complex64"),
    (b"1", "expected a number, got bytes b'1'"),
    (bytearray(b"1"), "expected a number, got bytearray"),
    (np.array([1, 2]), r"expected one number, got ndarray of shape \(2,\)"),
    (np.array([]), r"expected one number, got ndarray of shape \(0,\)"),
    (np.array(["0.5"]), "expected a number, got ndarray"),
    (np.datetime64("2026-01-02"), "expected a number, got datetime64"),
    (np.datetime64(5, "ns"), "expected a number, got datetime64"),
    (np.timedelta64(5, "ns"), "expected a number, got timedelta64"),
    (np.ma.masked, "expected a number, got MaskedConstant masked, where what is masked is unknown"),
    (np.ma.array([3.0], mask=[True]), "where what is masked is unknown"),
    (np.ma.array([3.0, 4.0], mask=[True, False]), "where what is masked is unknown"),
    (object(), "expected a number, got object"),
    ({}, r"expected a number, got dict \{\}"),
    ([1.0], r"expected a number, got list \[1.0\]"),
    (float, "expected a number, got type"),
    (np.float64, "expected a number, got type"),
    (decimal.Decimal("0.1"), r"a number that a float holds exactly, got Decimal .*pass float\(...\) of it"),
    (decimal.Decimal("1e-400"), "a number that a float holds exactly"),
    (OwnDecimal("0.1"), "a number that a float holds exactly, got OwnDecimal"),
    (decimal.Decimal("sNaN"), "expected a number, got Decimal"),
    (fractions.Fraction(1, 3), "a number that a float holds exactly, got Fraction"),
    (fractions.Fraction(10**400, 3), "a number that a float holds exactly, got Fraction"),
    (Boxed("text"), "expected a number, got Boxed"),
    (Boxed(RuntimeError("boom")), r"expected one number, got Boxed of shape \(1,\)"),
    (Raising(ValueError("boom")), r"reading Raising .* raised ValueError: boom"),
    (10**5000, "an integer of at most 4300 digits, got int"),
    (decimal.Decimal("1e999999"), "an integer of at most 4300 digits, got Decimal"),
]
if float(INEXACT) != INEXACT:  # not where a long double is a double
    REFUSED.append((INEXACT, "a number that a float holds exactly, got longdouble"))


@pytest.mark.parametrize(("value", "message"), REFUSED, ids=name_of)
def test_what_is_no_number_is_refused_by_name(value: object, message: str) -> None:
    """What no float or int stands for exactly raises `BadValueError`, which says what was expected and what came."""
    with pytest.raises(BadValueError, match=message):
        number(value)


@given(st.floats(width=16) | st.floats(width=32) | st.floats(width=64))
def test_floats_of_every_width_are_widened_exactly(value: float) -> None:
    """Each float16, float32 and float64 is the double of the very same value."""
    assert is_exactly(number(value), value)
    for width in (np.float16, np.float32, np.float64):
        with np.errstate(all="ignore"):
            narrow = width(value)
        assert is_exactly(number(narrow), float(narrow))
        assert is_exactly(number(np.array([narrow])), float(narrow))


@given(st.fractions(), st.decimals(allow_nan=False))
def test_an_exact_type_is_never_rounded(fraction: fractions.Fraction, value: decimal.Decimal) -> None:
    """A Decimal or Fraction is recorded as an equal number, or refused: never as its neighbour."""
    for exact in (fraction, value):
        try:
            found = number(exact)
        except BadValueError:
            assert float(exact) != exact or abs(exact) >= 10**4300
        else:
            assert found == exact


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 3), (-7, -7), (2**70, 2**70), (1.5, 1.5), (-0.5, -0.5), (True, 1), (np.int64(3), 3), (np.float32(0.5), 0.5)],
)
def test_a_step_is_any_int_or_finite_float(value: object, expected: object) -> None:
    """A step keeps its type and value, negative, huge or fractional."""
    assert is_exactly(step_number(value), expected)


@pytest.mark.parametrize("value", ["4", None, math.nan, math.inf, -math.inf, [1], 1j, np.array([1, 2])])
def test_what_is_no_step_is_refused(value: object) -> None:
    """A step that is no int and no finite float is refused, saying so."""
    with pytest.raises(BadValueError, match=r"expected a step that is an int or a finite float, got \w+"):
        step_number(value)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, 0),
        (1, 1_000_000_000),
        (0.1, 100_000_000),
        (-0.25, -250_000_000),
        (1e-9, 1),
        (1732400000.123456, 1732400000_123456000),
        (1732400000.1234567, 1732400000_123456700),
        (np.float64(1732400000.5), 1732400000_500000000),
        (decimal.Decimal("1732400000.123456789"), 1732400000_123456789),
        (fractions.Fraction(1, 10**9), 1),
        (9_000_000_000, 9_000_000_000_000_000_000),
    ],
)
def test_a_timestamp_is_exact_in_nanoseconds(seconds: object, expected: int) -> None:
    """Seconds become the nanoseconds that their decimal writing says; Decimal and Fraction may say all nine digits."""
    assert timestamp_ns(seconds) == expected
    assert type(timestamp_ns(seconds)) is int


@given(st.integers(-(10**15), 10**15))
def test_microseconds_survive(microseconds: int) -> None:
    """Each microsecond that a float of seconds can tell from its neighbours comes back as itself."""
    assert timestamp_ns(microseconds / 1e6) == microseconds * 1000


@pytest.mark.parametrize("value", ["now", None, math.nan, math.inf, 1732400000123, 1732400000123456789, -1e300, [1]])
def test_what_is_no_timestamp_is_refused(value: object) -> None:
    """A time outside the years that 64-bit nanoseconds reach, milliseconds among them, is refused as no seconds."""
    with pytest.raises(BadValueError, match=r"expected a timestamp in seconds since 1970, got \w+"):
        timestamp_ns(value)


def test_describe_never_raises_and_stays_short() -> None:
    """A value is named for a message whatever its own ``repr`` does, in a line of bounded length."""
    nested: list[object] = []
    for _ in range(200):
        nested = [nested, nested]
    values = [*(value for value, _ in REFUSED), "x" * 10**6, [0] * 10**6, nested, {"a": nested}, 10**5000]
    texts = [describe(value) for value in values]
    assert all(len(text) <= 100 for text in texts), max(texts, key=len)
    assert all(text.startswith(type(value).__name__) for text, value in zip(texts, values, strict=True))
