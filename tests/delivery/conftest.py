"""A vendor for tests of delivery, and scripts that are run as a user runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tracklib.delivery.account import Line, account
from tracklib.delivery.receipt import Receipt, all_receipts
from tracklib.journal.layout import Root, RunFolder

PLUGINS = Path(__file__).parent / "plugins"


@dataclass
class Vendor:
    """The folder that the fake vendor is made of."""

    path: Path

    def faults(self, **faults: object) -> None:
        (self.path / "deaths").touch()
        temporary = self.path / "faults.tmp"
        temporary.write_text(json.dumps(faults))
        temporary.replace(self.path / "faults.json")

    def received(self) -> list[tuple[str, str, dict]]:
        path = self.path / "records.jsonl"
        return [tuple(json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []

    def held(self) -> dict[tuple[str, str, int], dict]:
        """Return what an idempotent vendor holds: each record once."""
        return {(run, writer, fields["seq"]): fields for run, writer, fields in self.received()}


class Desk:
    """A folder in which scripts run with the fake vendor installed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.vendor = Vendor(path / "vendor")
        self.vendor.path.mkdir()
        self.root = Root(path / ".tracklib")
        self.environ = {
            **{
                key: value for key, value in os.environ.items() if not key.startswith(("TRACKLIB_", "COLUMNS", "LINES"))
            },
            "PYTHONPATH": str(PLUGINS),
            "FAKEVENDOR_PLACE": str(self.vendor.path),
            "TRACKLIB_DIR": str(self.root.path),
            "TRACKLIB_BACKENDS": "fakevendor",
            "TRACKLIB_CAPTURE": "none",  # tests count records
        }

    def start(self, script: str, **environ: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", script]
        return subprocess.Popen(
            command, cwd=self.path, env={**self.environ, **environ}, text=True, stdout=pipe, stderr=pipe
        )

    def run(self, script: str, **environ: str) -> subprocess.CompletedProcess[str]:
        process = self.start(script, **environ)
        out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(script, process.returncode, out, err)

    def tracklib(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tracklib.cli.main", *arguments]
        return subprocess.run(
            command,
            cwd=self.path,
            env={**self.environ, **environ},
            text=True,
            capture_output=True,
            timeout=120,
            check=False,
        )

    def folder(self) -> RunFolder:
        (folder,) = self.root.runs()
        return folder

    def receipt(self) -> Receipt:
        (receipt,) = all_receipts(self.folder())
        return receipt

    def line(self) -> Line:
        (line,) = account([self.folder()])
        return line


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
