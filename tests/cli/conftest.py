"""A bench at which command lines are tried, and runs are made as users make them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import tracklib
from tracklib.cli.main import app
from tracklib.delivery.receipt import Place, Receipt, Refusal
from tracklib.journal.glance import glance
from tracklib.journal.layout import Root, RunFolder

PLUGINS = Path(__file__).parent / "plugins"
COLOURS = ("NO_COLOR", "FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "COLUMNS", "TERMINAL_WIDTH")


class Outcome:
    """What a command line came to."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def __repr__(self) -> str:
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class Bench:
    """A folder with a journal root, and the fake vendor installed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.root = Root(path / ".tracklib")
        self.box = path / "box"
        self.box.mkdir()

    def __call__(self, *words: str, at_root: bool = True) -> Outcome:
        """Run a command in this process."""
        place = ["--dir", str(self.root.path)] if at_root else []
        done = CliRunner().invoke(app, [*words, *place], catch_exceptions=False)
        return Outcome(done.exit_code, done.stdout, done.stderr)

    def process(self, *words: str, **environ: str) -> Outcome:
        """Run a command in a process of its own."""
        command = [sys.executable, "-m", "tracklib.cli.main", *words]
        done = subprocess.run(
            command,
            cwd=self.path,
            env={**os.environ, **environ},
            text=True,
            capture_output=True,
            timeout=120,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def script(self, text: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a training script to its end."""
        command = [sys.executable, "-c", text]
        return subprocess.run(
            command,
            cwd=self.path,
            env={**os.environ, **environ},
            text=True,
            capture_output=True,
            timeout=120,
            check=False,
        )

    def run(self, id: str = "run1", project: str = "digits", points: int = 3, **more: Any) -> RunFolder:
        """Make a run that has ended, in the journal alone."""
        with tracklib.init(project, id=id, dir=self.root.path, **more) as run:
            for step in range(points):
                run.log({"loss": 1 / (step + 1)}, step=step)
        return run.folder

    def delivered(self, folder: RunFolder, entry: str = "boxvendor", **facts: Any) -> Receipt:
        """Write the receipt of a run that a vendor holds whole."""
        confirmed = {writer: Place(1, seq) for writer, seq in glance(folder).totals.items()}
        fields = {"state": "complete", "confirmed": confirmed, **facts}
        receipt = Receipt(entry, "boxvendor", {"place": str(self.box)}, **fields)
        receipt.save(folder)
        return receipt

    def faults(self, **faults: object) -> None:
        temporary = self.box / "faults.tmp"
        temporary.write_text(json.dumps(faults))
        temporary.replace(self.box / "faults.json")

    def held(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Return what the fake vendor was sent: run, writer, record."""
        path = self.box / "records.jsonl"
        return [tuple(json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


REFUSAL = Refusal("w", 2, "metrics", "does not fit")


def plain(text: str) -> str:
    """Return a text without colours and with single spaces."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", text).split())


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(tmp_path)
    for name in [*COLOURS, *(name for name in os.environ if name.startswith(("TRACKLIB_", "BOXVENDOR_", "MLFLOW_")))]:
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "tracklib.toml").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(PLUGINS))
    monkeypatch.setenv("PYTHONPATH", str(PLUGINS))
    monkeypatch.setenv("BOXVENDOR_PLACE", str(made.box))
    monkeypatch.setenv("TRACKLIB_QUIET", "true")
    monkeypatch.setenv("TRACKLIB_CAPTURE", "none")  # tests count records
    return made
