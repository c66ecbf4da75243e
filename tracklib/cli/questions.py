"""Questions: what is asked before something is removed."""

from __future__ import annotations

import sys

import typer

from tracklib.cli.console import say
from tracklib.errors import UsageError
from tracklib.messages import printable

__all__ = ["agreed"]


def agreed(what: str, *, yes: bool) -> bool:
    """Ask whether to do something that cannot be undone; return the answer.

    Raises:
        UsageError: Nobody is there to ask, and ``--yes`` was not given.
    """
    if yes:
        return True
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(f"expected --yes, as nobody is there to ask: {what}")
    first, *more = what.splitlines()
    for line in more:
        say(line)
    if typer.confirm(f"tracklib: {printable(first)}?", default=False, err=True):
        return True
    say("nothing was removed")
    return False
