"""Fingerprints: what tells two multisets of points apart, whatever the order in which they come.

A point stands for the linear form ``a + b * step + c * time + value``, and a multiset for the product of the forms of its
points, modulo a prime. As polynomials in a, b and c the products of two different multisets differ; so for random factors,
by the lemma of Schwartz and Zippel, they are equal by chance in n of 2**89 comparisons of n points. The factors are drawn
anew in each process, and nobody can make data that hides a difference.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import struct
from array import array
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import TypeAlias

from tracklib.typing import Number, Step

__all__ = ["Buckets", "Fingerprint", "bits", "bucket_of", "bucket_of_text"]

Buckets: TypeAlias = "dict[str, set[int]]"
"""Parts of a multiset: for each metric, some buckets."""

_PRIME = (1 << 89) - 1
_ZERO, _STEP, _TIME = (secrets.randbelow(_PRIME) for _ in range(3))
_SECRET = os.urandom(32)
_BUCKETS = 31  # a prime: steps that rise by tens or by powers of two fill all of them
_EXACT = 2**53
"""Up to here an integer is a double."""

_to_bytes, _to_integer = struct.Struct("<d").pack, struct.Struct("<Q").unpack
_NAN: int = _to_integer(_to_bytes(float("nan")))[0]


class Fingerprint:
    """The points of a run, or its system samples, or the lines it printed; it grows with their names alone."""

    __slots__ = ("_products",)

    def __init__(self) -> None:
        self._products: defaultdict[int, defaultdict[str, int]] = defaultdict(lambda: defaultdict(_one))

    def add(self, values: Mapping[str, Number], step: Step, time: int, bucket: int) -> None:
        """Take in values of one step and time."""
        if not values:
            return
        row = self._products[bucket]
        place = step if type(step) is int and -_EXACT <= step <= _EXACT else _place(step)
        base = (_ZERO + _STEP * place + _TIME * time) % _PRIME
        if len(values) == 1:
            ((key, value),) = values.items()
            row[key] = row[key] * (base + bits(value)) % _PRIME
            return
        for key, pattern in zip(values, _patterns(values.values()), strict=True):
            row[key] = row[key] * (base + pattern) % _PRIME

    def add_text(self, key: str, text: str) -> None:
        """Take in a text."""
        number = _hash_of(text.encode("utf-8", "surrogatepass"))
        row = self._products[number % _BUCKETS]
        row[key] = row[key] * (_ZERO + number) % _PRIME

    def differing(self, other: Fingerprint) -> Buckets:
        """Return where two multisets differ."""
        found: Buckets = {}
        for bucket in self._products.keys() | other._products.keys():
            ours, theirs = self._row(bucket), other._row(bucket)
            if ours != theirs:
                for key in ours.keys() | theirs.keys():
                    if ours.get(key) != theirs.get(key):
                        found.setdefault(key, set()).add(bucket)
        return found

    def _row(self, bucket: int) -> Mapping[str, int]:
        return self._products.get(bucket, {})


def bucket_of(number: Number) -> int:
    """Return the bucket of a step or time; 1 and 1.0 are in the same one."""
    return hash(number) % _BUCKETS


def bucket_of_text(text: str) -> int:
    """Return the bucket of a text."""
    return _hash_of(text.encode("utf-8", "surrogatepass")) % _BUCKETS


def bits(number: Number) -> int:
    """Return an integer that is equal for equal numbers alone: 1 is 1.0, NaN is NaN, -0.0 is not 0.0."""
    if isinstance(number, int):
        double = _double(number)
        if double is None:
            return _hash_of(number.to_bytes(number.bit_length() // 8 + 1, "little", signed=True)) | 1 << 80
        number = double
    found: int = _to_integer(_to_bytes(number))[0] if number == number else _NAN  # noqa: PLR0124  NaN
    return found


def _double(number: int) -> float | None:
    """Return the double that is this integer; ``None`` where there is none."""
    try:
        double = float(number)
    except OverflowError:
        return None
    return double if double == number else None


def _place(step: Step) -> int:
    """Return an integer that is equal for equal steps alone: small integers, which are most, stand for themselves."""
    if step and -_EXACT <= step <= _EXACT and step == int(step):
        return int(step)
    return bits(step) + (1 << 60) if bits(step) else 0


def _hash_of(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, key=_SECRET, digest_size=11).digest(), "little")


def _one() -> int:
    return 1


def _patterns(values: Collection[Number]) -> Collection[int]:
    """Return the bits of values, all at once where none of them is a special case."""
    if _are_plain(values):
        return memoryview(array("d", values)).cast("B").cast("Q")
    return [bits(value) for value in values]


def _are_plain(values: Collection[Number]) -> bool:
    """Tell whether no value is NaN, infinite or an integer that no double holds; large doubles count as special too."""
    if not (min(values) >= -_EXACT and max(values) <= _EXACT):  # a NaN that stands first is found here
        return False
    total = sum(values)
    return total == total  # noqa: PLR0124  NaN
