"""System: what the machine and the training's processes are doing, sampled from outside."""

from __future__ import annotations

import os
from collections.abc import Callable

import psutil

from tracklib.capture.gpus import Gpus
from tracklib.typing import Number

__all__ = ["Sampler"]

_MEASURABLE = (psutil.Error, OSError, NotImplementedError)
"""What psutil raises where a figure is not to be had."""


class Sampler:
    """Takes samples; ``docs/format.md`` lists their names and units.

    Args:
        pid: The training's process; its children count with it.
        folder: Where the run is recorded: its disk is looked at.
        gpus: The GPUs.
    """

    def __init__(self, pid: int, folder: str, gpus: Gpus) -> None:
        self._folder = folder
        self._gpus = gpus
        self._tree = _Tree(pid)
        self._traffic_at_first = _traffic()
        psutil.cpu_percent()  # the first call only starts to count
        self._tree.sample()

    def sample(self) -> dict[str, Number]:
        """Return the values of this moment; percentages of processors are means since the sample before."""
        values: dict[str, Number] = {}
        for measure in (_machine, lambda: _disk(self._folder), self._traffic, self._tree.sample, self._gpus.sample):
            values |= _measured(measure)
        return values

    def _traffic(self) -> dict[str, Number]:
        """Return the bytes moved since the first look."""
        return {name: count - self._traffic_at_first.get(name, 0) for name, count in _traffic().items()}


def _measured(measure: Callable[[], dict[str, Number]]) -> dict[str, Number]:
    """Return some values; none where this system does not tell them: a sample holds what can be had."""
    try:
        return measure()
    except _MEASURABLE:
        return {}


def _machine() -> dict[str, Number]:
    memory = psutil.virtual_memory()
    return {
        "cpu.percent": psutil.cpu_percent(),
        "memory.used": memory.total - memory.available,
        "memory.percent": memory.percent,
    }


def _disk(folder: str) -> dict[str, Number]:
    usage = psutil.disk_usage(folder)
    return {"disk.used": usage.used, "disk.free": usage.free, "disk.percent": usage.percent}


def _traffic() -> dict[str, Number]:
    values: dict[str, Number] = {}
    if (disks := psutil.disk_io_counters()) is not None:
        values |= {"disk.read_bytes": disks.read_bytes, "disk.written_bytes": disks.write_bytes}
    if (network := psutil.net_io_counters()) is not None:
        values |= {"network.received_bytes": network.bytes_recv, "network.sent_bytes": network.bytes_sent}
    return values


class _Tree:
    """The training's process and all below it, but not this one."""

    def __init__(self, pid: int) -> None:
        self._root = psutil.Process(pid)
        self._known: dict[int, psutil.Process] = {}

    def sample(self) -> dict[str, Number]:
        """Return what they use together.

        Raises:
            psutil.NoSuchProcess: The training is gone.
        """
        members = [self._root, *(p for p in self._root.children(recursive=True) if p.pid != os.getpid())]
        # A process remembers the processor time that it had, so the same object is asked each time.
        self._known = {p.pid: self._known[p.pid] if self._known.get(p.pid) == p else p for p in members}
        percent, memory, threads = 0.0, 0, 0
        for process in self._known.values():
            try:
                with process.oneshot():
                    percent += process.cpu_percent()
                    memory += process.memory_info().rss
                    threads += process.num_threads()
            except psutil.Error:  # gone meanwhile, or not ours to look at
                continue
        counts: dict[str, Number] = {"process.count": len(members), "process.threads": threads}
        return {"process.cpu.percent": percent, "process.memory.rss": memory, **counts}
