"""System metrics: tracklib's names as Aim's own, which its page of system metrics shows."""

from __future__ import annotations

import re

from tracklib_aim.names import Context

__all__ = ["PREFIX", "shown"]

PREFIX = "__system__"

_NAMES = {
    "process.cpu.percent": "cpu",
    "memory.percent": "memory_percent",
    "disk.percent": "disk_percent",
}
_GPU_NAMES = {
    "utilization": "gpu",
    "memory.percent": "gpu_memory_percent",
    "temperature": "gpu_temp",
    "power": "gpu_power_watts",
}
_GPU = re.compile(r"gpu\.(\d{1,6})\.(.+)", re.DOTALL)


def shown(name: str) -> tuple[str, Context]:
    """Return Aim's name and context; what it does not sample itself keeps tracklib's name behind the prefix."""
    if (found := _GPU.fullmatch(name)) is not None:
        return PREFIX + _GPU_NAMES.get(found[2], f"gpu.{found[2]}"), {"gpu": int(found[1])}
    return PREFIX + _NAMES.get(name, name), {}
