"""Repositories to write to (a folder, a real `aim server`) and a bench to write and read with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from tracklib.testing import bench as testing
from tracklib.testing.ports import free_port

if sys.version_info >= (3, 13):
    collect_ignore_glob = ["test_*.py"]  # there is no Aim for it
else:
    from tracklib_aim.settings import AimSettings
    from tracklib_aim.spec import SPEC

for name in [name for name in os.environ if name.startswith(("AIM_", "__AIM", "TRACKLIB_"))]:
    del os.environ[name]  # what the developer's shell says must not reach the tests


def pytest_collection_modifyitems(items):
    """Let warnings pass that are Aim's own affair, and no others."""
    reasons = (
        "ignore:The ``declarative_base:DeprecationWarning",  # SQLAlchemy 2 has moved what Aim imports
        "ignore:datetime.datetime.utc:DeprecationWarning",  # from Python 3.12 on
        "ignore:.*:DeprecationWarning:aim",  # its use of pydantic's, alembic's and its own old names
        "ignore:ssl_context was renamed:DeprecationWarning",  # of websockets, in its client
        "ignore:No path_separator:DeprecationWarning",  # its alembic.ini
        "ignore::pytest.PytestUnraisableExceptionWarning",  # it leaves SQLite connections to the garbage collector
        "ignore::ResourceWarning",  # as above
        "ignore:.*fork.*:DeprecationWarning",  # it starts threads of its own
    )
    for item in items:
        if "tracklib-aim" in str(item.path):
            for reason in reasons:
                item.add_marker(pytest.mark.filterwarnings(reason))


class Server:
    """A real `aim server`, stopped by its process group's id."""

    def __init__(self, folder, port=None):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port = folder, port or free_port()
        self.place = f"aim://127.0.0.1:{self.port}"
        self.log = folder / "log.txt"
        command = [sys.executable, "-c", "from aim.cli.cli import cli_entry_point as main; main()", "server"]
        command += ["--repo", str(folder), "--host", "127.0.0.1", "--port", str(self.port), "--yes"]
        quiet = {**os.environ, "AIM_LOG_LEVEL": "50"}
        quiet.pop("PYTHONDONTWRITEBYTECODE", None)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=quiet, start_new_session=True)

    def wait(self):
        deadline = time.monotonic() + 120
        while not self._answers():
            assert self.process.poll() is None, f"it stopped:\n{self.log.read_text()[-3000:]}"
            assert time.monotonic() < deadline, f"no answer:\n{self.log.read_text()[-3000:]}"
            time.sleep(0.2)
        return self

    def _answers(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/client/get-version/", timeout=2) as reply:
                return reply.status == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def stop(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    started = Server(tmp_path_factory.mktemp("server")).wait()
    yield started
    started.stop()


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A repository on the disk, which all tests share: making one takes seconds."""
    return tmp_path_factory.mktemp("repo")


@pytest.fixture
def start_server(tmp_path):
    """Start a server of the test's own."""
    started = []

    def start(folder, port=None):
        started.append(Server(folder, port))
        return started[-1].wait()

    yield start
    for one in started:
        if one.process.poll() is None:
            one.stop()


class Bench(testing.Bench):
    """A run in a repository, as the sink writes it, and the source and Aim's own SDK read it."""

    def __init__(self, repo, root, folder):
        super().__init__(SPEC, AimSettings(repo=str(repo)), folder)
        self.repo, self.root = repo, root

    @property
    def raw(self):
        """The run as Aim's own SDK gives it, through its index; ``None`` where it is in none."""
        from aim.sdk.repo import Repo

        repo = Repo(str(self.root))
        return repo.get_run(self.found().place)

    def metric(self, name, **context):
        """Return steps and values of a metric as Aim's own SDK gives them."""
        from aim.storage.context import Context

        steps, (values, _, times) = self.raw.get_metric(name, Context(context)).data.items_list()
        return steps, values, times


@pytest.fixture
def local(folder, tmp_path):
    """A bench on a folder, with a project of its own."""
    return Bench(folder, folder, tmp_path)


@pytest.fixture(params=["local", "server"])
def bench(request, tmp_path):
    """A bench on a folder, and one on a server."""
    if request.param == "local":
        return request.getfixturevalue("local")
    server = request.getfixturevalue("server")
    return Bench(server.place, server.folder, tmp_path)


@pytest.fixture
def make_bench():
    """The bench's class, for a repository of the test's own."""
    return Bench
