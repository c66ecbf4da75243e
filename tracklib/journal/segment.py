"""The segment: how one line of a journal is sealed with its checksum, and opened again.

A line is one JSON object whose last member is ``"crc"``: eight hexadecimal digits of the CRC-32 (zlib's) of all bytes
of the line before ``,"crc":"``. The checksum starts from that of the writer's id, so that a line which strays into
another file is not believed there.
"""

from __future__ import annotations

import os
import time
import zlib
from typing import Any

from tracklib import platform
from tracklib.errors import CorruptJournalError
from tracklib.model.codec import loads
from tracklib.value import Value

__all__ = ["FORMAT", "Header", "new_writer_id", "seal", "seed_of", "unseal"]

FORMAT = "1.0"
"""Major and minor version of the format; a reader refuses another major one."""

_MARK = b',"crc":"'
_TAIL = len(_MARK) + 8 + 2  # the mark, eight digits, '"}'


def new_writer_id() -> str:
    """Return an id that sorts by time: ``20261123t201530-9f86d081``."""
    return f"{time.strftime('%Y%m%dt%H%M%S', time.gmtime())}-{os.urandom(4).hex()}"


def seed_of(writer: str) -> int:
    """Return where the checksums of a writer's lines start from."""
    return zlib.crc32(writer.encode())


def seal(json_object: bytes, seed: int) -> bytes:
    """Return the line for a JSON object."""
    body = json_object[:-1]
    return b'%b,"crc":"%08x"}\n' % (body, zlib.crc32(body, seed))


def unseal(line: bytes, seed: int) -> dict[str, Any] | None:
    """Return the object of a line without its checksum, or ``None`` where the line is damaged."""
    end = len(line) - (line[-1:] == b"\n")
    cut = end - _TAIL
    if cut <= 0 or line[cut : cut + len(_MARK)] != _MARK or line[end - 2 : end] != b'"}':
        return None
    body = line[:cut]
    if line[end - 10 : end - 2] != b"%08x" % zlib.crc32(body, seed):
        return None
    try:
        fields = loads(body + b"}")
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None


class Header(Value):
    """A segment's first line: which process wrote it, of which run.

    Attributes:
        role: ``main`` began the run; ``child`` was forked from it; ``observer`` watches one of these from outside;
            ``reaper`` ended it for a writer that is gone; ``intake`` brought in an artifact that was set aside.
        start: When the process started, in ticks since boot.
    """

    run: str
    project: str
    writer: str
    role: str = "main"
    host: str = ""
    boot: str = ""
    namespace: str = ""
    pid: int = 0
    start: str = ""
    created: int = 0
    format: str = FORMAT

    @classmethod
    def here(cls, run: str, project: str, writer: str, role: str = "main", *, pid: int | None = None) -> Header:
        """Return the header for this process, or for a child of it."""
        pid = os.getpid() if pid is None else pid
        return cls(
            run,
            project,
            writer,
            role,
            platform.host_name(),
            platform.boot_id(),
            platform.pid_namespace(),
            pid,
            platform.process_start(pid),
            time.time_ns(),
        )

    def fields(self) -> dict[str, object]:
        """Return the header as a JSON object."""
        return {"kind": "segment", **{name: getattr(self, name) for name in self.__slots__}}

    @classmethod
    def from_fields(cls, fields: dict[str, Any], where: str) -> Header:
        """Read what `fields` wrote.

        Raises:
            CorruptJournalError: It is of another major version, or no header.
        """
        version = str(fields.get("format", ""))
        if fields.get("kind") != "segment" or not version:
            raise CorruptJournalError(f"expected a journal's header as the first line of {where}, got another record")
        if version.partition(".")[0] != FORMAT.partition(".")[0]:
            raise CorruptJournalError(
                f"expected a journal of format {FORMAT.partition('.')[0]}.x, got {version} in {where}; "
                "install a newer tracklib to read it"
            )
        known = {name: fields[name] for name in cls.__slots__ if name in fields}
        numbers = {"pid", "created"}
        if not {"run", "project", "writer"} <= known.keys() or any(
            type(value) is not (int if name in numbers else str) for name, value in known.items()
        ):
            raise CorruptJournalError(f"expected a journal's header as the first line of {where}, got another record")
        return cls(**known)

    def is_local(self) -> bool:
        """Tell whether the writer ran on this machine, since its last start, in this process table."""
        return (self.boot, self.namespace, self.host) == (
            platform.boot_id(),
            platform.pid_namespace(),
            platform.host_name(),
        )
