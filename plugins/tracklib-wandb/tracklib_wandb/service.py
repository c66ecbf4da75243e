"""The service: W&B's own program beside this process, which holds the SDK's queues and sends what is in them."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from typing import Any

from tracklib_wandb.surroundings import sdk

__all__ = ["end_service", "has_ended"]

_PATIENCE = 5.0


def has_ended() -> bool:
    """Tell whether W&B's program was running for this process and is no more: killed, or crashed."""
    process = _process()
    return process is not None and process.poll() is not None


def end_service() -> None:
    """End W&B's program with all that it has queued: the records are in their journals, and are sent again.

    The SDK has no call for it: its own way to end waits until all is sent, for ever where the server is away. A program
    that sends runs of training's own is left alone.
    """
    process = _process()
    if process is None or sdk().run is not None:
        return
    _let_go()
    process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):  # a program that the kernel holds back ends later
        process.wait(_PATIENCE)
    if callable(cleanup := getattr(_connection(), "_cleanup", None)):
        cleanup()  # takes back what would wait for it at the end of this process
    os.environ.pop("WANDB_SERVICE", None)
    _setup()._singleton = None  # noqa: SLF001  the next run starts a program of its own


def _let_go() -> None:
    """End the thread of the SDK's that would meet a closed connection, and say so on stderr; close the connection."""
    connection = _connection()
    _within_a_second(getattr(getattr(connection, "_finalizer", None), "close", None))
    close = getattr(getattr(connection, "_client", None), "close", None)
    run = getattr(getattr(connection, "_asyncer", None), "run", None)
    if callable(run) and callable(close):
        _within_a_second(lambda: run(close))


def _within_a_second(call: object) -> None:
    """Make a call into the SDK that may never return, or find broken what it would close."""
    if callable(call):

        def make() -> None:
            with contextlib.suppress(Exception):  # whatever it stumbles over is let go of just now
                call()

        making = threading.Thread(target=make, daemon=True)
        making.start()
        making.join(1.0)


def _setup() -> Any:
    return sdk("wandb.sdk.wandb_setup")


def _connection() -> Any:
    return getattr(getattr(_setup(), "_singleton", None), "_connection", None)


def _process() -> subprocess.Popen[bytes] | None:
    found = getattr(getattr(_connection(), "_proc", None), "_process", None)
    return found if isinstance(found, subprocess.Popen) else None
