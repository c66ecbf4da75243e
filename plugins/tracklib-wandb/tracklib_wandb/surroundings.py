"""Surroundings: what W&B's SDK is to find around it, so that it says nothing, captures nothing and finds its way out."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from tracklib.backends.importing import SDK, import_sdk

__all__ = ["OLDEST", "REMEDY", "SETTINGS", "own_variables", "sdk", "sdk_settings", "staged_in"]

OLDEST = (0, 30)
"""The SDK from which on this plugin was tested."""

REMEDY = f"pip install 'wandb>={'.'.join(map(str, OLDEST))}'"
_SDK = SDK("W&B", ("wandb",), OLDEST, REMEDY)

_QUIET = {"WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"}
_OF_A_RUN = (
    *("WANDB_RUN_ID", "WANDB_RESUME", "WANDB_NAME", "WANDB_NOTES", "WANDB_TAGS", "WANDB_RUN_GROUP", "WANDB_JOB_TYPE"),
    *("WANDB_SWEEP_ID", "WANDB_CONSOLE", "WANDB_MODE", "WANDB_DISABLED", "WANDB_CONFIG_PATHS", "WANDB_ENTITY"),
    *("WANDB_PROJECT", "WANDB_LAUNCH", "WANDB_FORK_FROM", "WANDB_RESUME_FROM", "WANDB_START_METHOD"),
)
"""Variables that speak of a run that training makes itself; here each run says these things for itself."""

SETTINGS = {
    "console": "off",
    "silent": True,
    "disable_git": True,
    "disable_code": True,
    "disable_job_creation": True,
    "x_disable_stats": True,
    "x_disable_meta": True,
    "x_disable_machine_info": True,
    "x_save_requirements": False,
    # A row is sent at most so often: half of the rate that W&B documents for one run's stream.
    "x_file_stream_transmit_interval": 1.0,
    # Whether a run is over is for its records to say, not for this process's leaving.
    "x_update_finish_state": False,
    "init_timeout": 60.0,
}


def sdk(module: str = "wandb") -> ModuleType:
    """Import a module of W&B's."""
    for name, value in _QUIET.items():
        os.environ[name] = value
    if "wandb" not in sys.modules:  # what training began lives no longer than training
        os.environ.pop("WANDB_SERVICE", None)
    # W&B's program is written in Go, and finds a private authority by this name alone.
    if "SSL_CERT_FILE" not in os.environ and (bundle := os.environ.get("REQUESTS_CA_BUNDLE")):
        os.environ["SSL_CERT_FILE"] = bundle
    logging.getLogger("wandb").setLevel(logging.CRITICAL)
    return import_sdk(module, _SDK)


@contextmanager
def own_variables() -> Iterator[None]:
    """Hide, while a run is opened, the variables that are meant for runs which training opens itself."""
    hidden = {name: os.environ.pop(name) for name in _OF_A_RUN if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)


@contextmanager
def staged_in(folder: Path) -> Iterator[None]:
    """Let the SDK set files of artifacts aside in a folder, and not somewhere in the user's home.

    Of one that does not fit on the disk, the part that was written is taken away again: the next run may need the room.
    """
    before = os.environ.get("WANDB_DATA_DIR")
    os.environ["WANDB_DATA_DIR"] = str(folder)
    try:
        yield
    except OSError as error:
        part = error.filename2
        if isinstance(part, str) and Path(part).parent == folder / "artifacts" / "staging":
            Path(part).unlink(missing_ok=True)
        raise
    finally:
        if before is None:
            del os.environ["WANDB_DATA_DIR"]
        else:
            os.environ["WANDB_DATA_DIR"] = before


def sdk_settings(**more: Any) -> Any:
    """Return the SDK's settings for one run; an older SDK lacks some that capture nothing there."""
    wandb = sdk()
    wanted = {**SETTINGS, **more}
    known = getattr(wandb.Settings, "model_fields", wanted)
    return wandb.Settings(**{name: value for name, value in wanted.items() if name in known})
