"""The observer: a process beside the training that learns what surrounds its runs, and writes it down.

It is told of runs by lines of JSON on its standard input, whose end is the training's end, and answers with warnings
for people on its standard output. ``tracklib.tracking.observing`` is the other side.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

__all__ = ["Observer", "main"]

_DRAIN = 0.5
_LOOK = 1.0
"""Seconds between two looks at whether the training lives."""


class Observer:
    """Serves the runs of one training process.

    Args:
        parent: The training's process.
        tee: Passes on what it prints, where the console is captured.
    """

    def __init__(self, parent: int, tee: Any = None) -> None:
        self._parent = parent
        self._tee = tee
        self._runs: dict[str, Any] = {}
        self._surroundings: Any = None
        self._rest = b""

    def serve(self) -> None:
        """Work until the training ends."""
        while (commands := self._commands(self._patience())) is not None:
            for command in commands:
                self._obey(command)
            with _survived("capture"):
                self._record_console()
                if self._surroundings is not None:
                    self._surroundings.tick(self._runs.values())
        with _survived("the end"):
            self._record_console(final=True)
        for run in self._runs.values():
            run.close()
        if self._tee is not None:
            self._tee.join()

    def _record_console(self, *, final: bool = False) -> None:
        if self._tee is not None:
            if final:
                self._tee.drain(_DRAIN)
            self._surroundings.record_console(self._tee, self._runs.values(), final=final)

    def _patience(self) -> float:
        due = None if self._surroundings is None else self._surroundings.due
        return _LOOK if due is None else max(0.0, min(_LOOK, due - time.monotonic()))

    def _commands(self, timeout: float) -> list[dict[str, Any]] | None:
        """Return what the training says within some seconds; ``None`` where it is gone."""
        if select.select([0], [], [], timeout)[0]:
            data = os.read(0, 1 << 16)
            if not data:
                return None
            *lines, self._rest = (self._rest + data).split(b"\n")
            return [json.loads(line) for line in lines]
        # A process that the training forked may hold the pipe open.
        return [] if os.getppid() == self._parent else None

    def _obey(self, command: dict[str, Any]) -> None:
        with _survived(f"{command['do']} of run {command['run']}"):
            if command["do"] == "begin":
                self._begin(command)
            elif (run := self._runs.pop(command["run"], None)) is not None:
                self._surroundings.last_sample(run)
                self._runs[command["run"]] = run  # what was printed until now is its own, too
                self._record_console(final=True)
                self._runs.pop(command["run"]).close()
                _tell(f"ended {command['run']}")

    def _begin(self, command: dict[str, Any]) -> None:
        if self._surroundings is None:
            # What the training could import, behind the standard library: psutil and orjson are among it.
            sys.path += [entry for entry in command["path"] if entry not in sys.path]
            from tracklib.capture.surroundings import Surroundings

            self._surroundings = Surroundings(self._parent, command)
        from tracklib.capture.observed import ObservedRun

        if (run := ObservedRun.opened(command, _tell)) is not None:
            self._runs[command["run"]] = run
            self._surroundings.capture(run)


@contextlib.contextmanager
def _survived(what: str) -> Iterator[None]:
    """Tell people what failed, and go on: the other runs are still observed."""
    try:
        yield
    except Exception as error:
        _tell(f"capture: {what}: {type(error).__name__}: {error}")


def _tell(text: str) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more: the journal has it
        os.write(1, text.replace("\n", " ").encode(errors="backslashreplace") + b"\n")


def main() -> None:
    """Run the observer: ``python -c "..." HOME PARENT STREAMS``."""
    streams = [stream for stream in sys.argv[-1].split(",") if stream]
    _be_modest(3 + 2 * len(streams))
    tee = None
    if streams:
        from tracklib.capture.console import Tee

        tee = Tee({stream: (3 + 2 * i, 4 + 2 * i) for i, stream in enumerate(streams)})
    Observer(int(sys.argv[-2]), tee).serve()


def _be_modest(files: int) -> None:
    """Leave processor and memory to the training, its signals too, and hold none of its files open but the first."""
    os.closerange(files, 1 << 16)
    os.umask(0o077)
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            os.setsid()
        with contextlib.suppress(OSError):
            os.nice(10)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("1000")
