"""A real MLflow server for the demo, which can be killed, started again, and tampered with."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

__all__ = ["Server"]


class Server:
    """A real MLflow server with a SQLite store, that serves its artifacts."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self._environ = {**environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        self.database = self.folder / "mlflow.db"
        self.folder.mkdir(parents=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it takes some seconds until it answers."""
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--backend-store-uri", f"sqlite:///{self.database}", "--workers", "1"]
        command += ["--artifacts-destination", f"file://{self.folder / 'artifacts'}"]
        with (self.folder / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environ, start_new_session=True
            )

    def wait(self) -> None:
        """Wait until it answers.

        Raises:
            RuntimeError: It stopped, or took longer than two minutes.
        """
        deadline = time.monotonic() + 120
        while not self._answers():
            gone = self._process is None or self._process.poll() is not None
            if gone or time.monotonic() > deadline:
                log = (self.folder / "log.txt").read_text(errors="replace")
                raise RuntimeError(f"MLflow {'stopped' if gone else 'did not answer for two minutes'}:\n{log[-2000:]}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def kill(self) -> None:
        """Kill it and its workers, as a power cut would."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """Stop it and its workers; kill what does not stop."""
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)

    def count(self) -> int:
        """Return how many runs its database holds."""
        with contextlib.closing(sqlite3.connect(self.database)) as database:
            return int(database.execute("SELECT count(*) FROM runs").fetchone()[0])

    def vendor_id(self, run: str) -> str:
        """Return MLflow's own id of a run."""
        with contextlib.closing(sqlite3.connect(self.database)) as database:
            query = "SELECT run_uuid FROM tags WHERE key = 'tracklib.run_id' AND value = ?"
            return str(database.execute(query, (run,)).fetchone()[0])

    def alter(self, vendor_id: str, key: str, step: int, value: float) -> float:
        """Write another value over one point, behind MLflow's back; return what was there."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=30)) as database, database:
            point = (vendor_id, key, step)
            found = database.execute(
                "SELECT value FROM metrics WHERE run_uuid = ? AND key = ? AND step = ?", point
            ).fetchone()
            database.execute(
                "UPDATE metrics SET value = ? WHERE run_uuid = ? AND key = ? AND step = ?", (value, *point)
            )
            return float(found[0])
