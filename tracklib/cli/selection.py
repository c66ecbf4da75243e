"""Selection: which runs the words on a command line mean."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

from tracklib import config
from tracklib.errors import UsageError
from tracklib.journal.glance import Glance, glance
from tracklib.journal.layout import Root, RunFolder
from tracklib.journal.recovery import reap

__all__ = ["id_of", "label", "look", "newest_run", "of_project", "open_root", "open_run", "project_of", "select"]

_SHOWN = 5


def open_root(place: Path | None) -> Root:
    """Return the journal root that is meant; the configured one need not exist yet.

    Raises:
        UsageError: The given place is no folder.
        ConfigError: The configuration is wrong.
    """
    place = place.expanduser() if place is not None else None
    if place is not None and not place.is_dir():
        got = "a file" if place.exists() else "nothing"
        raise UsageError(f"--dir: expected a journal root at {place}, got {got}")
    return Root(place if place is not None else config.load().root)


def id_of(folder: RunFolder) -> str:
    """Return a run's id, from its folder's name."""
    return folder.names()[1]


def project_of(folder: RunFolder) -> str:
    """Return a run's project, likewise."""
    return folder.names()[0]


def label(folder: RunFolder) -> str:
    """Name a run unmistakably: ``project/id``."""
    return f"{project_of(folder)}/{id_of(folder)}"


def look(folder: RunFolder) -> Glance:
    """Look at a run; one whose process is gone without a word is ended first, so that it shows truthfully."""
    found = glance(folder)
    if not found.open:
        return found
    with contextlib.suppress(OSError):  # a root that cannot be written is still worth a look
        if reap(folder):
            return glance(folder)
    return found


def open_run(root: Root, word: str) -> RunFolder:
    """Return the run that a word means: an id, a unique beginning of one, or ``project/id``.

    Raises:
        UsageError: There is none, or more than one.
    """
    project, _, wanted = word.rpartition("/")
    folders = [f for f in root.runs() if not project or project_of(f) == project]
    exact = [folder for folder in folders if id_of(folder) == wanted]
    found = exact or [folder for folder in folders if wanted and id_of(folder).startswith(wanted)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError(f"expected a run, got {word!r}, which {root.path} does not hold{_hint(word, root.runs())}")
    names = ", ".join(label(folder) for folder in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    raise UsageError(f"expected one run, got {word!r}, which may be {names}{more}; type more of it, or project/id")


def newest_run(root: Root) -> RunFolder:
    """Return the run that was started last.

    Raises:
        UsageError: There is none.
    """
    folders = root.runs()
    if not folders:
        raise UsageError(f"expected a run in {root.path}, got none; tracklib.init() begins one")
    return max(folders, key=lambda folder: glance(folder).info.started)


def _hint(word: str, folders: Sequence[RunFolder]) -> str:
    names = [label(folder) for folder in folders] if "/" in word else [id_of(folder) for folder in folders]
    return _did_you_mean(word, names) or "; see them with: tracklib runs"


def _did_you_mean(word: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, sorted(set(names)), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def of_project(root: Root, project: str | None) -> list[RunFolder]:
    """Return all runs, or those of one project.

    Raises:
        UsageError: The project has no runs here.
    """
    folders = root.runs()
    if project is None:
        return folders
    found = [folder for folder in folders if project_of(folder) == project]
    if not found:
        hint = _did_you_mean(project, map(project_of, folders))
        raise UsageError(f"--project: expected a project of {root.path}, got {project!r}{hint}")
    return found


def select(root: Root, words: Sequence[str] | None, project: str | None = None) -> list[RunFolder]:
    """Return the runs that are named, or all of a project, or all.

    Raises:
        UsageError: A word means no run, or both are given.
    """
    if words and project is not None:
        raise UsageError("expected runs or --project, got both; leave one out")
    if not words:
        return of_project(root, project)
    return list({folder.path: folder for folder in (open_run(root, word) for word in words)}.values())
