"""Intake: artifacts that were set aside are taken into the blobs, and recorded."""

from __future__ import annotations

import errno
from dataclasses import replace
from typing import Any

from tracklib.errors import BadValueError, NoRoomError
from tracklib.journal.blobs import BlobStore, Kept
from tracklib.journal.layout import Root, RunFolder
from tracklib.journal.segment import Header
from tracklib.journal.staging import Staged
from tracklib.journal.whole_segment import place_segment
from tracklib.model.records import Body, FileRef, Notice, Record

__all__ = ["take_in"]

_TRIES = 3
"""Times that a file is copied which changes under the copying."""

_MAX_NOTICES = 1000
_FULL = (errno.ENOSPC, errno.EDQUOT)


def take_in(root: Root, folder: RunFolder, item: Staged) -> None:
    """Take an artifact in: copy what is linked, hash all, record it in a segment of its own, and clear it away.

    It may be broken off anywhere and done again: what is done is written down, and one record comes of it. Where the
    disk has no room, nothing is kept, and a notice says so; a file that changed, or is lost, is named likewise.

    Raises:
        OSError: The run's own folder cannot be written.
    """
    if not (folder.journal / f"{item.id}.jsonl").exists():
        bodies = _bodies(root, item)
        header = Header.here(item.run, item.project, item.id, "intake")
        records = [Record(item.id, seq, item.time + seq - 1, body) for seq, body in enumerate(bodies, 1)]
        place_segment(folder, header, records)
    item.remove()


def _bodies(root: Root, item: Staged) -> list[Body]:
    blobs = BlobStore(root, item.reserve)
    name = item.artifact.name
    done = item.progress()
    try:
        for number in range(len(item.files)):
            if number not in done:
                done[number] = _take(blobs, item, number)
                item.note(number, **done[number])
                if item.files[number].how != "path":
                    item.content(number).unlink(missing_ok=True)
    except (NoRoomError, OSError) as error:
        return [Notice("dropped", f"artifact {name!r} of {len(item.files)} files: {error}")]
    files = tuple(
        FileRef(file.path, done[number]["size"], done[number]["sha256"])
        for number, file in enumerate(item.files)
        if "sha256" in done[number]
    )
    return [replace(item.artifact, files=files), *_notices(item, done)]


def _take(blobs: BlobStore, item: Staged, number: int) -> dict[str, Any]:
    """Take one file in; return what came of it.

    Raises:
        NoRoomError: Less than the reserve would stay free.
        OSError: The disk does not take it.
    """
    file, content = item.files[number], item.content(number)
    try:
        if content.is_symlink():
            return {"lost": "a link has taken its place"}
        kept = blobs.link_in(content) if file.how == "clone" else _copied(blobs, item, number)
    except BadValueError:
        return {"lost": "it kept changing while it was copied"}
    except OSError as error:
        if error.errno in _FULL:
            raise
        return {"lost": error.strerror or str(error)}
    is_changed = file.how != "clone" and (kept.size, kept.modified) != (file.size, file.modified)
    return {"size": kept.size, "sha256": kept.sha256, **({"changed": True} if is_changed else {})}


def _copied(blobs: BlobStore, item: Staged, number: int) -> Kept:
    for _ in range(_TRIES - 1):
        try:
            return blobs.copy_in(item.content(number))
        except BadValueError:
            continue
    return blobs.copy_in(item.content(number))


def _notices(item: Staged, done: dict[int, dict[str, Any]]) -> list[Notice]:
    """Return a notice for each file that is not what it was at the call."""
    found = []
    for number, file in enumerate(item.files):
        head = f"artifact {item.artifact.name!r}:"
        if lost := done[number].get("lost"):
            found.append(Notice("dropped", f"{head} left out {file.path}, which could not be copied: {lost}"))
        elif done[number].get("changed"):
            text = "changed between the call and its copying, and is kept as it was then; copy='now' waits for it"
            found.append(Notice("changed", f"{head} {file.path} {text}"))
    if len(found) > _MAX_NOTICES:
        more = len(found) - _MAX_NOTICES
        found[_MAX_NOTICES:] = [Notice("dropped", f"artifact {item.artifact.name!r}: {more} more files", more)]
    return found
