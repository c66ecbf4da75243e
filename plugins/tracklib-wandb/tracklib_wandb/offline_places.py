"""Where runs lie on this machine: the logs below a folder, those of one run together."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from tracklib.errors import ConfigError, RejectedError
from tracklib_wandb.messages import KIND, load_messages
from tracklib_wandb.offline_facts import Facts
from tracklib_wandb.offline_log import Damage, records
from tracklib_wandb.offline_run import OfflineRun

__all__ = ["find_logs", "is_empty", "name_of", "offline_runs", "remove_log"]

_RUN = re.compile(r"(?:offline-)?run-\d{8}_\d{6}-(?P<id>.+)\Z", re.DOTALL)
_LOG = re.compile(r"run-.+\.wandb\Z", re.DOTALL)
_NOTHING = 7
"""Bytes of a log's header."""

_HEAD = 50
"""In so many records at the beginning, a log says whose it is."""


def offline_runs(place: Path) -> Iterator[OfflineRun]:
    """Yield the runs below a folder ``wandb``, of one run's folder, or of one log, the oldest first.

    Raises:
        ConfigError: There is no log.
    """
    logs: dict[tuple[str, ...], list[Path]] = {}
    for path in find_logs(place):
        logs.setdefault(_owner(path), []).append(path)
    known = {owner[1] for owner in logs if len(owner) > 1}
    for paths in logs.values():
        if not (is_empty(paths[0]) and name_of(paths[0]) in known):  # begun in vain, and once more
            yield OfflineRun(paths)


def name_of(log: Path) -> str | None:
    """Return the id of the run in whose directory a log lies, by the directory's name."""
    found = _RUN.match(log.parent.name)
    return None if found is None else found["id"]


def is_empty(log: Path) -> bool:
    """Tell whether nothing was written to a log, as where the disk was full when it was begun."""
    return log.stat().st_size <= _NOTHING


def find_logs(place: Path) -> list[Path]:
    """Return the logs of a place, the oldest first by the times in their folders' names.

    Raises:
        ConfigError: There is none.
    """
    if place.is_file():
        return [place]
    folders = [place, place / "wandb", place / ".wandb"]
    for folder in folders:
        found = [*_logs_in(folder), *(log for run in _run_folders(folder) for log in _logs_in(run))]
        if found:
            return found
    raise ConfigError(f"expected a folder with W&B runs (offline-run-*/run-*.wandb), a run's folder or a log: {place}")


def remove_log(log: Path) -> None:
    """Remove a log with its run's directory, and the SDK's link to that, where it is the directory's only one."""
    folder = log.parent
    if not _RUN.match(folder.name) or folder.is_symlink() or _logs_in(folder) != [log]:
        log.unlink(missing_ok=True)
        return
    shutil.rmtree(folder)
    latest = folder.parent / "latest-run"
    if latest.is_symlink() and not latest.exists():
        latest.unlink()


def _run_folders(folder: Path) -> list[Path]:
    """Return the folders of runs, but not ``latest-run``, a link to one of them."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if _RUN.match(path.name) and path.is_dir() and not path.is_symlink()]
    return sorted(found, key=lambda path: path.name.removeprefix("offline-"))


def _logs_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _LOG.match(path.name) and path.is_file())


def _owner(path: Path) -> tuple[str, ...]:
    """Return project and id of the run that a log belongs to; what cannot be read is of a run of its own."""
    facts, messages = Facts(), load_messages()
    with contextlib.suppress(RejectedError):  # told when the run is read
        for number, (kind, content) in enumerate(records(path, Damage())):
            if kind == KIND.RUN:
                facts.apply(kind, content, messages)
                return facts.project, facts.id
            if number >= _HEAD:
                break
    return (str(path),)
