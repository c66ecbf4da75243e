"""Measure the most memory that comparing, copying and sorting one long run takes: the peak of a process's resident set.

``BENCH_POINTS`` sets how long it is: a million points over 100 metrics where it is unset; the bound is for 10 million.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from journals import make_run
from measure import Row

__all__ = ["rows"]

_POINTS = int(os.environ.get("BENCH_POINTS", "1000000"))
_BOUND = 300.0


def rows(folder: Path) -> Iterator[Row]:
    """Yield the megabytes at the peak of a process."""
    for side in "ab":
        make_run(folder / side, "run", _POINTS, 100)
    a, b = f"local:{folder / 'a'}", f"local:{folder / 'b'}"
    yield _row(folder, "verify, journal roots", ["verify", a, b])
    for side, source in (("c", a), ("d", b)):
        made = _row(folder, "migrate to a bundle", ["migrate", source, f"bundle:{folder / side}"])
    yield made
    yield _row(folder, "verify, bundles", ["verify", f"bundle:{folder / 'c'}", f"bundle:{folder / 'd'}"])
    for name, place in (("a journal root", a), ("a bundle", f"bundle:{folder / 'c'}")):
        yield _row(folder, f"sql, {name} sorted", ["sql", "SELECT * FROM metrics ORDER BY value", place, "--csv"])
    yield _row(folder, "migrate to a journal root", ["migrate", a, f"local:{folder / 'e'}"])


def _row(folder: Path, name: str, words: list[str]) -> Row:
    command = [sys.executable, "-m", "tracklib.cli.main", *words]
    environ = {**os.environ, "TRACKLIB_DIR": str(folder / "root")}
    process = subprocess.Popen(command, env=environ, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}")
    return Row(f"{name}, memory", usage.ru_maxrss / 1024, "MB", _BOUND, f"{_POINTS:,} points over 100 metrics")
