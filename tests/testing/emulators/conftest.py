"""Programs that use a vendor's real SDK, each in a process of its own, against an emulator."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tracklib.testing.emulators.fixtures import comet_emulator, wandb_emulator

__all__ = ["comet_emulator", "program", "wandb_emulator"]


def needs(sdk: str) -> pytest.MarkDecorator:
    """Return a mark that skips tests where an SDK is not installed, without importing it into this process."""
    return pytest.mark.skipif(importlib.util.find_spec(sdk) is None, reason=f"{sdk} is not installed")


Program = Callable[[str], Any]


def run_program(source: str, folder: Path, *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder, in the environment of now."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)],
        cwd=folder,
        env=dict(os.environ),
        stdin=subprocess.DEVNULL,  # an SDK that asks a terminal would wait, or be stopped
        capture_output=True,
        text=True,
        check=check,
        timeout=120,
    )


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Return a function that runs a program and returns what it gave to ``answer``, as JSON.

    An SDK keeps threads, processes and caches of servers in its module, so that a test in this process would meet the
    server of the one before.
    """

    def run(source: str) -> Any:
        place = tmp_path / "answer.json"
        place.unlink(missing_ok=True)
        prelude = f"import json\ndef answer(value):\n    open({str(place)!r}, 'w').write(json.dumps(value))\n"
        done = run_program(prelude + textwrap.dedent(source), tmp_path, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(place.read_text(encoding="utf-8")) if place.exists() else None

    return run
