"""A real MLflow server, and scripts that are run as a user runs them."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tracklib.testing.ports import free_port
from tracklib.testing.workplace import Workplace


def clean_environ() -> dict[str, str]:
    """Return this process's environment without what would steer tracklib, a vendor, the byte code or a table's width."""
    strange = ("TRACKLIB_", "MLFLOW_", "WANDB_", "COMET_", "PYTHONDONTWRITEBYTECODE", "COLUMNS", "LINES")
    return {key: value for key, value in os.environ.items() if not key.startswith(strange)}


class Server:
    """A real ``mlflow server`` on SQLite, which can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        pytest.importorskip("tracklib_mlflow")
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.database = folder / "mlflow.db"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{self.database}"]
        command += ["--artifacts-destination", (self.folder / "files").as_uri()]
        lean = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        log = (self.folder / "server.log").open("ab")
        self.process = subprocess.Popen(
            command, env={**clean_environ(), **lean}, stdout=log, stderr=log, cwd=self.folder, start_new_session=True
        )
        log.close()
        self._await()

    def _await(self) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError((self.folder / "server.log").read_text()[-2000:])

    def kill(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def sql(self, query: str, *arguments: object) -> list[tuple]:
        """Ask, or change, the database behind the server's back."""
        connection = sqlite3.connect(self.database, timeout=30)
        try:
            rows = connection.execute(query, arguments).fetchall()
            connection.commit()
            return rows
        finally:
            connection.close()


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("mlflow"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "server")
    yield server
    server.kill()


class Desk(Workplace):
    """A folder in which scripts run, tracked at a server."""

    def __init__(self, path: Path, url: str) -> None:
        pytest.importorskip("tracklib_mlflow")
        # A run of the same project and id elsewhere is the same run: the experiment is this folder's own.
        place = {"MLFLOW_TRACKING_URI": url, "MLFLOW_EXPERIMENT_NAME": f"{path}"}
        super().__init__(path, "mlflow", TRACKLIB_CAPTURE="none", **place)


@pytest.fixture
def desk(tmp_path: Path, shared_server: Server) -> Desk:
    return Desk(tmp_path / "desk", shared_server.url)
