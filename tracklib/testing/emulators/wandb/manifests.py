"""Manifests: which files an artifact holds, and where they are."""

from __future__ import annotations

import base64
from typing import Any

from tracklib.testing.emulators.exchange import loads
from tracklib.testing.emulators.wandb.connections import connection
from tracklib.testing.emulators.wandb.files import file_node
from tracklib.testing.emulators.wandb.state import Artifact, encoded_id
from tracklib.testing.emulators.wandb.world import World

__all__ = ["content_key", "entries", "files", "manifest_file", "manifest_node"]


def content_key(digest: str) -> str:
    """Return the key of a file's content; contents are held once, by their base64 MD5."""
    return f"artifacts/md5/{base64.b64decode(digest).hex()}"


def entries(world: World, artifact: Artifact) -> dict[str, dict[str, Any]]:
    """Return the entries of the current manifest by path: ``digest``, ``size``, and ``ref`` of a reference."""
    key = artifact.manifests.get(artifact.manifest or "")
    content = world.blobs.get(key) if key else None
    return dict(loads(content)["contents"]) if content else {}


def manifest_file(world: World, manifest: str, key: str) -> dict[str, Any]:
    """Return a manifest as a mutation shows it: with the address that it is uploaded to."""
    return {
        "__typename": "ArtifactManifest",
        "id": manifest,
        "file": {**file_node(world, key, "wandb_manifest.json"), "id": encoded_id("ManifestFile", manifest)},
    }


def manifest_node(world: World, artifact: Artifact) -> dict[str, Any] | None:
    """Return the current manifest, or None before there is one."""
    if artifact.manifest is None:
        return None
    return manifest_file(world, artifact.manifest, artifact.manifests[artifact.manifest])


def files(
    world: World, artifact: Artifact, names: list[str] | None, first: int | None, after: str | None
) -> dict[str, Any]:
    """Return a page of the files; references, which are elsewhere, are not among them."""
    held = {name: entry for name, entry in entries(world, artifact).items() if not entry.get("ref")}
    chosen = [name for name in held if not names or name in names]
    return connection(
        chosen, lambda name: file_node(world, content_key(held[name]["digest"]), name), first=first, after=after
    )
