"""The parts: packages, launcher and GPUs, each read as they stand."""

# ruff: noqa: N802  the names are NVML's

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from tracklib.capture.gpus import Gpus
from tracklib.capture.launcher import read_launcher
from tracklib.capture.packages import read_packages
from tracklib.tracking.redaction import REDACTED, Redactor


def test_packages_are_what_pip_says(monkeypatch):
    """Names and versions agree with the metadata that the installers wrote, for every package here."""
    from importlib.metadata import distributions

    expected = {}
    for found in distributions():
        name = found.metadata["Name"].lower().replace("_", "-").replace(".", "-")
        expected.setdefault(name, found.version)
    assert read_packages(sys.path) == dict(sorted(expected.items()))


def test_the_first_on_the_path_counts(tmp_path):
    """A package that is there twice has the version that is imported; odd names and missing folders are no matter."""
    for folder, names in {
        "a": ["Some_Thing-1.0.dist-info", "x-2.0-py3.11.egg-info"],
        "b": ["some.thing-2.0.dist-info", "junk.dist-info", "y.py"],
    }.items():
        for name in names:
            (tmp_path / folder / name).mkdir(parents=True)
    path = [str(tmp_path / "missing"), str(tmp_path / "a"), str(tmp_path / "b")]
    assert read_packages(path) == {"some-thing": "1.0", "x": "2.0"}


def test_the_launcher_is_an_allow_list():
    """Launchers' variables are taken, secrets among them hidden, and nothing else is."""
    environ = {
        "SLURM_JOB_ID": "1",
        "SLURM_JWT": "a-token-of-its-own",
        "SLURM_DB_PASSWORD": "hunter22",
        "TORCHELASTIC_RUN_ID": "x",
        "PATH": "/bin",
        "AWS_SECRET_ACCESS_KEY": "hush",
        "MASTER_ADDR": "https://me:pass4word@host",
    }
    assert read_launcher(environ, Redactor()) == {
        "MASTER_ADDR": f"https://{REDACTED}@host",
        "SLURM_DB_PASSWORD": REDACTED,
        "SLURM_JOB_ID": "1",
        "TORCHELASTIC_RUN_ID": "x",
    }


class FakeNVML:
    """NVML's names with two devices behind them, the second of which tells no power; no GPU is at hand in tests."""

    NVML_TEMPERATURE_GPU = 0

    class NVMLError(Exception):
        """What NVML raises."""

    def nvmlInit(self):
        return None

    def nvmlDeviceGetCount(self):
        return 2

    def nvmlDeviceGetHandleByIndex(self, index):
        return index

    def nvmlSystemGetDriverVersion(self):
        return b"580.1"

    def nvmlDeviceGetName(self, index):
        return ["GPU A", b"GPU B"][index]

    def nvmlDeviceGetMemoryInfo(self, index):
        return SimpleNamespace(total=80_000, used=20_000)

    def nvmlDeviceGetUtilizationRates(self, index):
        return SimpleNamespace(gpu=97)

    def nvmlDeviceGetTemperature(self, index, sensor):
        return 61

    def nvmlDeviceGetPowerUsage(self, index):
        if index:
            raise self.NVMLError
        return 350_500

    def nvmlDeviceGetEnforcedPowerLimit(self, index):
        return 701_000


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setitem(sys.modules, "pynvml", FakeNVML())


def test_gpus_tell_what_they_can(two_gpus):
    """Every figure has its name and unit; what a device does not tell is missing, not zero."""
    gpus = Gpus()
    assert gpus.describe() == [{"name": "GPU A", "memory": 80_000}, {"name": "GPU B", "memory": 80_000}]
    assert gpus.driver() == "580.1"
    common = {"utilization": 97, "memory.used": 20_000, "memory.percent": 25.0, "temperature": 61}
    assert gpus.sample() == {
        **{f"gpu.0.{name}": value for name, value in common.items()},
        "gpu.0.power": 350.5,
        "gpu.0.power.percent": 50.0,
        **{f"gpu.1.{name}": value for name, value in common.items()},
    }


def test_without_the_library_there_are_no_gpus(monkeypatch):
    """A machine without NVIDIA's library has no GPUs to tell of."""
    monkeypatch.setitem(sys.modules, "pynvml", None)
    gpus = Gpus()
    assert (gpus.describe(), gpus.driver(), gpus.sample()) == ([], "", {})


def test_without_a_driver_there_are_no_gpus(two_gpus, monkeypatch):
    """A library without a driver behind it raises, and there are no GPUs."""

    def refuse(self):
        raise self.NVMLError

    monkeypatch.setattr(FakeNVML, "nvmlInit", refuse)
    assert Gpus().sample() == {}
