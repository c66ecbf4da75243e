"""The check: a sign of life for ``tracklib doctor``."""

from __future__ import annotations

import os

from tracklib.errors import ConfigError
from tracklib_neptune.settings import NeptuneSettings

__all__ = ["check"]


def check(settings: NeptuneSettings) -> str:
    """Look whether the folder is there, and return how many projects it has.

    Args:
        settings: Resolved.
    """
    if not os.path.isdir(settings.data):
        raise ConfigError(f"expected a folder of neptune-exporter's at {settings.data}, got nothing")
    count = sum(entry.is_dir() for entry in os.scandir(settings.data))
    return f"{settings.data} is there: {count} projects"
