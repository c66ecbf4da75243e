"""System: what MLflow calls the samples of a machine's load, so that its pages show them as its own.

The names are those of `mlflow.system_metrics` (3.17), whose monitors log megabytes of 10^6 bytes; a sample that MLflow
has no name for is shown beside them. The exact record stands in a companion, and is what is read back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tracklib.backends.contract import Outcome, accepted
from tracklib.model.records import Record, System
from tracklib.typing import Number
from tracklib_mlflow import companions as kinds
from tracklib_mlflow.companions import record_fields
from tracklib_mlflow.names import encode
from tracklib_mlflow.points import NS, Native, native
from tracklib_mlflow.writers import Desk

__all__ = ["SYSTEM", "SystemWriter", "natives_of"]

SYSTEM = "system/"
"""What MLflow's own system metrics begin with; the page of that name shows these alone."""

_SECOND = 1_000_000_000
_MEGABYTE = 1_000_000

_NAMES = {
    "cpu.percent": "cpu_utilization_percentage",
    "memory.used": "system_memory_usage_megabytes",
    "memory.percent": "system_memory_usage_percentage",
    "disk.used": "disk_usage_megabytes",
    "disk.free": "disk_available_megabytes",
    "disk.percent": "disk_usage_percentage",
    "disk.read_bytes": "disk_read_megabytes",
    "disk.written_bytes": "disk_write_megabytes",
    "network.received_bytes": "network_receive_megabytes",
    "network.sent_bytes": "network_transmit_megabytes",
    "process.cpu.percent": "process_cpu_utilization_percentage",
    "process.memory.rss": "process_memory_usage_megabytes",
}
_OF_GPU = {
    "utilization": "utilization_percentage",
    "memory.used": "memory_usage_megabytes",
    "memory.percent": "memory_usage_percentage",
    "power": "power_usage_watts",
    "power.percent": "power_usage_percentage",
    "temperature": "temperature_celsius",
}
_GPU = re.compile(r"gpu\.(\d+)\.(.+)\Z")


def natives_of(record: Record, started: int) -> Iterator[Native]:
    """Yield the points that MLflow shows for a sample.

    Their step is the whole seconds since the run began: a sample that is sent again is the same point.

    Args:
        record: A sample.
        started: When the run began, in milliseconds.
    """
    assert isinstance(record.body, System)
    step = max(0, (record.time - started * NS) // _SECOND)
    for name, value in record.body.values.items():
        shown = _shown(name)
        unit = _MEGABYTE if shown.endswith("_megabytes") else 1
        yield native(SYSTEM + encode(shown), _divided(value, unit), step, record.time)


def _shown(name: str) -> str:
    if (gpu := _GPU.match(name)) is not None and gpu[2] in _OF_GPU:
        return f"gpu_{gpu[1]}_{_OF_GPU[gpu[2]]}"
    return _NAMES.get(name) or name.replace(".", "_")


def _divided(value: Number, unit: int) -> Number:
    return value if unit == 1 else value / unit


class SystemWriter:
    """Writes samples: as metrics under MLflow's names, and whole in a companion."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def write(self, records: Sequence[Record]) -> list[Outcome]:
        """Write samples."""
        started = int(self._desk.run.info.start_time or 0)
        points = [point for record in records for point in natives_of(record, started)]
        self._desk.client.log_points(self._desk.run_id, points)
        for record in records:
            self._desk.companions.hold(kinds.RECORDS, record, record_fields(record))
        return [accepted() for _ in records]
