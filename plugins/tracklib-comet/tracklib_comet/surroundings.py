"""Surroundings: what Comet's SDK is to find around it, so that it says nothing and captures nothing."""

from __future__ import annotations

import logging
import os
from types import ModuleType

from tracklib.backends.importing import SDK, import_sdk

__all__ = ["PACKAGE", "sdk"]

PACKAGE = "comet_ml>=3.50,<3.59"
"""What this plugin is written for."""

_SDK = SDK("Comet", ("comet_ml",), (3, 50), f"pip install {PACKAGE!r}")

_QUIET = {
    "COMET_LOGGING_CONSOLE": "CRITICAL",
    "COMET_ERROR_TRACKING_ENABLE": "false",
    "COMET_INTERNAL_REPORTING": "false",
    "COMET_INTERNAL_SENTRY_DSN": "",
    "COMET_DISABLE_ANNOUNCEMENT": "1",
    "COMET_DISABLE_AUTO_LOGGING": "1",
}
"""It neither reports to its maker nor patches the libraries that are imported after it."""


def sdk(module: str) -> ModuleType:
    """Import a module of Comet's SDK."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    logging.getLogger("comet_ml").setLevel(logging.CRITICAL)
    return import_sdk(f"comet_ml.{module}" if module else "comet_ml", _SDK)
