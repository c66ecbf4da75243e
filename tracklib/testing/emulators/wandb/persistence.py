"""The state in a folder, so that a server started again knows what it knew."""

from __future__ import annotations

from pathlib import Path

from tracklib.testing.emulators import snapshot
from tracklib.testing.emulators.wandb.state import Artifact, Project, Run, State, Sweep, View

__all__ = ["load", "save"]

_FILE = "wandb.json"


def load(folder: Path | None) -> State:
    """Return the state that a folder keeps, or an empty one."""
    kept = snapshot.load(folder, _FILE)
    return State(
        runs={path: Run(**held) for path, held in kept.get("runs", {}).items()},
        artifacts={key: Artifact(**held) for key, held in kept.get("artifacts", {}).items()},
        projects={path: Project(**held) for path, held in kept.get("projects", {}).items()},
        sweeps={key: Sweep(**held) for key, held in kept.get("sweeps", {}).items()},
        views={key: View(**held) for key, held in kept.get("views", {}).items()},
        registries=kept.get("registries", []),
        deleted=kept.get("deleted", []),
    )


def save(folder: Path | None, state: State) -> None:
    """Keep a state in a folder, in the place of the one before."""
    snapshot.save(folder, _FILE, state)
