"""The store: what a bundle asks of the place where it lies."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from tracklib.errors import RejectedError
from tracklib.model.codec import LONGEST

__all__ = ["Held", "Store", "digest_of", "put", "small"]

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Held:
    """A file that a store holds.

    Attributes:
        modified: Seconds since the epoch.
    """

    path: str
    size: int
    modified: float


class Store(Protocol):
    """Files by their paths within a bundle; each appears whole, or not at all.

    Every method raises `FileNotFoundError` where the file is not there, and `NoRoomError`, `AuthError`, `ConfigError` or
    `TransientError` where the place does not do what is asked.
    """

    def read(self, path: str, /) -> bytes:
        """Return the content of a small file.

        Raises:
            RejectedError: It is not small.
        """
        ...

    def open(self, path: str, /) -> BinaryIO:
        """Open a file to be read."""
        ...

    def local(self, path: str, /) -> AbstractContextManager[Path]:
        """Lend a file as one of this machine."""
        ...

    def size(self, path: str, /) -> int | None:
        """Return the size of a file; ``None`` where it is not there."""
        ...

    def write(self, path: str, content: bytes, /) -> None:
        """Write a small file, over another one of the name."""
        ...

    def upload(self, source: Path, path: str, /) -> None:
        """Write a file of this machine, over another one of the name."""
        ...

    def list(self, folder: str, /) -> Iterator[Held]:
        """Yield all files below a folder, which need not be there."""
        ...

    def remove(self, path: str, /) -> None:
        """Remove a file, which may be gone already."""
        ...


def small(file: BinaryIO, path: str) -> bytes:
    """Return what stands in a file that is to be held in memory.

    Raises:
        RejectedError: It is larger than anything of its kind.
    """
    content = file.read(LONGEST + 1)
    if len(content) > LONGEST:
        raise RejectedError(f"damaged: {path} has more than {LONGEST >> 20} MB")
    return content


def digest_of(path: Path) -> tuple[str, int]:
    """Return the SHA-256 and the size of a file."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def put(store: Store, source: Path, path: str, *, trusts: bool) -> None:
    """Upload a file, unless it is there.

    Args:
        trusts: One that is there, of the same size, is the same; else it is read to see.
    """
    if store.size(path) == source.stat().st_size:
        if trusts:
            return
        with store.local(path) as held:
            if digest_of(held) == digest_of(source):
                return
    store.upload(source, path)
