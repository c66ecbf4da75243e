"""The bad vendor's sink, which imports the bad vendor's SDK."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import badvendor_sdk

from tracklib.errors import AuthError
from tracklib.testing.conformance.wrong.files import FileSink

__all__ = ["Sink"]


class Sink(FileSink):
    """Does as the SDK says."""

    def __init__(self, settings: Any, context: Any) -> None:
        super().__init__(Path(settings.place), context, hoards=False)
        self._key = settings.key.reveal() if settings.key else ""

    def open(self, run: Any, /) -> Any:
        print("the bad SDK chatters")
        if badvendor_sdk.FAULT == "hang":
            time.sleep(3600)
        if badvendor_sdk.FAULT == "auth":
            raise AuthError("the bad vendor does not know this key")
        return super().open(run)

    def send(self, batch: Any, /) -> Any:
        if badvendor_sdk.FAULT == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
            time.sleep(60)
        return super().send(batch)
