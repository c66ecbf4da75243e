"""The contents of files, by key: in memory, or in a folder that outlives the process."""

from __future__ import annotations

import base64
import hashlib
import time
from pathlib import Path
from urllib.parse import quote, unquote

__all__ = ["Blobs", "md5"]


class Blobs:
    """Contents by key."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._memory: dict[str, bytes] = {}
        self._times: dict[str, float] = {}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def put(self, key: str, content: bytes) -> None:
        """Hold a content, in the place of what the key held."""
        self._times[key] = time.time()
        if self._folder is None:
            self._memory[key] = content
            return
        (self._folder / _name(key)).write_bytes(content)
        (self._folder / f"{_name(key)}.key").write_text(quote(key, safe="/"), encoding="ascii")

    def get(self, key: str) -> bytes | None:
        """Return a content, or None."""
        if self._folder is None:
            return self._memory.get(key)
        path = self._folder / _name(key)
        return path.read_bytes() if path.exists() else None

    def delete(self, key: str) -> None:
        """Forget a content."""
        self._memory.pop(key, None)
        if self._folder is not None:
            for name in (_name(key), f"{_name(key)}.key"):
                (self._folder / name).unlink(missing_ok=True)

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys that begin with a text, sorted."""
        found = set(self._memory)
        if self._folder is not None:
            found = {unquote(path.read_text(encoding="ascii")) for path in self._folder.glob("*.key")}
        return sorted(key for key in found if key.startswith(prefix))

    def updated(self, key: str) -> float:
        """Return when a content was put, in seconds since 1970."""
        return self._times.get(key, 0.0)

    def __contains__(self, key: str) -> bool:
        """Whether there is a content under a key."""
        return self.get(key) is not None


def md5(content: bytes) -> str:
    """Return the base64 of a content's MD5, by which object stores know it."""
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def _name(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
