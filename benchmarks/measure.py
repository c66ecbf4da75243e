"""What all benchmarks share: a row of results, and ways to measure."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Row", "cpu_seconds", "per_call", "ratio"]


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        bound: What it must not exceed; ``None`` where it only stands for comparison.
    """

    name: str
    value: float
    unit: str
    bound: float | None = None
    note: str = ""

    @property
    def holds(self) -> bool:
        """Whether the figure keeps its bound."""
        return self.bound is None or self.value <= self.bound


def per_call(call: Callable[[int], object], count: int) -> float:
    """Return the seconds that one call takes, over ``count`` calls in a row."""
    began = time.perf_counter()
    for index in range(count):
        call(index)
    return (time.perf_counter() - began) / count


def ratio(ours: Callable[[int], object], theirs: Callable[[int], object], count: int, rounds: int = 15) -> float:
    """Return the median of ours/theirs over pairs that are measured one after the other: the machine is noisy."""
    return statistics.median(per_call(ours, count) / per_call(theirs, count) for _ in range(rounds))


def cpu_seconds(code: str, folder: Path, environ: Mapping[str, str] | None = None, rounds: int = 15) -> float:
    """Return the median of the processor time that a fresh Python takes for some code, its children's not counted."""
    clean = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    taken = []
    for _ in range(rounds):
        process = subprocess.Popen([sys.executable, "-c", code], cwd=folder, env={**clean, **(environ or {})})
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{code!r} ended with {process.returncode}")
        taken.append(usage.ru_utime + usage.ru_stime)
    return statistics.median(taken)
