"""`Made`: contents that no file of the export holds, such as a text of a series, kept for whoever asks soon after."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from tracklib.model.records import FileRef

__all__ = ["Made"]

_ROOM = 64 << 20


class Made:
    """Makes files of contents, and remembers the latest ones."""

    def __init__(self, room: int = _ROOM) -> None:
        self._room = room
        self._size = 0
        self._contents: OrderedDict[str, bytes] = OrderedDict()

    def file(self, path: str, content: bytes) -> FileRef:
        """Return a content as a file."""
        digest = hashlib.sha256(content).hexdigest()
        if digest not in self._contents:
            self._contents[digest] = content
            self._size += len(content)
            while self._size > self._room and len(self._contents) > 1:
                self._size -= len(self._contents.popitem(last=False)[1])
        return FileRef(path, len(content), digest)

    def content(self, sha256: str) -> bytes | None:
        """Return a content that is remembered."""
        return self._contents.get(sha256)
