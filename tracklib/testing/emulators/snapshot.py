"""A server's state in a folder, as JSON, so that a server started again knows what it knew."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

__all__ = ["load", "save"]


def load(folder: Path | None, name: str) -> dict[str, Any]:
    """Return the state that a folder keeps under a name; an empty one where it keeps none."""
    if folder is None or not (folder / name).exists():
        return {}
    kept: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
    return kept


def save(folder: Path | None, name: str, state: Any) -> None:
    """Keep a state, a dataclass, in a folder, in the place of the one before."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / f"{name}.new"
    new.write_text(json.dumps(asdict(state)), encoding="utf-8")
    os.replace(new, folder / name)
