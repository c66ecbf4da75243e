"""Notebooks: the code of their cells as one Python file, and what they tell a shell."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass, field

from typing_extensions import Self

from tracklib.model.codec import loads

__all__ = ["Cells"]

_PYTHON = ("%%time", "%%timeit", "%%capture", "%%prun")
_SHELL = ("%%bash", "%%sh", "%%script")


@dataclass(slots=True)
class Cells:
    """The cells of code of a notebook, one behind the other, so that what one imports is known in the next.

    Attributes:
        lines: Python; where a line is a magic, or a cell is no Python, something stands there that says nothing.
        shell: What is told to a shell, with the number of its line.
        odd: Cells that are no Python, from 1.
    """

    lines: list[str] = field(default_factory=list)
    shell: list[tuple[int, str]] = field(default_factory=list)
    odd: list[int] = field(default_factory=list)
    _starts: list[tuple[int, int]] = field(default_factory=list)

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Read a notebook.

        Raises:
            ValueError: It is none.
        """
        document = loads(content)
        cells = document.get("cells") if isinstance(document, dict) else None
        if not isinstance(cells, list):
            raise ValueError("expected a notebook with cells, got another JSON document")  # noqa: TRY004  of its content
        made = cls()
        for number, cell in enumerate(cells, 1):
            if isinstance(cell, dict) and cell.get("cell_type") == "code":
                source = cell.get("source", "")
                made._add(number, "".join(map(str, source)) if isinstance(source, list) else str(source))
        return made

    @property
    def python(self) -> str:
        """All of it as one file."""
        return "\n".join(self.lines)

    def place(self, line: int) -> tuple[int, int]:
        """Return the cell, and the line in it, of a line of the whole; both from 1."""
        first, cell = max(start for start in self._starts if start[0] < line)
        return cell, line - first

    def _add(self, number: int, text: str) -> None:
        self._starts.append((len(self.lines), number))
        lines = text.split("\n")
        magic = (lines[0].split() or [""])[0]
        if magic.startswith("%%") and magic not in _PYTHON:
            self._tell(lines[1:] if magic in _SHELL else [], 1)
            self.lines += [""] * len(lines)
            return
        if _is_python(text):  # what looks like a magic may be the rest of an expression
            self.lines += lines
            return
        plain = []
        for place, line in enumerate(lines):
            bare = line.lstrip()
            if bare.startswith(("!", "%")):
                self._tell([bare.lstrip("!%")], place)
                line = f"{line[: len(line) - len(bare)]}pass"  # noqa: PLW2901  it says nothing to Python
            plain.append(line)
        is_python = _is_python("\n".join(plain))
        self.odd += [] if is_python else [number]
        self.lines += plain if is_python else [""] * len(plain)

    def _tell(self, lines: list[str], place: int) -> None:
        first = len(self.lines) + place + 1
        self.shell += [(first + number, line) for number, line in enumerate(lines)]


def _is_python(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
