"""The state in a folder, as JSON, so that a server started again knows what it knew."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from tracklib.testing.emulators.wandb.state import Artifact, Project, Run, State

__all__ = ["load", "save"]

_FILE = "wandb.json"


def load(folder: Path | None) -> State:
    """Return the state that a folder keeps, or an empty one."""
    if folder is None or not (folder / _FILE).exists():
        return State()
    kept = json.loads((folder / _FILE).read_text(encoding="utf-8"))
    return State(
        runs={path: Run(**run) for path, run in kept["runs"].items()},
        artifacts={key: Artifact(**artifact) for key, artifact in kept["artifacts"].items()},
        projects={path: Project(**project) for path, project in kept["projects"].items()},
    )


def save(folder: Path | None, state: State) -> None:
    """Keep a state in a folder, in the place of the one before."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / f"{_FILE}.new"
    new.write_text(json.dumps(asdict(state)), encoding="utf-8")
    os.replace(new, folder / _FILE)
