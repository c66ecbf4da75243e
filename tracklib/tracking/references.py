"""References: artifacts whose files stay where they are."""

from __future__ import annotations

import re
from urllib.parse import unquote

from tracklib.model.records import Reference
from tracklib.tracking.artifacts import Found

__all__ = ["is_address", "name_at", "to_address", "to_files"]

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://.")  # two letters at least: C:\ is a path


def is_address(path: object) -> bool:
    """Tell whether something is an address, such as ``s3://bucket/key``, and no path."""
    return isinstance(path, str) and _ADDRESS.match(path) is not None


def to_address(url: str) -> Reference:
    """Return the reference to what lies at an address, which is not asked anything."""
    return Reference(name_at(url), url)


def name_at(url: str) -> str:
    """Return the last part of an address that is a name."""
    # Not urlsplit, which takes the brackets of a redacted password for an IPv6 address.
    host, *parts = re.split(r"[?#]", url.partition("://")[2])[0].split("/")
    names = [host.rpartition("@")[2].partition(":")[0], *map(unquote, parts)]
    plain = [name for name in names if name not in ("", ".", "..") and "/" not in name]
    return plain[-1] if plain else "content"


def to_files(found: Found) -> tuple[Reference, ...]:
    """Return references to the files of this machine, with their sizes; nothing is read."""
    return tuple(Reference(file.path, file.place.as_uri(), file.size) for file in found.files)
