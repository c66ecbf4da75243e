"""`MediaWriter`: brings the files of media to W&B, and shows what it has a form for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tracklib.model.records import FileRef, Media, Record
from tracklib_wandb.companions import content_path
from tracklib_wandb.media import shown
from tracklib_wandb.open_run import OpenRun
from tracklib_wandb.row_writer import RowWriter

__all__ = ["MediaWriter"]

_ASK_FIRST = 1 << 20


class MediaWriter:
    """Keeps media in the run; a content that is there already is not sent again."""

    def __init__(self, run: OpenRun, rows: RowWriter, open_file: Callable[[FileRef], Path]) -> None:
        self._run = run
        self._rows = rows
        self._open_file = open_file
        self._kept: set[str] = set()

    def take(self, record: Record) -> None:
        """Keep the files of one medium, and add what shows it to the row of its step."""
        body = record.body
        assert isinstance(body, Media)
        contents = [(file, self._open_file(file)) for file in (body.file, *body.attachments)]
        what = shown(body, contents[0][1])
        if what is not None and what.path is not None:
            size = body.file.size if what.content is None else len(what.content)
            self._keep(what.path, contents[0][1] if what.content is None else what.content, size)
        for file, path in contents[1:] if what is not None and what.is_exact else contents:
            self._keep(content_path(file.sha256), path, file.size)
        if what is not None:
            self._rows.take_media(record, what)

    def _keep(self, name: str, content: bytes | Path, size: int) -> None:
        if name in self._kept:
            return
        holder = self._run.holder
        if size < _ASK_FIRST or self._run.known is None or not holder.has(name, size):
            holder.keep(name, content)
        self._kept.add(name)
