"""Comet keeps the laws that every backend keeps, at the service and in zips."""

from pathlib import Path

import pytest
import tracklib_comet

from tracklib.testing.conformance import PlaceSubject
from tracklib.testing.conformance.gate import Gate
from tracklib.testing.conformance.suite import ConformanceSuite
from tracklib.testing.emulators.comet import CometEmulator

PATIENCE = 4


class Pages:
    """What the server would plot: its state, not what its interface gives."""

    def __init__(self, emulator):
        self._emulator = emulator

    def points(self, run, metric):
        return [(step, float(value)) for step, value in self._emulator.experiments[run.id].series(metric)]


class TestComet(ConformanceSuite):
    """At a server."""

    sdks = ("comet_ml",)
    results = Path(tracklib_comet.__file__).parent / "support.json"

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls):
        with CometEmulator() as emulator, pytest.MonkeyPatch.context() as patch:
            for name, value in emulator.environment().items():
                patch.setenv(name, value)
            gate = Gate(emulator.faults, batches="POST batch/logger/experiment/metric", patience=PATIENCE)
            settings = {"metrics_per_minute": 0, "params_per_minute": 0, "timeout": PATIENCE}
            yield PlaceSubject("comet", settings, witness=Pages(emulator), gate=gate)
            assert emulator.complaints == []


class TestCometOffline(ConformanceSuite):
    """In a folder of zips."""

    sdks = ("comet_ml",)

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tmp_path_factory):
        return PlaceSubject(f"comet:{tmp_path_factory.mktemp('conformance') / 'zips'}")
