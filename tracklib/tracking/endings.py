"""Endings: how a process ends, seen truthfully at each of its ways out.

Hooks are chained, never replaced: whatever was installed before is called as if tracklib were not there. They do
nothing in a forked child, which is not the process that began the run.
"""

from __future__ import annotations

import atexit
import builtins
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from tracklib.model.scalars import describe_error
from tracklib.typing import Status
from tracklib.value import Value, replace

__all__ = ["Ending", "Endings", "ending_of", "endings", "exit_number"]


_BITS = 64
"""An exit code has fewer; what has more would not come back as the integer that it is."""


class Ending(Value):
    """How something ended.

    Attributes:
        error: The exception's type and message.
    """

    status: Status
    exit_code: int | None = None
    error: str | None = None


def ending_of(error: BaseException | None) -> Ending:
    """Return what an exception that left a block says about the run."""
    if error is None:
        return Ending("finished")
    if isinstance(error, SystemExit):
        return _of_exit(error.code)
    if isinstance(error, KeyboardInterrupt):
        return Ending("killed", None, "KeyboardInterrupt")
    return Ending("failed", None, describe_error(error))


def _of_exit(code: object) -> Ending:
    """Return what ``sys.exit(code)`` means: None and 0 are success, a number is itself, anything else is 1."""
    found = exit_number(code)
    number = 0 if code is None else 1 if found is None else found
    text = f"exit: {_text(code)}" if not isinstance(code, int) and code is not None else None
    return Ending("finished" if number == 0 else "failed", number, text)


def _text(code: object) -> str:
    try:
        return str(code)
    except Exception as error:  # an object's own code may raise anything; the interpreter leaves it out then
        return f"(the text of a {type(code).__name__} raised {type(error).__name__})"


def exit_number(code: object) -> int | None:
    """Return an exit code as the number that it is, True as 1; ``None`` for what no process ends with."""
    return int(code) if isinstance(code, int) and code.bit_length() < _BITS else None


def _uncaught(error: BaseException) -> Ending:
    """Return what an exception that nothing caught means: Python exits with 1, or dies of Ctrl-C's signal."""
    ending = ending_of(error)
    return replace(ending, exit_code=-signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1)


class _Fate:
    """Rides on an exception, and tells where that is dropped while the program goes on: it was caught.

    An exception that leaves the program is dropped by the interpreter itself, with no frame of Python's below; whatever
    is dropped while the interpreter shuts down says nothing.
    """

    __slots__ = ("_caught",)

    def __init__(self, caught: Callable[[], None]) -> None:
        self._caught = caught

    def __del__(self) -> None:
        if sys._getframe().f_back is not None and threading.main_thread().is_alive():  # noqa: SLF001  there is no other way
            self._caught()


