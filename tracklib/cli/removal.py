"""Removal: runs and the blobs that no other run needs, taken away so that nothing half removed is ever seen."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tracklib.delivery.active import unmark
from tracklib.delivery.launch import lives
from tracklib.errors import RunStateError
from tracklib.journal.blobs import BlobStore
from tracklib.journal.glance import glance
from tracklib.journal.layout import Root, RunFolder, private_folder

__all__ = [
    "Blob",
    "blobs_of",
    "folder_size",
    "oldest_spared",
    "references",
    "remove_blobs",
    "remove_run",
    "settle_down",
    "tidy",
]

_DIGEST = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_MARK = "removed-"

_YOUNG = 3600.0
"""Seconds for which a blob that no record names is spared while any run is open: its record may be on its way."""


_ABANDONED = 86400.0
"""Seconds after which a working file is taken for one that its process left behind."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A content that is kept.

    Attributes:
        touched: When it was last recorded, in seconds since the epoch.
    """

    sha256: str
    size: int
    touched: float


def folder_size(path: Path) -> int:
    """Return the bytes of all files below a folder."""
    sizes = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with contextlib.suppress(OSError):  # gone in this moment
                sizes += os.lstat(os.path.join(folder, name)).st_size
    return sizes


def references(folder: RunFolder) -> set[str]:
    """Return the digests of all blobs that a run may need.

    Every word of 64 hexadecimal digits in its segments counts, whatever kind of record it stands in, damaged lines
    and records of a newer version included: rather one blob too many is kept than one too few.
    """
    found: set[str] = set()
    for path in (*folder.segments(), *folder.staging.glob("*/progress.jsonl")):
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            for line in file:
                found.update(digest.decode() for digest in _DIGEST.findall(line))
    return found


def blobs_of(root: Root) -> Iterator[Blob]:
    """Yield every blob of a root."""
    for shard in _entries(root.blobs):
        for entry in _entries(shard):
            with contextlib.suppress(FileNotFoundError):
                stat = entry.stat()
                yield Blob(shard.name + entry.name, stat.st_size, stat.st_mtime)


def _entries(path: Path) -> list[Path]:
    try:
        return sorted(path.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def oldest_spared(*, any_open: bool, since: float) -> float:
    """Return the time from which on a blob without a record is spared."""
    return since - (_YOUNG if any_open else 0.0)


def remove_run(root: Root, folder: RunFolder) -> int:
    """Remove a run in one step, as far as anybody can see; return the bytes that this freed.

    Raises:
        RunStateError: It was opened again in this very moment; it stays.
    """
    private_folder(root.scratch)
    away = root.scratch / f"{_MARK}{os.urandom(8).hex()}"
    size = folder_size(folder.path)
    os.rename(folder.path, away)
    if glance(RunFolder(away)).open:
        os.rename(away, folder.path)
        raise RunStateError(f"expected a run that has ended, got {folder.path}, which was just opened again")
    unmark(root, folder)
    shutil.rmtree(away)
    return size


def remove_blobs(root: Root, digests: Collection[str] | None, *, any_open: bool, began: float) -> tuple[int, int]:
    """Remove the blobs that no run needs any more; return how many, and the bytes that this freed.

    Args:
        root: Where they lie.
        digests: Only these; all where ``None``.
        any_open: Whether a run is open.
        began: When the caller began to look, in seconds since the epoch: what was recorded since is spared.
    """
    if digests is not None and not digests:
        return 0, 0
    needed: set[str] = set().union(*map(references, root.runs()))
    spared = oldest_spared(any_open=any_open, since=began)
    store = BlobStore(root)
    count = freed = 0
    for blob in blobs_of(root):
        if blob.sha256 in needed or blob.touched >= spared or (digests is not None and blob.sha256 not in digests):
            continue
        freed += store.remove(blob.sha256)
        count += 1
    return count, freed


def tidy(root: Root) -> None:
    """Take away what an earlier removal left that was interrupted, and what processes left that are gone for long."""
    for path in _entries(root.scratch):
        if path.name.startswith(_MARK) or (not path.name.startswith("relay-") and _is_old(path)):
            _remove(path)
    for path in root.scratch.glob("relay-*/*"):
        if _is_old(path) and not lives(root, path.parent.name.removeprefix("relay-")):
            _remove(path)
    for folder in root.runs():
        for path in _entries(folder.staging):
            if _is_old(path) and not (path / "manifest.json").exists():
                _remove(path)


def _is_old(path: Path) -> bool:
    """Tell whether nobody can be at work with something in a root any more, or has used it of late."""
    try:
        return time.time() - path.lstat().st_mtime > _ABANDONED
    except OSError:
        return False


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def settle_down(folders: Iterable[RunFolder], *, patience: float = 3.0) -> None:
    """Remove what a relay wrote once more into the folder of a run that was removed under its hands."""
    deadline = time.monotonic() + patience
    waiting = list(folders)
    while waiting and time.monotonic() < deadline:
        time.sleep(0.25)
        for folder in waiting:
            if folder.path.is_dir() and not folder.segments():
                shutil.rmtree(folder.path, ignore_errors=True)
