"""Lines: a file of lines, read piece by piece, so that one without an end does not fill the memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from tracklib.model.codec import LONGEST

__all__ = ["lines_of"]

_PIECE = 1 << 20


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def lines_of(file: _Readable, longest: int = LONGEST) -> Iterator[bytes]:
    """Yield each line, with its line feed where it has one; an empty one in the place of each that is too long."""
    parts: list[bytes] = []  # of a line that goes on: joined once, or a long one would be copied with each piece
    held = 0
    while piece := file.read(_PIECE):
        *whole, rest = piece.split(b"\n")
        for end in whole:
            held += len(end) + 1
            parts.append(end)
            line = b"".join([*parts, b"\n"]) if held <= longest else b""
            parts, held = [], 0
            yield line
        parts.append(rest)
        held += len(rest)
        if held > longest:
            parts = []
    if held:
        yield b"".join(parts) if held <= longest else b""
