"""Leaving W&B: runs that its own SDK wrote, migrated to MLflow by the command line, and found equal there."""

import json
import os
import subprocess
import sys

import pytest

from .reading.conftest import KINDS, RICH, SMALL, serve, train

__all__ = ["serve"]

pytestmark = pytest.mark.server


def tracklib(*arguments, cwd, **env):
    """Run a command and return what it did, and what it printed as JSON."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "TRACKLIB_"))}
    clean.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(
        [sys.executable, "-c", "from tracklib.cli.main import main; main()", *arguments, "--json"],
        cwd=cwd,
        env={**clean, "TRACKLIB_DIR": str(cwd), **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return done, json.loads(done.stdout) if done.stdout.strip() else None


def leave(place, folder, **env):
    """Migrate all runs of a place, twice, and compare both sides; return what each command says of its work."""
    target = f"mlflow:sqlite:///{folder / 'mlflow.db'}"
    told = []
    for command in ("migrate", "migrate", "verify"):
        done, account = tracklib(command, place, target, cwd=folder, **env)
        assert done.returncode == 0, done.stdout + done.stderr
        told.append(account)
    return told


def check(first, again, verdict):
    """Both runs are copied at first, not again, and nothing of them differs."""
    assert (first["states"], again["states"]) == ({"copied": 2}, {"unchanged": 2})
    total = first["total"]
    assert (total["refused"], total["points"], total["media"], total["artifacts"]) == ({}, 91, 14, 3)
    assert (verdict["passed"], verdict["states"], verdict["found"]) == (True, {"identical": 2}, {})


def test_offline_runs_leave_whole(tmp_path):
    """``tracklib migrate wandb:./wandb mlflow:...``: media, tables, artifacts, summary and all; ``verify`` finds it equal."""
    train(RICH, tmp_path / "training")
    train(SMALL, tmp_path / "training")
    target = tmp_path / "target"
    target.mkdir()
    check(*leave(f"wandb:{tmp_path / 'training' / 'wandb'}", target))


def test_runs_of_a_server_leave_whole(serve, tmp_path):
    """``tracklib migrate wandb:team/theirs mlflow:...`` from the emulator, by its exported history."""
    server = serve(parquet=True)
    online = {**server.environment(), "WANDB_MODE": "online"}
    train(RICH, tmp_path / "training", **online)
    train(SMALL, tmp_path / "training", **online)
    target = tmp_path / "target"
    target.mkdir()
    env = {**server.environment(), **{f"WANDB_{kind}": str(tmp_path / kind) for kind in KINDS}}
    check(*leave("wandb:team/theirs", target, **env))
