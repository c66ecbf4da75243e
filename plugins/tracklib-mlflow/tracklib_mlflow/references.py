"""References: what an artifact names and does not hold, as a file that people find beside its files."""

from __future__ import annotations

import json

from tracklib.model.records import Artifact

__all__ = ["LISTED", "listing"]

LISTED = "~references.json"
"""The file's name, which no file of an artifact can have: its ``~`` would be escaped."""


def listing(artifact: Artifact) -> bytes:
    """Return an artifact's references as JSON; they are read back from the companion, not from here."""
    items = [{"path": r.path, "url": r.url, "size": r.size, "digest": r.digest} for r in artifact.references]
    return (json.dumps(items, indent=2) + "\n").encode()
