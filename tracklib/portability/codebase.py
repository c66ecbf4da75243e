"""The code base: the scripts, notebooks and CI files of a folder, and where they use a vendor."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tracklib.portability.calls import uses_in
from tracklib.portability.notebook import Cells
from tracklib.portability.vendor import Use, Vendor

__all__ = ["CodeReport", "Found", "look_through"]

_SKIPPED = frozenset(
    [
        ".git",
        ".hg",
        ".venv",
        "venv",
        "node_modules",
        "__pycache__",
        "site-packages",
        ".tox",
        ".nox",
        ".tracklib",
        ".aim",
    ]
) | {".mypy_cache", ".ruff_cache", ".ipynb_checkpoints"}
_TEXTS = frozenset(
    [".yml", ".yaml", ".sh", ".bash", ".toml", ".cfg", ".ini", ".txt", ".env", ".sbatch", ".slurm", ".mk"]
)
_NAMES = frozenset(["dockerfile", "makefile", "jenkinsfile", "procfile", ".env"])
_LARGEST = 10 << 20


@dataclass(frozen=True, slots=True)
class Found:
    """A use of a vendor, and where.

    Attributes:
        file: Relative to the folder.
        cell: Of a notebook, from 1; ``line`` counts within it.
    """

    file: str
    use: Use
    cell: int | None = None

    @property
    def place(self) -> str:
        """``file:line``; ``file[cell]:line`` in a notebook."""
        return f"{self.file}{'' if self.cell is None else f'[{self.cell}]'}:{self.use.line}"

    def document(self) -> dict[str, object]:
        """Return it as JSON."""
        use = self.use
        place = {"file": self.file, "cell": self.cell, "line": use.line}
        return {**place, "vendor": use.vendor, "call": use.call, "instead": use.instead}


@dataclass(slots=True)
class CodeReport:
    """What a folder's files say to vendors.

    Attributes:
        files: How many were looked through.
        unread: Those that could not be, with the reason.
    """

    found: list[Found] = field(default_factory=list)
    files: int = 0
    unread: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, object]:
        """Return it as JSON."""
        return {"files": self.files, "uses": [each.document() for each in self.found], "unread": dict(self.unread)}


def look_through(folder: Path, vendors: list[Vendor]) -> CodeReport:
    """Look through all files of a folder that may use a vendor; nothing of them is run, and no link is followed."""
    report = CodeReport()
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        try:
            found = list(_uses(path, name, vendors, report))
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
            report.unread[name] = f"{type(error).__name__}: {error}"
            continue
        report.files += 1
        report.found += found
    return report


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        for name in sorted(names):
            path = Path(place, name)
            is_text = path.suffix.lower() in _TEXTS or name.lower().partition(".")[0] in _NAMES or name == ".env"
            if (path.suffix in (".py", ".ipynb") or is_text) and path.is_file() and not path.is_symlink():
                yield path


def _uses(path: Path, name: str, vendors: list[Vendor], report: CodeReport) -> Iterator[Found]:
    if path.stat().st_size > _LARGEST:
        raise ValueError(f"expected at most {_LARGEST:,} bytes of code, got {path.stat().st_size:,}")
    content = path.read_bytes()
    if path.suffix == ".ipynb":
        cells = Cells.read(content)
        report.unread.update((f"{name}[{cell}]", "the cell is no Python") for cell in cells.odd)
        yield from _notebook(cells, name, vendors)
        return
    text = content.decode("utf-8-sig", "replace")
    uses = uses_in(text, vendors) if path.suffix == ".py" else _uses_in_text(text, vendors)
    yield from (Found(name, use) for use in uses)


def _notebook(cells: Cells, name: str, vendors: list[Vendor]) -> Iterator[Found]:
    """Yield what the cells of code say."""
    uses = uses_in(cells.python, vendors)
    uses += [use for number, line in cells.shell for use in _line(number, line, vendors)]
    for use in sorted(uses):
        cell, line = cells.place(use.line)
        yield Found(name, dataclasses.replace(use, line=line), cell)


def _uses_in_text(text: str, vendors: list[Vendor]) -> list[Use]:
    return [use for number, line in enumerate(text.split("\n"), 1) for use in _line(number, line, vendors)]


def _line(number: int, line: str, vendors: list[Vendor]) -> Iterator[Use]:
    """Yield the variables, packages and commands of vendors that a line of a shell or a configuration names."""
    if line.lstrip().startswith(("#", "//")):
        return
    for vendor in vendors:
        for name in sorted(vendor.variables):
            if re.search(rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])", line):
                yield Use(number, name, vendor.name, "keeps working: tracklib's backend reads it")
        for name in sorted(vendor.packages):
            if re.search(rf"{_INSTALL}{re.escape(name)}(?![\w-])", line) or re.match(
                rf"{_LISTED}{re.escape(name)}{_END}", line
            ):
                yield Use(number, name, vendor.name, f"tracklib-core, tracklib-{vendor.name}")
                break
        for name in sorted(vendor.modules):
            if re.search(rf"{_COMMAND}{re.escape(name)}\s+[a-z]", line):
                yield Use(number, f"{name} (command)", vendor.name, "")


_INSTALL = r"\b(?:pip3?|uv|poetry|conda|mamba|pipx)\b.*\b(?:install|add)\b.*[\s\"']"
_LISTED = r"\s*(?:-\s+)?[\"']?"
_END = r"(?:\[[\w,-]+\])?\s*(?:[=<>~!].*|[\"']?\s*,?\s*(?:#.*)?)$"
_COMMAND = r"(?:^\s*|&&\s*|\|\|\s*|;\s*|\|\s*|run:\s*|RUN\s+|^\s*-\s+|\bpython3?\s+-m\s+|\bexec\s+)"
