"""The configuration file of Comet's SDK, read as the SDK reads it, without importing the SDK.

`init()` needs the place that a run goes to, and no process that trains imports a vendor's SDK.
"""

from __future__ import annotations

import configparser
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
    """Return a file's values, ``[comet] workspace`` as ``comet_workspace``; none where there is no such file."""
    parser = configparser.RawConfigParser(strict=False, default_section="\0")
    try:
        with path.open(encoding="utf-8") as file:
            parser.read_file(_sectioned(file.read()))
    except (OSError, UnicodeError, configparser.Error):
        return {}  # the SDK goes on without it, too
    found: dict[str, str] = {}
    for section in parser.sections():
        prefix = f"{section}_" if section else ""
        found |= {f"{prefix}{key}".lower(): value.strip().strip("'\"") for key, value in parser[section].items()}
    return found


def _sectioned(text: str) -> list[str]:
    """Return a file's lines, those before any section in one without a name."""
    return ["[]", *text.splitlines()]
