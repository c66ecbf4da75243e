"""Files on this machine that a log names: opened only where they may be, and only if they are what the log says."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from pathlib import Path
from typing import BinaryIO

from tracklib.errors import RejectedError
from tracklib_wandb.view import StoredFile

__all__ = ["open_plain", "open_staged"]

_CHUNK = 1 << 20


def open_plain(path: Path, roots: tuple[Path, ...]) -> BinaryIO:
    """Open a regular file that, with all links followed, lies below one of some folders.

    Raises:
        RejectedError: It is none, is not there, or lies elsewhere.
    """
    try:
        real = path.resolve(strict=True)
        if not any(real.is_relative_to(root) for root in roots):
            raise RejectedError(f"{path} is a link to {real}, outside of the run's folder: it is not followed")
        return _opened(real)
    except (OSError, RuntimeError, ValueError) as error:
        raise RejectedError(f"{path} cannot be opened: {error}") from error


def open_staged(entry: StoredFile, folders: tuple[Path, ...]) -> BinaryIO:
    """Open a file of an artifact where the SDK set it aside, as its log says, or under the same name in other folders.

    A log may name any file of this machine. So a file counts only if it has the size and the MD5 that the log gives:
    whoever wrote the log had the very content.

    Raises:
        RejectedError: It is nowhere.
    """
    recorded = Path(entry.place or "")
    for path in (recorded, *(folder / recorded.name for folder in folders)):
        if not entry.place or not path.is_absolute():
            continue
        try:
            file = _opened(path)
        except (OSError, RejectedError, ValueError):  # the next place may have it
            continue
        if _is(file, entry):
            return file
        file.close()
    raise RejectedError(f"the content of {entry.path!r} is not where the SDK had set it aside")


def _opened(path: Path) -> BinaryIO:
    """Open a regular file; a pipe or a device would block."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise RejectedError(f"{path} is no regular file")
    return os.fdopen(descriptor, "rb")


def _is(file: BinaryIO, entry: StoredFile) -> bool:
    if os.fstat(file.fileno()).st_size != entry.size:
        return False
    digest = hashlib.md5(usedforsecurity=False)
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    file.seek(0)
    return base64.b64encode(digest.digest()).decode() == entry.digest
