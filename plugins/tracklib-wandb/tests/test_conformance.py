"""W&B keeps the laws that every backend keeps: the real SDK against the emulator, and in a folder."""

from pathlib import Path

import pytest
import tracklib_wandb

from tracklib.testing.conformance import PlaceSubject
from tracklib.testing.conformance.gate import Gate
from tracklib.testing.conformance.suite import ConformanceSuite
from tracklib.testing.emulators.wandb import WandbEmulator

WRITES = "[CMPUf]*"
"""The stream, and what is asked of GraphQL and of the store to write: ``CreateArtifact``, ``PUT storage``, ..."""


class Pages:
    """What the server has for whoever draws a metric over W&B's own step."""

    def __init__(self, server):
        self._server = server

    def points(self, run, metric):
        rows = self._server.runs[run.id].history
        return [(row["_step"], row[metric]) for row in rows if metric in row]


@pytest.fixture(scope="class")
def surroundings(tmp_path_factory):
    """The SDK's folders, and no variable of the developer's shell."""
    with pytest.MonkeyPatch.context() as patch:
        for kind in ("DIR", "CACHE_DIR", "CONFIG_DIR", "DATA_DIR", "ARTIFACT_DIR"):
            patch.setenv(f"WANDB_{kind}", str(tmp_path_factory.mktemp(kind.lower())))
        yield patch


class TestWandb(ConformanceSuite):
    """Online."""

    sdks = ("wandb",)
    results = Path(tracklib_wandb.__file__).parent / "support.json"

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, surroundings):
        with WandbEmulator() as server:
            for name, value in server.environment().items():
                surroundings.setenv(name, value)
            yield PlaceSubject("wandb", witness=Pages(server), gate=Gate(server.faults, WRITES, batches="file_stream"))
        assert server.complaints == []


class TestExportedHistory(ConformanceSuite):
    """Online, where the server gives the history of ended runs as Parquet files."""

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, surroundings):
        with WandbEmulator(parquet=True) as server:
            for name, value in server.environment().items():
                surroundings.setenv(name, value)
            yield PlaceSubject("wandb")
        assert server.complaints == []


class TestOffline(ConformanceSuite):
    """In a folder of this machine."""

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, surroundings, tmp_path_factory):
        del surroundings
        return PlaceSubject(f"wandb:{tmp_path_factory.mktemp('offline') / 'wandb'}")
