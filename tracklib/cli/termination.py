"""Termination: SIGTERM, which schedulers and service managers send, ends a command as Ctrl-C does, with nothing half done."""

from __future__ import annotations

import signal

__all__ = ["exit_code", "take_as_interrupt"]

_signals = [signal.SIGINT]


def take_as_interrupt() -> None:
    """Let SIGTERM raise what Ctrl-C raises, once; a second one ends the process there and then."""
    signal.signal(signal.SIGTERM, _interrupt)


def exit_code() -> int:
    """Return what a command that was interrupted exits with: 128 and the signal's number, as shells have it."""
    return 128 + _signals[-1]


def _interrupt(number: int, _: object) -> None:
    _signals.append(signal.Signals(number))
    signal.signal(number, signal.SIG_DFL)
    raise KeyboardInterrupt
