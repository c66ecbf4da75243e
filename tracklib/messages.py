"""Messages: what tracklib says to a person, on stderr, each line beginning with ``tracklib:``."""

from __future__ import annotations

import sys
from collections.abc import Iterable

__all__ = ["Messages", "nearest", "printable"]


def printable(text: str) -> str:
    """Make text harmless for a terminal: control characters and those that reorder text become visible escapes."""
    return "".join(char if char.isprintable() and char not in _BIDI else _escape(char) for char in text)


_BIDI = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c")


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


class Messages:
    """Prints messages, each warning once.

    Attributes:
        quiet: Print warnings only.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self._said: set[str] = set()

    def info(self, text: str) -> None:
        """Say something that is good to know."""
        if not self.quiet:
            _print(text)

    def warn(self, text: str, *, once: str | None = None) -> None:
        """Say something that asks for attention; with ``once``, a single time for that key."""
        key = text if once is None else once
        if key not in self._said and len(self._said) < 1000:
            self._said.add(key)
            _print(f"warning: {text}")


def _print(text: str) -> None:
    stream = sys.stderr
    if stream is None:  # pythonw, some daemons
        return
    try:
        for line in text.splitlines():
            stream.write(f"tracklib: {printable(line)}\n")
        stream.flush()
    except Exception:  # a stderr that is closed, or is none, must not end a training
        return


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint, ``"; did you mean 'x'?"`` or ``"; known: x, y"``."""
    import difflib

    choices = sorted(known)
    close = difflib.get_close_matches(name, choices, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(choices)}" if choices else ""
