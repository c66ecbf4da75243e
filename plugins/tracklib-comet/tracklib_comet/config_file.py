"""The configuration file of Comet's SDK, read as the SDK reads it, without importing the SDK.

`init()` needs the place that a run goes to, and no process that trains imports a vendor's SDK.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["configured"]

_NAME = ".comet.config"


def configured(key: str) -> str | None:
    """Return a value, such as ``workspace``: of the environment, else of the first file that has it."""
    if value := os.environ.get(f"COMET_{key.upper()}"):
        return value
    return next((value for path in _paths() if (value := _read(path).get(f"comet_{key}"))), None)


def _paths() -> list[Path]:
    """Return where comet_ml 3.58 looks, in its order."""
    paths = [Path(_NAME), Path.home() / _NAME]
    if named := os.environ.get("COMET_INI") or os.environ.get("COMET_CONFIG"):
        given = Path(named).expanduser()
        paths.insert(0, given / _NAME if given.is_dir() else given)
    return paths


def _read(path: Path) -> dict[str, str]:
    """Return a file's values, ``workspace`` below ``[comet]`` as ``comet_workspace``; none where there is no such file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        return {}  # the SDK goes on without it, too
    found: dict[str, str] = {}
    prefix = ""
    for line in map(str.strip, text.splitlines()):
        key, sign, value = line.partition("=")
        if line.startswith("[") and line.endswith("]"):
            prefix = f"{line.strip('[]').strip()}_"
        elif sign and not line.startswith("#"):
            found[f"{prefix}{key.strip()}".lower()] = value.strip()
    return found
