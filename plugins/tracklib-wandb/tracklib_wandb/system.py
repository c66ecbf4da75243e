"""System metrics: tracklib's names as W&B's own, which its page of system metrics shows."""

from __future__ import annotations

import re

__all__ = ["shown"]

_NAMES = {
    "cpu.percent": "cpu",
    "process.cpu.percent": "proc.cpu.percent",
    "process.memory.percent": "proc.memory.percent",
    "memory.percent": "memory_percent",
    "disk.percent": "disk./.usagePercent",
}
_GPU_NAMES = {
    "utilization": "gpu",
    "memory.percent": "memoryAllocated",
    "memory.used": "memoryAllocatedBytes",
    "temperature": "temp",
    "power": "powerWatts",
}
_GPU = re.compile(r"gpu\.(\d{1,6})\.(.+)", re.DOTALL)


def shown(name: str) -> str:
    """Return W&B's name, which it shows behind ``system.``; what it does not sample itself keeps tracklib's name."""
    if (found := _GPU.fullmatch(name)) is not None:
        return f"gpu.{found[1]}.{_GPU_NAMES.get(found[2], found[2])}"
    return _NAMES.get(name, name)
