"""Roots: where a run is recorded: at the configured place, or loudly at a spare one where that cannot be written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from tracklib import platform
from tracklib.journal.layout import Root
from tracklib.messages import Messages

__all__ = ["at_writable_root"]

_T = TypeVar("_T")


def at_writable_root(path: Path, begin: Callable[[Root], _T], messages: Messages) -> _T | None:
    """Return what ``begin`` makes at a root, the configured one or else a spare; ``None`` where nothing can be written."""
    try:
        begun = _made(Root(path), begin)
    except OSError as error:
        return _elsewhere(path, error, begin, messages)
    if kind := _network(path):
        messages.warn(
            f"the journal root {path} lies on {kind}, a network file system, which may be slow and full for all at "
            "once; TRACKLIB_DIR can name a local disk instead (then run tracklib sync before the job ends)"
        )
    return begun


def _network(path: Path) -> str:
    try:
        return platform.network_file_system(str(path))
    except Exception:  # a hint must not cost a run: Python 3.13 finds no codec from a folder that was deleted
        return ""


def _made(root: Root, begin: Callable[[Root], _T]) -> _T:
    root.create()
    return begin(root)


def _elsewhere(path: Path, cause: OSError, begin: Callable[[Root], _T], messages: Messages) -> _T | None:
    problem = f"cannot write the journal root {path}: {cause.strerror or cause}. "
    advice = f"Make {path} writable or set TRACKLIB_DIR"
    for spare in _spares():
        try:
            begun = _made(spare, begin)
        except OSError:
            continue
        messages.warn(
            f"{problem}This run is recorded in {spare.path} instead. {advice}; deliver this run with: "
            f"tracklib sync --dir {spare.path}"
        )
        return begun
    messages.warn(f"{problem}No temporary folder can be written either: this run is not recorded. {advice}")
    return None


def _spares() -> Iterator[Root]:
    try:
        import tempfile

        shared = Path(tempfile.gettempdir())
    except (OSError, ImportError):  # no folder, or so few descriptors that nothing can be imported
        return
    known = shared / f"tracklib-{platform.user_word()}"
    if platform.is_private(known):
        yield Root(known)
    try:
        yield Root(tempfile.mkdtemp(prefix="tracklib-", dir=shared))
    except OSError:
        return
