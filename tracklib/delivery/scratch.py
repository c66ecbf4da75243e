"""Scratch: a relay's own folder for temporary files, so that an SDK's leavings end with the relay, or with the next one.

It stands among the system's temporary files, on a disk that is fast and behind a path that is short, as sockets need.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
from pathlib import Path

__all__ = ["settle_in", "sweep"]

_PREFIX = "tracklib-relay-"
_VARIABLES = ("TMPDIR", "TEMP", "TMP")


def settle_in(note: Path) -> None:
    """Give this process a new folder for temporary files, until its end; what an earlier one left is removed.

    It is called before any SDK is imported: these make folders as they are, and leave them as they die.

    Args:
        note: Where the folder's place is written down, before it is made.
    """
    sweep(note)
    folder = Path(tempfile.gettempdir(), f"{_PREFIX}{os.urandom(6).hex()}")
    note.write_text(str(folder), encoding="utf-8")
    folder.mkdir(mode=0o700)
    for name in _VARIABLES:
        os.environ[name] = str(folder)
    tempfile.tempdir = str(folder)
    atexit.register(_leave, note, folder, os.getpid())  # the first to be registered is the last to be called


def sweep(note: Path) -> None:
    """Remove the folder that a note names, if it is one of a relay's of this user."""
    try:
        folder = Path(note.read_text(encoding="utf-8"))
        own = folder.name.startswith(_PREFIX) and folder.lstat().st_uid == os.stat(note).st_uid
    except (OSError, UnicodeDecodeError):
        return  # no note, or nothing where it points
    if own and folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder, ignore_errors=True)


def _leave(note: Path, folder: Path, pid: int) -> None:
    if os.getpid() != pid:  # a process that an SDK forked
        return
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):  # the root was deleted, or the next relay has written its own
        if note.read_text(encoding="utf-8") == str(folder):
            note.unlink()
