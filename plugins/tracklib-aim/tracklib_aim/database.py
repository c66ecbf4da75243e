"""`Database`: one of the two databases of a run, a tree of values, written in batches that are whole or not at all.

Aim's own calls write each value by itself, with a deletion before it, and over ``aim://`` through a queue whose thread
ends at the first fault, after which its users wait for ever. Here a batch is one atomic, synced write of RocksDB, or one
message of the server's, answered before this goes on.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from tracklib_aim.surroundings import sdk

__all__ = ["Database", "Operation", "Path", "put", "replace"]

Path: TypeAlias = "tuple[str | int, ...]"

_INSTRUCTIONS = 100
"""In one message: the server's time to take one apart grows with the square of its parts (measured with 3.29)."""

_BYTES = 4 << 20
"""Of values in one message, about: the server handles nobody else meanwhile."""


_RESERVE = 8 << 20
"""Bytes that stay free on the disk, for what RocksDB and SQLite write beside a batch (with 3.29, closing a database whose
disk was full waited for ever)."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One write.

    Attributes:
        kind: ``put`` sets what is new, or a leaf over a leaf; ``replace`` sets a tree over whatever was there, and leaves
            RocksDB a deletion, some thousands of which make every reader slow; ``array`` begins one.
    """

    kind: Literal["put", "replace", "array"]
    path: Path
    value: Any = None


def put(path: Path, value: Any) -> Operation:
    """Return the write of what is new, or of a leaf over a leaf."""
    return Operation("put", path, value)


def replace(path: Path, value: Any) -> Operation:
    """Return the write of a tree over whatever was there."""
    return Operation("replace", path, value)


class Database:
    """A run's ``meta`` or ``seqs``, opened in this process or at a server."""

    def __init__(
        self, repo: Any, name: str, run_hash: str, *, writes: bool, see: Callable[[str], None] | None = None
    ) -> None:
        """Open it.

        Args:
            see: Called with the hash each time before it is opened. One that is gone must not be: it would leave an empty
                folder there, and with it an empty run in every list.
        """
        self._encoding = sdk("aim.storage.encoding")
        self._treeutils = sdk("aim.storage.treeutils")
        self._client = repo._client  # noqa: SLF001  the SDK's way to the server has no public name
        options = {"read_only": not writes, "skip_read_optimization": True}  # the optimization would write

        def request() -> Any:
            if see is not None:
                see(run_hash)
            return repo.request_tree(name, run_hash, **options)

        self._request: Callable[[], Any] = request
        self._home = str(repo.path)
        self._opened: Any = self._request()

    @property
    def _tree(self) -> Any:
        if self._opened is None:
            self._opened = self._request()
        return self._opened

    def rest(self) -> None:
        """Let go of the database until it is used again.

        What was opened for reading shows what was there then, and a server gives all readers the same one.
        """
        if self._client is not None and self._opened is not None:
            self._opened._resources.close()  # noqa: SLF001  the SDK leaves this to the garbage collector
        self._opened = None

    def get(self, path: Path, default: Any = None) -> Any:
        """Return the tree or leaf at a path."""
        try:
            return self._tree.collect(path)
        except KeyError:
            return default

    def items(self, path: Path) -> Iterator[tuple[Any, Any]]:
        """Yield what stands directly below a path."""
        try:
            yield from self._tree.items(path) if self._client is None else self._tree.items_eager(path)
        except (KeyError, StopIteration):
            return

    def keys(self, path: Path) -> list[Any]:
        """Return the keys directly below a path."""
        try:
            found = self._tree.subtree(path).keys() if self._client is None else self._tree.keys_eager(path)
            return list(found)
        except (KeyError, StopIteration):
            return []

    def write(self, operations: Sequence[Operation]) -> None:
        """Write a batch; on return, the disk or the server has it."""
        if not operations:
            return
        if self._client is None:
            self._write_here(operations)
        else:
            self._write_there(operations)

    def _write_here(self, operations: Sequence[Operation]) -> None:
        self._see_room(operations)
        container = self._tree.container
        batch = container.batch()
        for operation in operations:
            key = self._encoding.encode_path(operation.path)
            if operation.kind == "array":
                container.set(key, self._array_flag(), store_batch=batch)
                continue
            if operation.kind == "replace":
                container.delete_range(key, key + b"\xff", store_batch=batch)
            for inner, value in self._treeutils.encode_tree(operation.value):
                container.set(key + inner, value, store_batch=batch)
        container.db.write(batch, sync=True)

    def _see_room(self, operations: Sequence[Operation]) -> None:
        """See that there is room for a batch, which is written twice; a RocksDB that met a full disk never lets go of it."""
        load = sum(len(item.value) for item in operations if isinstance(item.value, (bytes, str)))
        if shutil.disk_usage(self._home).free < 2 * load + _RESERVE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._home)

    def _array_flag(self) -> bytes:
        flag: bytes = self._encoding.encode(sdk("aim.storage.utils").ArrayFlag)
        return flag

    def _write_there(self, operations: Sequence[Operation]) -> None:
        handler = self._tree._handler  # noqa: SLF001  as above
        message: list[tuple[str, str, tuple[Any, ...]]] = []
        size = 0
        for operation in operations:
            if operation.kind == "array":
                message.append((handler, "make_array", (operation.path,)))
            else:
                message.append((handler, "__setitem__", (operation.path, operation.value)))
            size += len(operation.value) if isinstance(operation.value, (bytes, str)) else 0
            if size > _BYTES or len(message) >= _INSTRUCTIONS:
                self._send(message)
                message, size = [], 0
        if message:
            self._send(message)

    def _send(self, message: list[tuple[str, str, tuple[Any, ...]]]) -> None:
        packed = list(self._treeutils.encode_tree(message))
        self._client._run_write_instructions(packed)  # noqa: SLF001  the queue around it would hide its faults

    def copy_into(self, index: Any, gone: Path) -> None:
        """Copy everything into the tree of an index.

        Args:
            gone: What is removed from the index before, if any: Aim's own copying never removes anything.
        """
        if gone and self._client is None:
            del index[gone]
        elif gone:
            self._send([(index._handler, "__delitem__", (gone,))])  # noqa: SLF001  as above
        self._tree.finalize(index=index)
