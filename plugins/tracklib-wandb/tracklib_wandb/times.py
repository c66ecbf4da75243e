"""Times as W&B's service writes them: ISO 8601 in UTC, with or without a ``Z`` and fractions of any length."""

from __future__ import annotations

import datetime as dt
import re

__all__ = ["iso_utc", "seconds_of"]

_TIME = re.compile(r"(?P<whole>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d+))?(?:Z|\+00:?00)?\Z")


def seconds_of(text: object) -> float | None:
    """Return the seconds since the epoch; ``None`` where it is no such time."""
    match = _TIME.match(text) if isinstance(text, str) else None
    if match is None:
        return None
    whole = dt.datetime.fromisoformat(match["whole"]).replace(tzinfo=dt.timezone.utc).timestamp()
    return float(f"{int(whole)}.{match['fraction'] or 0}")


def iso_utc(seconds: float) -> str:
    """Return a time as W&B writes it."""
    return dt.datetime.fromtimestamp(max(seconds, 0.0), dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
