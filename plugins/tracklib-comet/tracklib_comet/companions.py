"""Companions: every record of a run, whole and exact, as files beside what Comet shows of it.

They are assets named ``tracklib/records/<writer>-<first>-<last>.jsonl.gz``: a line that says whose records they are, and
where Comet has the artifacts among them, then one record a line, as in a journal. They are never rewritten, and records
that are sent again in other portions are known by their numbers.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tracklib.errors import BadValueError
from tracklib.model.codec import decode_tree, dumps, encode_tree, from_fields, loads, to_fields
from tracklib.model.records import Record
from tracklib.typing import JSON
from tracklib_comet.experiment import Upload, Viewing
from tracklib_comet.names import shown_path

__all__ = [
    "FOLDER",
    "Chunk",
    "asset_id",
    "file_tag",
    "in_order",
    "read_chunk",
    "read_chunks",
    "record_tag",
    "write_chunk",
]

FOLDER = "tracklib/records/"

_FORMAT = 1
_MAX_BYTES = 1 << 30
"""Bytes that a chunk may become when it is read; the sink writes a hundredth of that."""


@dataclass(slots=True)
class Chunk:
    """Records of one writer, in order.

    Attributes:
        places: Where Comet has the artifacts among them, by `record_tag`.
    """

    writer: str
    records: list[Record] = field(default_factory=list)
    places: dict[str, JSON] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file's name; a chunk that is written again has the same."""
        first, last = self.records[0].seq, self.records[-1].seq
        return f"{FOLDER}{shown_path(self.writer)}-{first:012}-{last:012}.jsonl.gz"


def record_tag(record: Record) -> str:
    """Return what a record is known by."""
    return f"{record.writer}-{record.seq:012}"


def file_tag(record: Record, number: int) -> str:
    """Return what the file of this number in a record is known by."""
    return f"{record_tag(record)}-{number}"


def asset_id(key: str, tag: str) -> str:
    """Return the id of an asset; one that is sent again has the same, as the SDK's random ones look."""
    return hashlib.sha256(f"{key}\0{tag}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def write_chunk(key: str, chunk: Chunk, scratch: Path) -> Upload:
    """Write a chunk to a file, and return how it goes to Comet."""
    head = {"format": _FORMAT, "writer": chunk.writer, "places": encode_tree(dict(chunk.places))}
    lines = [dumps(head), *(dumps(to_fields(record)) for record in chunk.records)]
    path = scratch / f"{asset_id(key, chunk.name)}.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n".join(line.rstrip(b"\n") for line in lines) + b"\n", 3, mtime=0))
    return Upload(asset_id(key, chunk.name), chunk.name, "asset", path, {"tracklib": "records"})


def read_chunk(content: IO[bytes]) -> Chunk:
    """Read what `write_chunk` wrote.

    Raises:
        BadValueError: It is no chunk, or a damaged one.
    """
    try:
        with gzip.open(content) as file:
            head, *lines = file.read(_MAX_BYTES).split(b"\n")[:-1]
        told = loads(head)
        writer, places = str(told["writer"]), decode_tree(told.get("places") or {})
        records = [from_fields(loads(line), writer) for line in lines] if told["format"] == _FORMAT else None
    except (OSError, EOFError, zlib.error, ValueError, TypeError, KeyError) as error:
        raise BadValueError(f"expected records, got what raised {type(error).__name__}: {error}") from error
    if records is None:
        raise BadValueError(f"expected records of format {_FORMAT}, got {told['format']!r}")
    return Chunk(writer, records, dict(places) if isinstance(places, Mapping) else {})


def read_chunks(view: Viewing, damaged: list[str]) -> Iterator[Chunk]:
    """Yield all chunks of an experiment; what is none is noted in ``damaged``."""
    for asset in view.assets():
        if asset.name.startswith(FOLDER) and asset.metadata.get("tracklib") == "records":
            content = view.opened(asset)
            if content is None:
                damaged.append(f"{asset.name} is gone")
                continue
            try:
                with content:
                    yield read_chunk(content)
            except BadValueError as error:
                damaged.append(f"{asset.name}: {error}")


def in_order(records: Iterable[Record]) -> list[Record]:
    """Return records by their times, each once."""
    once = {(record.writer, record.seq): record for record in records}
    return sorted(once.values(), key=lambda record: (record.time, record.writer, record.seq))
