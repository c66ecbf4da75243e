"""Keeping MLflow quiet where it takes no word for it.

MLflow 2 has no ``MLFLOW_LOGGING_LEVEL``. Before 3.8, making a database's tables sets up the logging of the whole process by
MLflow's own ``alembic.ini``: it prints each step, and takes away the handlers that the training's root logger had.
"""

from __future__ import annotations

import functools
import importlib
import logging.config
import os
from typing import Any

__all__ = ["hush"]


@functools.cache
def hush() -> None:
    """Have MLflow, once it is imported, print nothing of its own and leave the process's logging alone."""
    if not hasattr(importlib.import_module("mlflow.environment_variables"), "MLFLOW_LOGGING_LEVEL"):
        logging.getLogger("mlflow").setLevel(logging.CRITICAL)
    version = importlib.import_module("mlflow.version").VERSION
    if tuple(map(int, version.split(".")[:2])) < (3, 8):
        _spare_logging(os.path.dirname(importlib.import_module("mlflow").__file__ or ""))


def _spare_logging(package: str) -> None:
    """Have files of MLflow's set up no logging; all others do as before."""
    original = logging.config.fileConfig

    @functools.wraps(original)
    def file_config(fname: Any, *args: Any, **options: Any) -> None:
        if not (isinstance(fname, str) and fname.startswith(package + os.sep)):
            original(fname, *args, **options)

    logging.config.fileConfig = file_config
