"""The console: what goes to stdout and stderr, made harmless for the terminal that shows it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TextIO

import typer

from tracklib.cli.termination import exit_code
from tracklib.messages import printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

__all__ = ["complain", "err", "grid", "interruptible", "out", "print_json", "safe", "say", "shows_progress"]

_UNLIMITED = 100_000
"""Columns where nobody looks: what a program reads is never cut."""


def out() -> Console:
    """Return the console of results."""
    return _console(sys.stdout)


def err() -> Console:
    """Return the console of progress and questions."""
    return _console(sys.stderr)


def _console(stream: TextIO) -> Console:
    from rich.console import Console

    with suppress(AttributeError, ValueError, OSError):  # a stream that is none of Python's own
        if not (stream.encoding or "").lower().startswith("utf"):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[attr-defined]  # it is a TextIOWrapper
    width = None if stream.isatty() or "COLUMNS" in os.environ else _UNLIMITED
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def shows_progress() -> bool:
    """Tell whether somebody watches."""
    return sys.stderr is not None and sys.stderr.isatty()


def safe(text: object, style: str = "", *, cut: bool = False) -> Text:
    """Return a text of any origin: no escape sequence, no reordering, no markup in it has any effect.

    Args:
        cut: In a table that is too narrow, end in an ellipsis instead of taking a second line.
    """
    from rich.text import Text

    return Text(printable(str(text)), style=style, no_wrap=cut or None, overflow="ellipsis" if cut else None)


_LEAST = 4
"""Columns that are left of a text that may be cut or broken."""


def grid(*columns: str) -> Table:
    """Return a table without lines.

    A column whose title ends in ``>`` is aligned to the right, and like one in ``!`` never broken; the others are where
    the terminal is too narrow. Where there is no terminal, nothing is. What has no room at all is cut on the right.
    """
    from rich.cells import cell_len
    from rich.table import Table

    class Grid(Table):
        def add_row(self, *cells: Any, **more: Any) -> None:
            for column, cell in zip(self.columns, cells, strict=True):
                width = cell_len(str(cell))
                least = width if column.no_wrap else min(_LEAST, width)
                title = len(str(column.header)) if column.no_wrap or getattr(cell, "no_wrap", False) else 0
                column.min_width = max(column.min_width or title, least)
            super().add_row(*cells, **more)

        def __rich_console__(self, console: Any, options: Any) -> Any:
            # Where its least width is more than there is, rich takes from all columns, to the last letter of the first.
            needed = sum((column.min_width or 0) + 2 for column in self.columns)
            return super().__rich_console__(console, options.update(width=max(needed, options.max_width)))

    table = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_header=any(columns))
    for title in columns:
        mark = title[-1:]
        table.add_column(
            title.rstrip(">!"), justify="right" if mark == ">" else "left", no_wrap=mark in (">", "!"), overflow="fold"
        )
    return table


def say(text: str) -> None:
    """Tell a person something, on stderr."""
    for line in text.splitlines():
        typer.echo(f"tracklib: {printable(line)}", err=True)


def complain(text: str) -> None:
    """Tell what is wrong, on stderr."""
    first, *rest = text.splitlines() or [""]
    say("\n".join([f"error: {first}", *rest]))


def print_json(document: object) -> None:
    """Print one JSON document: exact, and in ASCII, so that a terminal finds nothing in it to obey."""
    json.dump(document, sys.stdout, indent=2, allow_nan=False)
    sys.stdout.write("\n")


@contextmanager
def interruptible(rest: Callable[[], str]) -> Iterator[None]:
    """Turn Ctrl-C and SIGTERM into one line that says what is left, and an exit code that says which it was."""
    try:
        yield
    except KeyboardInterrupt:
        say(f"interrupted: {rest()}")
        raise typer.Exit(exit_code()) from None
