"""A Comet server to write to, and a bench to write and read with."""

import os

import pytest
from tracklib_comet.settings import CometSettings
from tracklib_comet.sink import CometSink
from tracklib_comet.spec import SPEC

from tracklib.backends.contract import SinkContext
from tracklib.model.run import RunInfo
from tracklib.testing import bench as testing
from tracklib.testing.emulators.comet import CometEmulator

for name in [name for name in os.environ if name.startswith(("COMET_", "TRACKLIB_"))]:
    del os.environ[name]  # what the developer's shell says must not reach the tests


def pytest_collection_modifyitems(items):
    """Let warnings pass that are the SDK's own affair, and no others."""
    reasons = (
        "ignore:.*:DeprecationWarning:comet_ml",
        "ignore:.*:DeprecationWarning:everett",
        "ignore:.*fork.*:DeprecationWarning",
    )
    for item in items:
        if "tracklib-comet" in str(item.path):
            for reason in reasons:
                item.add_marker(pytest.mark.filterwarnings(reason))


@pytest.fixture
def emulator(monkeypatch, tmp_path):
    """A Comet server of the test's own, which the environment leads to; unknown routes fail the test."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    with CometEmulator() as started:
        for name, value in started.environment().items():
            monkeypatch.setenv(name, value)
        yield started
        started.faults.clear()
        assert started.complaints == []


class Bench(testing.Bench):
    """A run at a server or in a folder, as the sink writes it, and the source reads it."""

    def __init__(self, settings, folder, emulator=None):
        super().__init__(SPEC, settings, folder)
        self.emulator = emulator

    @property
    def raw(self):
        """The experiment as the server knows it."""
        return self.emulator.experiments[self.found().place]


@pytest.fixture
def online(emulator, tmp_path):
    """A bench on the server, with a project of its own."""
    return Bench(CometSettings().resolved(), tmp_path, emulator)


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """A bench on a folder of zips."""
    return Bench(CometSettings(offline=str(tmp_path / "zips")), tmp_path)


@pytest.fixture(params=["online", "offline"])
def bench(request):
    """A bench on the server, and one on a folder."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def make_sink(tmp_path):
    """Return a function that opens a sink with settings."""

    def make(settings):
        sink = CometSink(settings, SinkContext(lambda _: tmp_path, tmp_path))
        sink.open(RunInfo("p", "r", "n"))
        return sink

    return make