class Endings:
    """Watches the process, and tells its end to the runs that are open."""

    def __init__(self) -> None:
        self._runs: dict[int, Callable[[Ending], None]] = {}
        self._seen: Ending | None = None
        self._pid = 0
        self._sees_sigterm = False
        self._at_last: Callable[[], None] | None = None
        self._before: list[Callable[[], None]] = []

    def watch(self, run: object, finish: Callable[[Ending], None], at_last: Callable[[], None] | None = None) -> None:
        """Call ``finish`` when the process ends while this run is open, and after all runs ``at_last``."""
        if self._pid != os.getpid():
            self._install()
        # A handler can be set by the main thread alone, in which not every process begins its first run.
        in_main = threading.current_thread() is threading.main_thread()
        if in_main and not self._sees_sigterm and sys.platform != "win32":
            self._chain_sigterm()
        self._runs[id(run)] = finish
        if at_last is not None:
            self._at_last = at_last

    def before_last(self, wait: Callable[[], None]) -> None:
        """Call ``wait`` when all runs are ended and before ``at_last``; once, however often it is given."""
        if self._is_owner() and wait not in self._before:
            self._before.append(wait)

    def survived(self) -> None:
        """The process lives on after what looked like its end, as a notebook's kernel does."""
        self._seen = None

    def forget(self, run: object) -> None:
        """A run ended by itself."""
        self._runs.pop(id(run), None)

    def _install(self) -> None:
        self._pid = os.getpid()
        self._runs.clear()
        self._before.clear()
        self._at_last = None
        self._seen = None
        self._sees_sigterm = False
        atexit.register(self._at_exit)
        self._chain_excepthook()
        self._chain_exit()
        self._chain_quitters()

    def _is_owner(self) -> bool:
        return os.getpid() == self._pid

    def _chain_excepthook(self) -> None:
        before = sys.excepthook

        def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
            if self._is_owner() and not hasattr(sys, "ps1"):  # at a prompt, the process lives on
                self._seen = _uncaught(error)
            before(kind, error, trace)

        sys.excepthook = excepthook

    def _chain_exit(self) -> None:
        """See the code that ``sys.exit`` is given: the interpreter tells it to nobody else.

        One raised by hand (``raise SystemExit(3)``) outside a ``with`` block is not seen.
        """
        before = sys.exit

        def exit(status: Any = None, /) -> Any:  # noqa: A001  it takes that function's place
            try:
                before(status)
            except SystemExit as error:
                self._leaving(error)
                raise

        sys.exit = exit

    def _chain_quitters(self) -> None:
        """See the code that the builtins ``exit`` and ``quit`` are given; both are of one class of module ``site``."""
        quitter = type(getattr(builtins, "exit", None))
        if quitter.__name__ != "Quitter":  # python -S has none, and notebooks have their own
            return
        before = quitter.__call__

        def call(self_: object, code: Any = None) -> Any:
            try:
                return before(self_, code)
            except SystemExit as error:
                self._leaving(error)
                raise

        quitter.__call__ = call  # type: ignore[method-assign]  # the interpreter looks it up on the class

    def _chain_sigterm(self) -> None:
        self._sees_sigterm = True
        before = signal.getsignal(signal.SIGTERM)
        if before is signal.SIG_IGN or before is None:
            return

        def on_sigterm(number: int, frame: FrameType | None) -> None:
            if callable(before):  # the program's own handler decides: it exits, raises, or lets the program go on
                try:
                    before(number, frame)
                except SystemExit as error:
                    self._leaving(error)
                    raise
                return
            if self._is_owner():
                self._finish(Ending("killed", -number, "SIGTERM"))
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)  # die of it, as without tracklib

        signal.signal(signal.SIGTERM, on_sigterm)
        if not callable(before) and hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=lambda: _unhandle(on_sigterm))

    def _leaving(self, error: SystemExit) -> None:
        """Take an exit for the end of the process, unless somebody catches it."""
        if self._is_owner() and threading.current_thread() is threading.main_thread():
            seen = _of_exit(error.code)
            error.__dict__["_tracklib"] = _Fate(lambda: self._caught(seen))  # before it counts: it may replace another
            self._seen = seen

    def _caught(self, seen: Ending) -> None:
        if self._seen is seen:
            self._seen = None

    def _finish(self, ending: Ending) -> None:
        for finish in list(self._runs.values()):
            finish(ending)
        self._runs.clear()

    def _at_exit(self) -> None:
        if not self._is_owner():
            return
        self._finish(self._seen or Ending("finished", 0))
        for wait in self._before:
            wait()
        if self._at_last is not None:
            self._at_last()


def _unhandle(handler: Callable[[int, FrameType | None], None]) -> None:
    """Let a forked child die of SIGTERM at once, as without tracklib, which has no run of it to end.

    A handler written in Python waits for the interpreter: a pool's worker that is about to wait for a lock, whose holder
    was ended before it, would outlive its pool, which waits for it.
    """
    if signal.getsignal(signal.SIGTERM) is handler:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


endings = Endings()
