"""`Workplace`: a folder in which scripts and commands run as a user runs them, each in a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from tracklib.delivery.account import Line, account
from tracklib.journal.layout import Root

__all__ = ["Workplace"]

_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has none, and ends a process all the same
_STEERING = ("TRACKLIB_", "MLFLOW_", "AIM_", "COLUMNS", "LINES", "PYTHONDONTWRITEBYTECODE")


class Workplace:
    """A folder with a journal root in it, and variables for whatever runs there.

    Args:
        path: Made if need be.
        backends: What ``TRACKLIB_BACKENDS`` says.
        environ: More variables. Of those around, none is taken over that steers tracklib, MLflow or Aim, or the
            width of a terminal; those that a test set for the vendors behind an emulator are.

    Attributes:
        root: The journal root.
        patience: Seconds that a script or command may take.
    """

    patience = 600.0

    def __init__(self, path: Path, backends: str = "", **environ: str) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.root = Root(path / ".tracklib")
        around = {key: value for key, value in os.environ.items() if not key.startswith(_STEERING)}
        ours = {"TRACKLIB_DIR": str(self.root.path), "TRACKLIB_BACKENDS": backends}
        self.environ: dict[str, str] = {**around, **ours, **environ}

    def start(self, script: str, **environ: str) -> subprocess.Popen[str]:
        """Start a script."""
        return self._start([sys.executable, "-c", script], environ)

    def run(self, script: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a script, however it ends."""
        return self._finish(self.start(script, **environ))

    def train(self, script: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a script, which ends well and warns of nothing."""
        done = self._finish(self._start([sys.executable, "-W", "error", "-c", script], environ))
        assert done.returncode == 0, done.stderr
        return done

    def begin(self, *words: str, **environ: str) -> subprocess.Popen[str]:
        """Start a command: ``begin("sync", "--timeout", "60")``."""
        return self._start([sys.executable, "-m", "tracklib.cli.main", *words], environ)

    def tracklib(self, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a command, however it ends."""
        return self._finish(self.begin(*words, **environ))

    def said(self, *words: str, code: int = 0, **environ: str) -> str:
        """Return what a command that ends with this code says, on both of its outputs."""
        done = self.tracklib(*words, **environ)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def lines(self) -> list[Line]:
        """Return how far each run is delivered to each backend."""
        return list(account(self.root.runs()))

    def kill_relay(self, after: float = 0) -> None:
        """Wait until a relay works here, and some seconds longer; then kill it. Give up after a minute."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            for lease in (self.root.path / "relays").glob("*/lease"):
                if pid := lease.read_text().strip():
                    time.sleep(after)
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), _KILL)
                    lease.write_text("")
                    return
            time.sleep(0.02)

    def _start(self, command: list[str], environ: Mapping[str, str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=self.path,
            env={**self.environ, **environ},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def _finish(self, process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
        with process:
            try:
                out, err = process.communicate(timeout=self.patience)
            except BaseException:
                process.kill()
                raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)
