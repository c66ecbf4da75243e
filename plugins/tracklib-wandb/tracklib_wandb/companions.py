"""Companions: whole records, exact, where W&B has no place for them or none that is exact.

They travel in chunks that are never rewritten: in the mark of a row (`tracklib_wandb.rows`) where a row is due anyway, so
that both are held or neither is, else as files of the run, ``tracklib/<writer>-<first>-<last>.z``. The contents of files
that W&B has no form for, or changes, are ``tracklib/files/<sha256>``.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterable, Sequence

from tracklib.errors import BadValueError
from tracklib.model.codec import dumps, from_fields, loads, to_fields
from tracklib.model.records import Record

__all__ = [
    "FOLDER",
    "by_writer",
    "chunk_end",
    "chunk_path",
    "chunk_writer",
    "content_path",
    "read_chunk",
    "write_chunk",
]

FOLDER = "tracklib/"
_CHUNK = re.compile(r"tracklib/([^/]+)-\d{12,}-(\d{12,})\.z")
_WRITER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LARGEST = 256 << 20
"""No chunk is that large: what claims to be would only fill the memory."""


def chunk_path(records: Sequence[Record]) -> str:
    """Return where whole records of one writer stand; those that are sent again have the same place."""
    first, last = records[0], records[-1]
    return f"{FOLDER}{chunk_writer(first.writer)}-{first.seq:012}-{last.seq:012}.z"


def chunk_writer(writer: str) -> str:
    """Return what the names of a writer's chunks call it."""
    if _WRITER.fullmatch(writer):
        return writer
    return hashlib.sha256(dumps({"writer": writer})).hexdigest()[:24]


def content_path(sha256: str) -> str:
    """Return where the content of a file stands."""
    return f"{FOLDER}files/{sha256}"


def chunk_end(path: str) -> tuple[str, int] | None:
    """Return whose records a file of the run holds, and up to which; ``None`` where it holds none."""
    found = _CHUNK.fullmatch(path)
    return (found[1], int(found[2])) if found else None


def by_writer(records: Iterable[Record]) -> list[list[Record]]:
    """Return records by their writers, in order."""
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(record.writer, []).append(record)
    return list(found.values())


def write_chunk(records: Iterable[Record]) -> bytes:
    """Return whole records, exactly."""
    parts = [{"writer": own[0].writer, "records": list(map(to_fields, own))} for own in by_writer(records)]
    return zlib.compress(dumps({"parts": parts}), 6)


def read_chunk(content: bytes) -> list[Record]:
    """Return what `write_chunk` was given.

    Raises:
        BadValueError: It is no chunk.
    """
    try:
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(content, _LARGEST)
        if unpacker.unconsumed_tail or not unpacker.eof:
            raise BadValueError("expected whole records beside a W&B run, got a part, or what unpacks without end")
        parts = loads(text)["parts"]
        return [from_fields(fields, part["writer"]) for part in parts for fields in part["records"]]
    except (zlib.error, ValueError, TypeError, KeyError) as error:
        raise BadValueError(f"expected records beside a W&B run, got what raised {type(error).__name__}") from error
