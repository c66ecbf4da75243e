"""Parts: the Parquet files of a run, written batch by batch, and read only when their checksum is right."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow has no types
import pyarrow.parquet as pq  # type: ignore[import-untyped]  # pyarrow has no types

from tracklib.errors import RejectedError
from tracklib.portability.bundle.entry import Part, Table
from tracklib.portability.bundle.schema import TABLES
from tracklib.portability.bundle.store import Store, digest_of

__all__ = ["PartWriter", "read_part"]

_ROWS = 1 << 16
_LARGEST_GROUP = 2 << 30
"""Bytes of a row group before it was compressed; tracklib's own are a hundredth of that."""


class PartWriter:
    """One part while it grows.

    Attributes:
        path: Where it is written at present.
        rows: How many it holds so far.
    """

    def __init__(self, table: Table, path: Path, first: int) -> None:
        self.path = path
        self.rows = 0
        self.load = 0
        self._table = table
        self._first = first
        schema = TABLES[table]
        words = [field.name for field in schema if pa.types.is_dictionary(field.type)]
        rising = {name: "DELTA_BINARY_PACKED" for name in ("n", "seq", "time") if name in schema.names}
        self._writer = pq.ParquetWriter(
            path,
            schema,
            version="2.6",
            compression="zstd",
            use_dictionary=words,
            column_encoding=rising,
            write_page_checksum=True,
        )

    def add(self, batch: pa.RecordBatch) -> None:
        """Write a batch as a row group."""
        self._writer.write_batch(batch, row_group_size=max(len(batch), 1))
        self.rows += len(batch)
        self.load += batch.nbytes

    def finish(self, folder: str) -> Part:
        """Close the file, and return it as a part of the run whose folder this is."""
        self._writer.close()
        sha256, size = digest_of(self.path)
        path = f"{folder}/{self._table}-{self._first:012d}-{sha256[:16]}.parquet"
        return Part(self._table, path, self._first, self.rows, size, sha256)


def read_part(store: Store, part: Part, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a part, having checked all of it.

    Raises:
        RejectedError: It is missing, altered, or of another schema.
    """
    with _checked(store, part) as path:
        try:
            # By default all of a part is taken into memory before its first row: that is for files far away, and this one is
            # here. It took 40 MB more, and no less time.
            with pq.ParquetFile(path, pre_buffer=False) as file:
                _check(file, part, columns)
                yield from file.iter_batches(_ROWS, columns=columns)
        except (pa.ArrowException, OSError) as error:
            raise RejectedError(f"{part.path} is no table that can be read: {error}") from error


@contextmanager
def _checked(store: Store, part: Part) -> Iterator[Path]:
    try:
        with store.local(part.path) as path:
            if (found := digest_of(path)) != (part.sha256, part.size):
                digest, size = found
                raise RejectedError(
                    f"{part.path} is altered: expected {part.size} bytes with the digest {part.sha256[:12]}, "
                    f"got {size} with {digest[:12]}"
                )
            yield path
    except FileNotFoundError as error:
        raise RejectedError(f"{part.path} is missing") from error


def _check(file: pq.ParquetFile, part: Part, columns: list[str]) -> None:
    """Check that a part has the columns, each of its type, and as many rows as the manifest says."""
    schema, found = TABLES[part.table], file.schema_arrow
    for name in columns:
        wanted = schema.field(name).type
        got = found.field(name).type if found.names.count(name) == 1 else None
        if got != wanted:
            raise RejectedError(f"{part.path}: expected a column {name} of {wanted}, got {got or 'none'}")
    if file.metadata.num_rows != part.rows:
        raise RejectedError(f"{part.path}: expected {part.rows} rows, got {file.metadata.num_rows}")
    for group in range(file.metadata.num_row_groups):
        if file.metadata.row_group(group).total_byte_size > _LARGEST_GROUP:
            raise RejectedError(f"{part.path}: row group {group} is too large to be read")
