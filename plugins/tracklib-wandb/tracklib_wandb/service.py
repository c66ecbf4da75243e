"""The service: W&B's own program beside this process, which holds the SDK's queues and sends what is in them."""

from __future__ import annotations

import contextlib
import os
import subprocess
from typing import Any

from tracklib_wandb.surroundings import sdk

__all__ = ["end_service"]

_PATIENCE = 5.0


def end_service() -> None:
    """End W&B's program with all that it has queued: the records are in their journals, and are sent again.

    The SDK has no call for it: its own way to end waits until all is sent, for ever where the server is away. A program
    that sends runs of training's own is left alone.
    """
    if sdk().run is not None:
        return
    module = sdk("wandb.sdk.wandb_setup")
    connection: Any = getattr(getattr(module, "_singleton", None), "_connection", None)
    process: Any = getattr(getattr(connection, "_proc", None), "_process", None)
    if not isinstance(process, subprocess.Popen):
        return
    process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):  # a program that the kernel holds back ends later
        process.wait(_PATIENCE)
    if callable(cleanup := getattr(connection, "_cleanup", None)):
        cleanup()  # takes back what would wait for it at the end of this process
    os.environ.pop("WANDB_SERVICE", None)
    module._singleton = None  # type: ignore[attr-defined]  # noqa: SLF001  the next run starts a program of its own
