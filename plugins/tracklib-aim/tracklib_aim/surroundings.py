"""Surroundings: what Aim's SDK is to find around it, so that it says nothing and captures nothing."""

from __future__ import annotations

import logging
import os
from types import ModuleType

from tracklib.backends.importing import SDK, import_sdk

__all__ = ["sdk"]

_SDK = SDK(
    "Aim", ("aim",), (3, 29), "pip install 'aim>=3.29', which has wheels for Python 3.10 to 3.12 on Linux and macOS"
)

_QUIET = {"AIM_LOG_LEVEL": str(logging.CRITICAL), "__AIM_TELEMETRY": "0"}
"""Aim 3.29 opens no connection of its own (tested); the second is for those that did."""


def sdk(module: str) -> ModuleType:
    """Import a module of Aim's.

    Aim's tracking thread is off: with it, a value would be queued in memory where nobody waits for it.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    os.environ.pop("__AIM_ENABLE_TRACKING_THREAD__", None)
    logging.getLogger("aim").setLevel(logging.CRITICAL)
    logging.getLogger("alembic").setLevel(logging.CRITICAL)
    return import_sdk(module, _SDK)
