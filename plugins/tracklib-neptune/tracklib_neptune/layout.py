"""The layout: which runs an export holds, and in which Parquet files.

neptune-exporter writes ``<project>/<run>_part_<n>.parquet``, names made safe and followed by a digest, and puts part 0 in its
place last: a run without it was not exported to its end. Models of the registry lie in ``<project>/models`` and
``<project>/model_versions``, in the same form.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Held", "held_runs"]

_PART = re.compile(r"(?P<name>.+)_part_(?P<number>\d+)\.parquet", re.DOTALL)
_KINDS = {"": None, "models": "model", "model_versions": "model version"}


@dataclass(frozen=True, slots=True)
class Held:
    """A run as it lies in an export.

    Attributes:
        place: The path that all names of its parts begin with, from the root of the export.
        project: The name of the project's folder; its files lie in one of the same name.
        parts: The paths of its parts in their order.
        missing: The numbers of parts that are not there, though later ones are.
        kind: What it is, where it is no run: a model, or a model's version.
    """

    place: str
    project: str
    parts: tuple[str, ...]
    missing: tuple[int, ...] = ()
    kind: str | None = None


def held_runs(root: str) -> Iterator[Held]:
    """Yield what lies in an export, in the order of the names."""
    for project in _folders(root):
        for scope, kind in _KINDS.items():
            folder = os.path.join(root, project, scope) if scope else os.path.join(root, project)
            if not scope or scope in _folders(os.path.join(root, project)):
                yield from _runs(root, project, folder, kind)


def _runs(root: str, project: str, folder: str, kind: str | None) -> Iterator[Held]:
    parts: dict[str, dict[int, str]] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            found = _PART.fullmatch(entry.name)
            if found is not None and entry.is_file(follow_symlinks=False):
                parts.setdefault(found["name"], {})[int(found["number"])] = entry.path
    above = os.path.relpath(folder, root).replace(os.sep, "/")
    for name, numbered in sorted(parts.items()):
        missing = tuple(number for number in range(max(numbered)) if number not in numbered)
        paths = tuple(numbered[number] for number in sorted(numbered))
        yield Held(f"{above}/{name}", project, paths, missing, kind)


def _folders(folder: str) -> list[str]:
    with os.scandir(folder) as entries:
        found = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    return sorted(name for name in found if not name.startswith("."))
