"""Surroundings: the environment variables that MLflow's client reads anew at every call.

MLflow takes credentials, timeouts and its off-switches from the process's environment and nowhere else. They are set
for the length of a call and put back after it; calls that need other ones wait for each other, calls that need the
same run side by side.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

__all__ = ["QUIET", "surroundings"]

QUIET: Mapping[str, str] = MappingProxyType(
    {
        # Nothing is sent home, and nothing printed: a training job's output is its own.
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_LOGGING_LEVEL": "CRITICAL",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "GIT_PYTHON_REFRESH": "quiet",
        # The relay waits and retries, and obeys Retry-After; a client that does so too would hold it up for minutes.
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_ENABLE_ASYNC_LOGGING": "false",
        # The client cuts long values without a word where this is true; so it says so instead.
        "MLFLOW_TRUNCATE_LONG_VALUES": "false",
    }
)


class _Shared:
    """One environment at a time, for any number of calls."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._current: dict[str, str] | None = None
        self._before: dict[str, str | None] = {}
        self._users = 0

    def enter(self, wanted: dict[str, str]) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._users == 0 or self._current == wanted)
            if self._users == 0:
                self._current = wanted
                self._before = {name: os.environ.get(name) for name in wanted}
                os.environ.update(wanted)
            self._users += 1

    def leave(self) -> None:
        with self._changed:
            self._users -= 1
            if self._users == 0:
                for name, value in self._before.items():
                    _put_back(name, value)
                self._changed.notify_all()


def _put_back(name: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(name, None)
    else:
        os.environ[name] = value


_shared = _Shared()


@contextmanager
def surroundings(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for the length of the block; not to be nested."""
    _shared.enter({**QUIET, **variables})
    try:
        yield
    finally:
        _shared.leave()
