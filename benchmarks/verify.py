"""Measure comparing two copies of a run, in journal roots and in bundles."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from journals import make_run
from measure import Row

from tracklib.portability.ledger import Ledger
from tracklib.portability.migrate import Migration
from tracklib.portability.parity import Parity
from tracklib.portability.places import open_place

__all__ = ["rows"]

_ROWS, _COLUMNS, _METRICS = 500_000, 5_000_000, 100


def rows(folder: Path) -> Iterator[Row]:
    """Yield what a point costs, both sides together, the files' contents and the pairing of runs included."""
    yield _row(_journals(folder / "rows", _ROWS), _ROWS, "verify, two journal roots", None)
    bundles = _bundles(_journals(folder / "columns", _COLUMNS), folder)
    yield _row(bundles, _COLUMNS, "verify, two bundles", 2.0)


def _journals(folder: Path, points: int) -> tuple[str, str]:
    for side in "ab":
        make_run(folder / side, "run", points, _METRICS)
    return f"local:{folder / 'a'}", f"local:{folder / 'b'}"


def _bundles(places: tuple[str, str], folder: Path) -> tuple[str, str]:
    made = []
    for number, source in enumerate(places):
        made.append(f"bundle:{folder / f'bundle{number}'}")
        book = Ledger(folder / f"{number}.sqlite", source, made[-1])
        migration = Migration(open_place(source), open_place(made[-1]), book)
        assert [r.state for wave in migration.waves(None) for r in migration.copy(wave)] == ["copied"]
        book.close()
    return made[0], made[1]


def _row(places: tuple[str, str], points: int, name: str, bound: float | None) -> Row:
    a, b = (open_place(place).source() for place in places)
    began = time.perf_counter()
    (half,) = Parity(a, b)
    took = time.perf_counter() - began
    assert half.state == "identical", half
    return Row(name, took / points * 1e6, "us", bound, f"{points / took:,.0f} points a second, of {points:,} a side")
