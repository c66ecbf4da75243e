"""``python -m tracklib.testing.emulators``: the variables it prints lead the real SDK to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tests.testing.emulators.conftest import needs, run_program

pytestmark = [pytest.mark.server, needs("wandb")]


def start(*arguments):
    """Start the command and return it with the variables that it prints."""
    command = [sys.executable, "-m", "tracklib.testing.emulators", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    variables = {}
    for line in process.stdout:
        if not line.startswith("export "):
            break
        name, _, value = line.removeprefix("export ").strip().partition("=")
        variables[name] = value
    return process, variables


def test_a_run_lands_in_the_folder_of_the_command(tmp_path, monkeypatch):
    """A run written with the printed variables is there for the next server on the folder, and SIGTERM ends it well."""
    for round_ in range(2):
        process, variables = start("wandb", "--dir", str(tmp_path / "kept"))
        for name, value in {**variables, "WANDB_DIR": str(tmp_path)}.items():
            monkeypatch.setenv(name, value)
        if round_ == 0:
            run_program("import wandb\nwith wandb.init(project='p', id='r') as run: run.log({'a': 0.5})", tmp_path)
        else:
            program = "import wandb; print([row['a'] for row in wandb.Api().run('p/r').scan_history()])"
            assert "[0.5]" in run_program(program, tmp_path).stdout
        process.send_signal(signal.SIGTERM if os.name == "posix" else signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (0, "")
