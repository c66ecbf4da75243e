"""Measure listing and filtering 10,000 small runs of a journal root."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from journals import make_run
from measure import Row

from tracklib.model.query import RunQuery
from tracklib.portability.places import open_place

__all__ = ["rows"]

_RUNS = 10_000


def rows(folder: Path) -> Iterator[Row]:
    """Yield the seconds that a listing takes."""
    for number in range(_RUNS):
        make_run(folder, f"run{number}", 3, 1, project=f"project{number % 10}", started=number * 10**9)
    source = open_place(f"local:{folder}").source()
    queries = {
        "all": RunQuery(),
        "by status and date": RunQuery(status="finished", since=1_764_005_000 * 10**9),
        "of one project": RunQuery(project="project3"),
    }
    for name, query in queries.items():
        began, busy = time.perf_counter(), time.process_time()
        count = sum(1 for _ in source.runs(query))
        took, busy = time.perf_counter() - began, time.process_time() - busy
        yield Row(f"listing 10,000 runs, {name}", took, "s", 2.0, f"{count:,} found; {busy:.2f} s of the processor")
