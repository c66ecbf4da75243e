"""Downloads: files of a source brought to a folder, and to no other place."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from tracklib.errors import UsageError
from tracklib.messages import printable
from tracklib.model.records import FileRef
from tracklib.portability.spool import Spool

if TYPE_CHECKING:
    from tracklib.backends.contract import Source
    from tracklib.model.run import RunInfo

__all__ = ["download"]


def download(source: Source, rows: Iterable[tuple[RunInfo, Mapping[str, Any]]], folder: Path) -> list[Path]:
    """Fetch the file of each row to its path below a folder; see `tracklib.reading.reader.Reader.download`."""
    wanted = [(run, _file(row)) for run, row in rows]
    folder.mkdir(parents=True, exist_ok=True)
    home = folder.resolve()
    targets = [_target(home, file) for _, file in wanted]
    if len(set(targets)) < len(targets):
        twice = next(target for target in targets if targets.count(target) > 1)
        raise UsageError(f"expected one file for each path, got two for {twice}; download them to two folders")
    scratch = Path(tempfile.mkdtemp(prefix=".tracklib-", dir=home))
    try:
        for (run, file), target in zip(wanted, targets, strict=True):
            _place(Spool(source, run, scratch).open(file), target, home)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return targets


def _file(row: Mapping[str, Any]) -> FileRef:
    path, size, digest = (row.get(name) for name in ("path", "size", "sha256"))
    if isinstance(path, str) and isinstance(size, int) and isinstance(digest, str):
        return FileRef(path, size, digest)
    if row.get("url") is not None:
        raise UsageError(f"expected a file, got {path!r}, which lies elsewhere: at {printable(str(row['url']))}")
    raise UsageError(f"expected a row with path, size and sha256 of a file, got path {path!r}")


def _target(home: Path, file: FileRef) -> Path:
    """Return where a file goes, whichever system its path was made for.

    Raises:
        UsageError: That is outside the folder, or no path.
    """
    parts = file.path.split("/")
    is_plain = all(part not in ("", ".", "..") and "\0" not in part for part in parts)
    windows = PureWindowsPath(file.path)
    is_local = os.name != "nt" or not (windows.drive or windows.root or "\\" in file.path or ":" in file.path)
    if not is_plain or not is_local or PurePosixPath(file.path).is_absolute():
        raise UsageError(f"expected a path inside the folder, got {file.path!r}; nothing was written")
    target = home.joinpath(*parts)
    if not target.parent.resolve().is_relative_to(home):
        raise UsageError(f"expected a path inside {home}, got {file.path!r}, which a link leads out of it")
    return target


def _place(content: Path, target: Path, home: Path) -> None:
    if target.is_symlink() or target.exists():
        raise UsageError(f"expected no file at {target}, got one; nothing is written over")
    target.parent.mkdir(parents=True, exist_ok=True)
    assert target.parent.resolve().is_relative_to(home)
    # One content may be wanted at several paths, so it is copied; in the folder's own file system, and whole or not.
    copy = content.with_suffix(".out")
    shutil.copyfile(content, copy)
    os.replace(copy, target)
