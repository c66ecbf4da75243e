"""What each vendor holds, read without its client or ours, and without what two runs of one script differ in."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from tracklib.testing.emulators.comet import CometEmulator
from tracklib.testing.emulators.wandb import WandbEmulator

Holding: TypeAlias = dict[str, list[str]]
"""For each kind of thing, the things, sorted."""


def _sorted(items: Iterable[object]) -> list[str]:
    return sorted(map(repr, items))


def mlflow(database: Path) -> Holding:
    """Read MLflow's tables."""
    connection = sqlite3.connect(database, timeout=30)
    try:
        tables = {
            "points": "select key, value, is_nan, step from metrics",
            "params": "select key, value from params",
            "tags": "select key, value from tags where key not like 'mlflow.%' and key not like 'tracklib.%'",
            "runs": "select name, status from runs",
        }
        return {name: _sorted(connection.execute(query).fetchall()) for name, query in tables.items()}
    finally:
        connection.close()


def wandb(server: WandbEmulator) -> Holding:
    """Look into the emulated server."""
    runs = list(server.runs.values())
    return {
        "rows": _sorted(
            sorted((key, repr(value)) for key, value in row.items() if not key.startswith("_") or key == "_step")
            for run in runs
            for row in run.history
        ),
        "config": _sorted((key, value) for run in runs for key, value in run.values.items() if key != "tracklib"),
        "tags": _sorted(tag for run in runs for tag in run.tags),
        "runs": _sorted((run.display_name, run.state, run.exit_code) for run in runs),
    }


def comet(server: CometEmulator) -> Holding:
    """Look into the emulated server."""
    runs = list(server.experiments.values())
    return {
        "points": _sorted((p["metricName"], p["metricValue"], p["step"]) for run in runs for p in run.points),
        "params": _sorted((key, held["value"]) for run in runs for key, held in run.parameters.items()),
        "tags": _sorted(tag for run in runs for tag in run.tags),
        "runs": _sorted((run.name, run.running, run.crashed) for run in runs),
    }


_AIM = """
import json, sys
from aim.sdk.repo import Repo
points, runs = [], []
for run in Repo(sys.argv[1]).iter_runs():
    runs.append([run.name, run.active, sorted(run.props.tags), run.get("lr"), run.get("deep")])
    for metric in run.metrics():
        steps, values = metric.data.items_list()[0], metric.data.items_list()[1][0]
        points += [[metric.name, metric.context.to_dict(), step, repr(value)] for step, value in zip(steps, values)]
print(json.dumps([points, runs]))
"""


def aim(folder: Path) -> Holding:
    """Read the repository with Aim's own reader, which is the only description of it there is."""
    done = subprocess.run(
        [sys.executable, "-c", _AIM, str(folder)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    points, runs = json.loads(done.stdout.splitlines()[-1])
    return {"points": _sorted(points), "runs": _sorted(runs)}
