"""Completion: the words a shell offers for runs, projects and backends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from tracklib.journal.layout import RunFolder

__all__ = ["backend_names", "project_names", "run_ids"]


def run_ids(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the ids of local runs, and with a slash typed, ``project/id``."""

    def find() -> Iterable[str]:
        from tracklib.cli.selection import id_of, project_of

        folders = _folders(ctx)
        return [f"{project_of(f)}/{id_of(f)}" for f in folders] if "/" in incomplete else map(id_of, folders)

    return _quietly(find, incomplete)


def project_names(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the projects that have local runs."""

    def find() -> Iterable[str]:
        from tracklib.cli.selection import project_of

        return {project_of(folder) for folder in _folders(ctx)}

    return _quietly(find, incomplete)


def backend_names(incomplete: str) -> list[str]:
    """Return the backends that are installed."""

    def find() -> Iterable[str]:
        from tracklib.backends.registry import installed

        return installed()

    return _quietly(find, incomplete)


def _folders(ctx: typer.Context) -> list[RunFolder]:
    from tracklib.cli.selection import open_root

    place = ctx.params.get("dir")
    return open_root(Path(place) if place else None).runs()


def _quietly(find: Callable[[], Iterable[str]], incomplete: str) -> list[str]:
    try:
        return sorted(word for word in find() if word.startswith(incomplete))
    except Exception:  # a wrong setting or a missing root is no reason to disturb somebody who types
        return []
