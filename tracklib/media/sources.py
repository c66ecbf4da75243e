"""Sources: content that is encoded already, in a file, in bytes, or in something that is read."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tracklib.errors import BadValueError

__all__ = ["is_encoded", "opened", "settled", "source"]


def is_encoded(value: object) -> bool:
    """Tell whether a value is a path, bytes, or an open file."""
    return isinstance(value, (str, os.PathLike, bytes, bytearray, memoryview, io.IOBase))


def settled(value: object) -> object:
    """Return what can be read only once, an open file or an iterator, as what it holds; all else as it is.

    Raises:
        BadValueError: A file was opened for text.
    """
    if isinstance(value, io.IOBase):
        return source(value)
    return list(value) if isinstance(value, Iterator) else value


def source(value: object) -> bytes | Path:
    """Return bytes as they are, what an open file holds, or the path of a file that is there.

    Raises:
        BadValueError: There is no file at the path.
        OSError: It cannot be read.
    """
    if isinstance(value, (str, os.PathLike)):
        path = Path(os.fsdecode(value))
        if not path.is_file():
            raise BadValueError(f"expected a file, got {'a folder' if path.is_dir() else 'nothing'} at {path}")
        return path
    if isinstance(value, io.BytesIO):
        return value.getvalue()
    if isinstance(value, io.IOBase):
        content = value.read()
        if not isinstance(content, bytes):
            raise BadValueError("expected a file that was opened for reading bytes, got one for text; open it as 'rb'")
        return content
    assert isinstance(value, (bytes, bytearray, memoryview))
    return bytes(value)


def opened(content: bytes | Path) -> BinaryIO:
    """Open a content for reading."""
    return io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")
