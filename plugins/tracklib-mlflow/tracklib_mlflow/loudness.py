"""Keeping MLflow quiet where it takes no word for it.

MLflow 2 has no ``MLFLOW_LOGGING_LEVEL``, and its client prints the address of each run that ends. Before 3.7, making a
database's tables sets up the logging of the whole process by MLflow's own ``alembic.ini``: it prints each step, and takes
away the handlers that the training's root logger had.
"""

from __future__ import annotations

import functools
import importlib
import logging.config
import os
from typing import Any

__all__ = ["hush", "keep_addresses"]


@functools.cache
def hush() -> None:
    """Have MLflow, once it is imported, print nothing of its own and leave the process's logging alone."""
    if not hasattr(importlib.import_module("mlflow.environment_variables"), "MLFLOW_LOGGING_LEVEL"):
        logging.getLogger("mlflow").setLevel(logging.CRITICAL)
    version = importlib.import_module("mlflow.version").VERSION
    if tuple(map(int, version.split(".")[:2])) < (3, 7):
        _spare_logging(os.path.dirname(importlib.import_module("mlflow").__file__ or ""))


def keep_addresses(client: Any) -> None:
    """Have one client of MLflow's print no addresses of runs, and ask for none to print."""
    if not hasattr(importlib.import_module("mlflow.environment_variables"), "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"):
        client._tracking_client._log_url = lambda _: None  # noqa: SLF001  there is no other way


def _spare_logging(package: str) -> None:
    """Have files of MLflow's set up no logging; all others do as before."""
    original = logging.config.fileConfig

    @functools.wraps(original)
    def file_config(fname: Any, *args: Any, **options: Any) -> None:
        if not (isinstance(fname, str) and fname.startswith(package + os.sep)):
            original(fname, *args, **options)

    logging.config.fileConfig = file_config
