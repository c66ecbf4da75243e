"""Hardware: the machine that a run has, and the system on it."""

from __future__ import annotations

import platform
import re
from pathlib import Path

import psutil

from tracklib.capture.gpus import Gpus
from tracklib.typing import JSON

__all__ = ["read_hardware"]

_MODEL = re.compile(r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", re.MULTILINE)


def read_hardware(pid: int, gpus: Gpus) -> dict[str, JSON]:
    """Return the operating system, processor, memory in bytes, and GPUs with theirs.

    Args:
        pid: The training's process, whose share of the processors counts.
        gpus: The GPUs.
    """
    found: dict[str, JSON] = {
        "os": platform.platform(),
        "machine": platform.machine(),
        "cpu": _cpu_model(),
        "cpus": psutil.cpu_count() or 0,
        "cores": psutil.cpu_count(logical=False),
        "cpus_usable": _usable(pid),
        "memory": psutil.virtual_memory().total,
    }
    if devices := gpus.describe():
        found |= {"gpus": devices, "gpu_driver": gpus.driver()}
    return found


def _cpu_model() -> str:
    try:
        found = _MODEL.search(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        found = None
    return found[1].strip() if found is not None else platform.processor()


def _usable(pid: int) -> int | None:
    """Return how many processors the process may run on; ``None`` where nobody tells."""
    try:
        affinity = getattr(psutil.Process(pid), "cpu_affinity", None)  # not on macOS
        return None if affinity is None else len(affinity())
    except psutil.Error:  # gone already
        return None
