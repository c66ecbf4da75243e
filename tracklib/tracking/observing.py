"""Observing, seen from training: one helper process is started, told of the runs, and heard.

Nothing here waits, and nothing raises: what is captured is captured over there (`tracklib.capture.observer`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracklib import platform
from tracklib.journal.flusher import flusher
from tracklib.journal.open_segment import reserve
from tracklib.model.codec import dumps
from tracklib.tracking.child import Child

if TYPE_CHECKING:
    from tracklib.journal.layout import Root
    from tracklib.messages import Messages
    from tracklib.settings import Settings
    from tracklib.tracking.run import Run
    from tracklib.tracking.tap import Tap

__all__ = ["observe"]

_PROGRAM = (
    "import sys; sys.path = [*filter(None, sys.path), sys.argv[1]]; from tracklib.capture.observer import main; main()"
)
_RESTARTS = 3
_PATIENCE = 1.0
"""Seconds that a run's end waits for what was printed to be shown, where the console is captured."""

# One machine has one of these processes for each training, and one working tree, load and set of packages.
_RANKS_OF_MACHINE = ("LOCAL_RANK", "SLURM_LOCALID", "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "PMI_LOCAL_RANK")


def observe(run: Run, root: Root, settings: Settings, messages: Messages) -> Callable[[], None]:
    """See to it that a run is observed; return what is to be called when it ends.

    Args:
        run: It has begun.
        root: Where it lies.
        settings: Say what to capture.
        messages: Hears what could not be captured.
    """
    captures = [word for word in settings.capture if word == "console" or _is_first_of_machine()]
    if not captures:
        return lambda: None
    script = sys.argv[0] if sys.argv and sys.argv[0] not in ("", "-c", "-m") else ""
    command = {
        "do": "begin",
        "run": run.id,
        "project": run.project,
        "root": str(root.path),
        "folder": str(run.folder.path),
        "captures": captures,
        "interval": settings.system_interval,
        "redact": settings.redact,
        "redact_except": settings.redact_except,
        "script": script,
        "cwd": os.getcwd(),
        "path": sys.path[1:],  # the script's own folder holds no packages, and may hold a file named like one
    }
    _helper.messages = messages
    try:
        _helper.begin(run, command)
    except Exception as error:  # promise 1: tracking never costs a run
        messages.warn(
            f"nothing is captured of this run: {type(error).__name__}: {error}. Training goes on", once="capture"
        )
    return lambda: _end(run, messages)


def _end(run: Run, messages: Messages) -> None:
    try:
        _helper.end(run)
    except Exception as error:  # promise 1; and what else is to be done at the end of a run is done
        text = f"{type(error).__name__}: {error}"
        messages.warn(f"the capturing of run {run.id} could not be ended: {text}. Training goes on", once="capture end")


def _is_first_of_machine() -> bool:
    return all(os.environ.get(name, "0") == "0" for name in _RANKS_OF_MACHINE)


class _Helper:
    """The process beside this one, and the two pipes to it.

    Attributes:
        messages: Where its warnings go.
    """

    def __init__(self) -> None:
        self.messages: Messages | None = None
        self._forget()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._leave)

    def _forget(self) -> None:
        self._child: Child | None = None
        self._runs: dict[Run, dict[str, Any]] = {}
        self._starts = 0
        self._tap: Tap | None = None

    def _leave(self) -> None:
        """Let go of the pipes, as a forked child must: their end is what tells of the end of its parent."""
        if self._child is not None:
            self._child.close()
        self._forget()

    def begin(self, run: Run, command: dict[str, Any]) -> None:
        """Tell of a run.

        Raises:
            OSError: No process can be started.
        """
        if not self._runs:
            flusher.every(self._look_after)
            self._starts = 0
        self._runs[run] = command
        self._lives()
        if "console" in command["captures"] and self._tap is None:
            self._stop()  # one that was started without the console's files cannot get them any more
        if self._child is None:
            self._start(run.folder.path.parents[1], console=True)
            for other in self._runs:
                self._tell_of(other)
        else:
            self._tell_of(run)

    def end(self, run: Run) -> None:
        """Tell of a run's end."""
        if self._runs.pop(run, None) is None or self._child is None:
            return
        tap = None if any("console" in other["captures"] for other in self._runs.values()) else self._tap
        if tap is not None:
            tap.close()
        self._child.say(dumps({"do": "end", "run": run.id}) + b"\n")
        self._hear(f"ended {run.id}" if tap is not None else "")
        if tap is not None:
            if not self._child.is_running():
                tap.wait(_PATIENCE)
            self._tap = None
            self._stop()  # its pipes are of no use any more; the next run gets others
        if not self._runs:
            flusher.stop(self._look_after)

    def _lives(self) -> bool:
        if self._child is not None and not self._child.is_running():
            self._stop()
        return self._child is not None

    def _stop(self) -> None:
        """Let the process go, which ends when it has written down everything."""
        self._hear()
        if self._tap is not None:
            self._tap.close()
            self._tap = None
        if self._child is not None:
            self._child.close()
            self._child = None

    def _start(self, root: Path, *, console: bool) -> None:
        if not (python := platform.interpreter()):
            raise OSError(f"expected a Python interpreter in sys.executable to capture with, got {sys.executable!r}")
        self._starts += 1
        home = str(Path(__file__).resolve().parents[2])
        command = [python, "-S", "-c", _PROGRAM, home, str(os.getpid())]
        tap = self._new_tap() if console else None
        streams, files = (tap.streams, tap.files) if tap is not None else ([], [])
        try:
            self._child = Child([*command, ",".join(streams)], root / "tmp" / "observer.log", files)
        except BaseException:
            if tap is not None:
                tap.close()
            raise
        if tap is not None and self.messages is not None:
            tap.open(self._child, self.messages)
            self._tap = tap

    def _new_tap(self) -> Tap | None:
        """Return a tap where a run wants the console."""
        if not any("console" in run["captures"] for run in self._runs.values()):
            return None
        from tracklib.tracking.tap import Tap

        return Tap()

    def _tell_of(self, run: Run) -> None:
        command, child = self._runs[run], self._child
        assert child is not None
        writer = reserve(run.folder, run.id, run.project, "observer", child.pid)
        if not child.say(dumps({**command, "writer": writer}) + b"\n"):
            raise OSError("the helper process does not listen")

    def _look_after(self) -> None:
        """Print what the process has to say, and start it again where it died, a few times."""
        self._hear()
        if self._lives() or not self._runs or self._starts > _RESTARTS:
            return
        # Where it died while the console was led through it, that is not tried again.
        self._start(next(iter(self._runs)).folder.path.parents[1], console=False)
        for run in list(self._runs):
            self._tell_of(run)

    def _hear(self, awaited: str = "") -> None:
        if self._child is None:
            return
        for line in self._child.hears(awaited, _PATIENCE) if awaited else self._child.hear():
            if self.messages is not None and not line.startswith("ended "):
                self.messages.warn(line)


_helper = _Helper()
