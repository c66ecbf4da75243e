"""System metrics by tracklib's names, which ``docs/format.md`` lists, from W&B's; others stay as they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tracklib.typing import Number

__all__ = ["load_of"]

_MEGABYTE = 1 << 20


def _megabytes(value: Number) -> Number:
    size = value * _MEGABYTE
    return int(size) if isinstance(size, float) and size.is_integer() else size


_Convert = Callable[[Number], Number]

_NAMES: Mapping[str, tuple[str, _Convert | None]] = {
    "memory_percent": ("memory.percent", None),
    "memory": ("memory.percent", None),
    "network.sent": ("network.sent_bytes", None),
    "network.recv": ("network.received_bytes", None),
    "proc.memory.rssMB": ("process.memory.rss", _megabytes),
    "proc.cpu.threads": ("process.threads", None),
}
_GPU: Mapping[str, str] = {
    "gpu": "utilization",
    "temp": "temperature",
    "memoryAllocated": "memory.percent",
    "memoryAllocatedBytes": "memory.used",
    "powerWatts": "power",
    "powerPercent": "power.percent",
}
_OF_GPU = re.compile(r"gpu\.(?P<number>\d+)\.(?P<name>\w+)\Z")


def load_of(row: Mapping[str, Any]) -> dict[str, Number]:
    """Return the numbers of a sample by tracklib's names."""
    found: dict[str, Number] = {}
    for key, value in row.items():
        if key.startswith("_") or isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        name = key.removeprefix("system.")
        known, convert = _NAMES.get(name, (_gpu(name), None))
        chosen = known if known not in found else name
        found[chosen] = value if convert is None else convert(value)
    return found


def _gpu(name: str) -> str:
    match = _OF_GPU.match(name)
    word = _GPU.get(match["name"]) if match is not None else None
    return f"gpu.{match['number']}.{word}" if match is not None and word is not None else name
