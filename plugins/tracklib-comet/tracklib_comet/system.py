"""System: what Comet calls the samples of a machine's load, and its details, so that its pages show them as its own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tracklib.model.records import Record, System
from tracklib.typing import JSON
from tracklib_comet.experiment import Shown
from tracklib_comet.points import native

__all__ = ["PREFIX", "details_of", "is_sample", "natives_of", "plain_name"]

PREFIX = "sys."
"""What Comet's own system metrics begin with: its page of that name shows these alone."""

_SECOND = 1_000_000_000
# comet_ml 3.58, `comet_ml.system`: the names that its own monitors log under
_NAMES = {
    "cpu.percent": "cpu.percent.avg",
    "memory.used": "ram.used",
    "memory.percent": "ram.percent.used",
    "disk.used": "disk.root.used",
    "disk.percent": "disk.root.percent.used",
    "process.cpu.percent": "compute.utilized",
}
_OF_GPU = {
    "utilization": "gpu_utilization",
    "memory.used": "used_memory",
}
_GPU = re.compile(r"gpu\.(\d+)\.(.+)\Z")
_DETAILS = {"host": "hostname", "user": "user", "pid": "pid", "python": "pythonVersion", "system": "osType"}
_HARDWARE = {"os": "os", "machine": "machine", "cpu": "processor"}


def natives_of(record: Record, started: int) -> Iterator[Shown]:
    """Yield the points that Comet shows for a sample; their step is the whole seconds since the run began."""
    assert isinstance(record.body, System)
    step = max(0, record.time - started) // _SECOND
    for name, value in record.body.values.items():
        yield native(PREFIX + _shown(name), step, value, record.time)


def _shown(name: str) -> str:
    if (gpu := _GPU.match(name)) is not None and gpu[2] in _OF_GPU:
        return f"gpu.{gpu[1]}.{_OF_GPU[gpu[2]]}"
    return _NAMES.get(name, name)


def is_sample(held: str) -> bool:
    """Tell whether a metric is one of Comet's own monitors, by its name there."""
    return held.startswith(PREFIX)


def plain_name(held: str) -> str:
    """Return tracklib's name for a system metric of Comet's own monitors; others keep theirs."""
    own = held.removeprefix(PREFIX)
    if (gpu := _GPU.match(own)) is not None:
        names = {theirs: ours for ours, theirs in _OF_GPU.items()}
        return f"gpu.{gpu[1]}.{names.get(gpu[2], gpu[2])}"
    return {theirs: ours for ours, theirs in _NAMES.items()}.get(own, own)


def details_of(context: Mapping[str, JSON]) -> dict[str, Any]:
    """Return what Comet's page of the system shows of what was captured, by the names of its interface."""
    hardware, packages = context.get("hardware"), context.get("packages")
    found: dict[str, Any] = dict(_named(context, _DETAILS))
    if isinstance(hardware, Mapping):
        found |= _named(hardware, _HARDWARE)
    if isinstance(packages, Mapping):
        found["installedPackages"] = [f"{name}=={version}" for name, version in packages.items()]
    return found


def _named(values: Mapping[str, JSON], names: Mapping[str, str]) -> dict[str, Any]:
    return {own: values[key] for key, own in names.items() if isinstance(values.get(key), (str, int))}
