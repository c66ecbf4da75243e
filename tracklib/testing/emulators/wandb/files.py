"""The files of a run as the read API shows them."""

from __future__ import annotations

import fnmatch
import hashlib
import mimetypes
from typing import Any

from tracklib.testing.emulators.blobs import md5
from tracklib.testing.emulators.wandb.connections import connection
from tracklib.testing.emulators.wandb.state import Run, encoded_id, iso
from tracklib.testing.emulators.wandb.world import World

__all__ = ["deleted", "file_node", "run_files"]


def run_files(
    world: World,
    run: Run,
    *,
    names: list[str] | None = None,
    pattern: str | None = None,
    first: int | None = None,
    after: str | None = None,
) -> dict[str, Any]:
    """Return the files of some names, or of a pattern in SQL's ``LIKE``; a name that is not there can be uploaded."""
    there = world.file_names(run)
    if pattern:
        there = [name for name in there if fnmatch.fnmatchcase(name, pattern.replace("%", "*").replace("_", "?"))]
    chosen = list(names) if names else there
    return connection(chosen, lambda name: file_node(world, world.file_key(run, name), name), first=first, after=after)


def file_node(world: World, key: str, name: str) -> dict[str, Any]:
    """Return the file of a key, whose size is 0 and whose md5 is null where nothing was uploaded."""
    content = world.blobs.get(key)
    url = world.storage_url(key)
    return {
        "__typename": "File",
        "id": encoded_id("File", key),
        "name": name,
        "displayName": name,
        "url": lambda upload=False: url,
        "directUrl": url,
        "uploadUrl": url,
        "uploadHeaders": [],
        "storagePath": key,
        "sizeBytes": len(content or b""),
        "mimetype": mimetypes.guess_type(name)[0],
        "updatedAt": iso(world.blobs.updated(key)),
        "md5": None if content is None else md5(content),
        "digest": None if content is None else hashlib.md5(content, usedforsecurity=False).hexdigest(),
    }


def deleted(world: World, ids: list[str]) -> dict[str, Any]:
    """Delete the files of some GraphQL ids."""
    by_id = {encoded_id("File", key): key for key in world.blobs.keys()}  # noqa: SIM118 - not a mapping
    for each in ids:
        if each in by_id:
            world.blobs.delete(by_id[each])
    return {"__typename": "DeleteFilesPayload", "success": all(each in by_id for each in ids)}
