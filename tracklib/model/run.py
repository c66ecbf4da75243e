"""The identity of a run."""

from __future__ import annotations

import os

from tracklib.typing import Status
from tracklib.value import Value

__all__ = ["RunInfo", "new_run_id"]

_ALPHABET = "0123456789abcdefghijkmnpqrstuvwxyz"


class RunInfo(Value):
    """Who a run is, wherever it is kept.

    Attributes:
        id: The caller's id, the same on every backend.
        started: Nanoseconds since the epoch, of the first attempt.
        ended: Nanoseconds since the epoch; ``None`` while it runs.
        place: The id under which this backend keeps it, where that is another one.
        url: The page that shows it, where there is one.
    """

    project: str
    id: str
    name: str
    status: Status = "running"
    started: int = 0
    ended: int | None = None
    group: str | None = None
    job_type: str | None = None
    parent: str | None = None
    attempt: int = 1
    place: str | None = None
    url: str | None = None


def new_run_id() -> str:
    """Return a random id of 12 lower-case letters and digits (60 bits), which every vendor accepts."""
    number = int.from_bytes(os.urandom(8), "big")
    digits = []
    for _ in range(12):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(digits)
