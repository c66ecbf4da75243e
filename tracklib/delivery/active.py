"""Active markers: which runs are open or not fully delivered, so that nobody has to search the whole root."""

from __future__ import annotations

import os

from tracklib.journal.layout import Root, RunFolder

__all__ = ["active_runs", "mark", "unmark"]


def _name(folder: RunFolder) -> str:
    # Neither part can hold a comma: the encoding of names makes it %2c.
    return f"{folder.path.parent.name},{folder.path.name}"


def mark(root: Root, folder: RunFolder) -> None:
    """Mark a run as active; doing it twice changes nothing."""
    os.close(os.open(root.active / _name(folder), os.O_CREAT | os.O_WRONLY, 0o600))


def unmark(root: Root, folder: RunFolder) -> None:
    """Take a run's mark away."""
    (root.active / _name(folder)).unlink(missing_ok=True)


def active_runs(root: Root) -> list[RunFolder]:
    """Return the runs that are marked, in the order of their names."""
    try:
        names = sorted(os.listdir(root.active))
    except FileNotFoundError:
        return []
    folders = []
    for name in names:
        project, comma, run = name.partition(",")
        folder = RunFolder(root.path / project / run)
        if comma and folder.path.is_dir():
            folders.append(folder)
    return folders
