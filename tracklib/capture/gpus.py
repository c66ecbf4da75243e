"""GPUs: NVIDIA's, through NVIDIA's own library where both are there; elsewhere there are none, which is normal."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from tracklib.typing import JSON, Number

__all__ = ["Gpus"]


class Gpus:
    """The GPUs of this machine, by NVML's numbers, whatever ``CUDA_VISIBLE_DEVICES`` says."""

    def __init__(self) -> None:
        self._library: Any = None
        self._handles: list[Any] = []
        try:
            library = importlib.import_module("pynvml")
        except ImportError:
            return
        try:
            library.nvmlInit()
            self._handles = [library.nvmlDeviceGetHandleByIndex(i) for i in range(library.nvmlDeviceGetCount())]
        except library.NVMLError:  # no driver, or no device
            return
        self._library = library

    def describe(self) -> list[JSON]:
        """Return each GPU's name and memory in bytes."""
        found: list[JSON] = []
        for handle in self._handles:
            name = self._ask(lambda n, handle=handle: n.nvmlDeviceGetName(handle))  # type: ignore[misc]
            memory = self._ask(lambda n, handle=handle: n.nvmlDeviceGetMemoryInfo(handle))  # type: ignore[misc]
            found.append({"name": _text(name), "memory": None if memory is None else int(memory.total)})
        return found

    def driver(self) -> str:
        """Return the driver's version; empty where there is none."""
        return _text(self._ask(lambda n: n.nvmlSystemGetDriverVersion()))

    def sample(self) -> dict[str, Number]:
        """Return how busy, full, hot and hungry each GPU is; what a device does not tell is left out."""
        values: dict[str, Number] = {}
        for index, handle in enumerate(self._handles):
            for name, value in self._sample(handle).items():
                values[f"gpu.{index}.{name}"] = value
        return values

    def _sample(self, handle: Any) -> dict[str, Number]:
        values: dict[str, Number] = {}
        if (rates := self._ask(lambda n: n.nvmlDeviceGetUtilizationRates(handle))) is not None:
            values["utilization"] = rates.gpu
        if (memory := self._ask(lambda n: n.nvmlDeviceGetMemoryInfo(handle))) is not None:
            values["memory.used"] = memory.used
            values["memory.percent"] = 100 * memory.used / memory.total
        if (celsius := self._ask(lambda n: n.nvmlDeviceGetTemperature(handle, n.NVML_TEMPERATURE_GPU))) is not None:
            values["temperature"] = celsius
        if (milliwatts := self._ask(lambda n: n.nvmlDeviceGetPowerUsage(handle))) is not None:
            values["power"] = milliwatts / 1000
            if limit := self._ask(lambda n: n.nvmlDeviceGetEnforcedPowerLimit(handle)):
                values["power.percent"] = 100 * milliwatts / limit
        return values

    def _ask(self, question: Callable[[Any], Any]) -> Any:
        """Return NVML's answer; ``None`` where there is no library, or the device has none."""
        if self._library is None:
            return None
        try:
            return question(self._library)
        except self._library.NVMLError:
            return None


def _text(value: object) -> str:
    """Return a text; older versions of the library give bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else "" if value is None else str(value)
