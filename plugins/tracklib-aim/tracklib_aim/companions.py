"""Companions: what Aim has no place for, among a run's own data, under a key that Aim never looks at.

They lie in the run's database of sequences, below ``seqs/chunks/<hash>/tracklib``, so that they are copied, moved and
deleted with the run, and no index grows by them:

- ``records/<writer>-<first>-<last>``: whole records (starts, artifacts, console output, kinds from the future);
- ``labels``, ``params``: the exact form of tags, notes, summary and params, where Aim's own says less;
- ``files/<sha256>/<n>``: the content of files, in pieces.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Any

from tracklib.errors import BadValueError
from tracklib.model.codec import decode_tree, dumps, encode_tree, from_fields, loads, to_fields
from tracklib.model.records import Record
from tracklib_aim.database import Database, Operation, Path, put

__all__ = ["LABELS", "PARAMS", "chunk_key", "document", "read_document", "read_records", "records_operation", "root"]

LABELS, PARAMS = "labels", "params"
_RECORDS = "records"


def root(run_hash: str) -> Path:
    """Return where the companions of a run are."""
    return ("seqs", "chunks", run_hash, "tracklib")


def chunk_key(writer: str, first: int, last: int) -> str:
    """Return the key of what the records ``first`` to ``last`` of a writer had to say; a resend has the same."""
    return f"{writer}-{first:012}-{last:012}"


def records_operation(run_hash: str, records: list[Record]) -> Operation:
    """Return the write of whole records of one writer."""
    key = chunk_key(records[0].writer, records[0].seq, records[-1].seq)
    content = dumps({"writer": records[0].writer, "records": [to_fields(record) for record in records]})
    return put((*root(run_hash), _RECORDS, key), zlib.compress(content, 1))


def read_records(database: Database, run_hash: str) -> Iterator[Record]:
    """Yield the whole records, writer by writer in their order, each once.

    Raises:
        BadValueError: A companion is damaged.
    """
    seen: dict[str, int] = {}
    for _, content in database.items((*root(run_hash), _RECORDS)):
        for record in _records(content):
            if record.seq > seen.get(record.writer, 0):
                seen[record.writer] = record.seq
                yield record


def _records(content: bytes) -> Iterable[Record]:
    try:
        fields = loads(zlib.decompress(content))
        return [from_fields(item, fields["writer"]) for item in fields["records"]]
    except (zlib.error, ValueError, TypeError, KeyError) as error:
        raise BadValueError(f"expected records beside an Aim run, got what raised {type(error).__name__}") from error


def document(run_hash: str, name: str, value: Any) -> Operation:
    """Return the write of a small tree, exact in every value."""
    return put((*root(run_hash), name), dumps({"value": encode_tree(value)}))


def read_document(database: Database, run_hash: str, name: str) -> Any:
    """Return a small tree; an empty one where there is none."""
    content = database.get((*root(run_hash), name))
    return decode_tree(loads(content)["value"]) if isinstance(content, bytes) else {}
