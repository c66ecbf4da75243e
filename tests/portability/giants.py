"""Giants: a line, a record or a value of a size that no program writes, put into the run of a place on this disk."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

from tracklib.journal.layout import encode_name
from tracklib.model.run import RunInfo

__all__ = ["GIANTS", "SIZE"]

SIZE = 130 << 20
"""More than any source holds in memory at a time."""

_PIECE = b"x" * (1 << 20)


def _insert(path: Path, at: int, *, between: bytes = b"") -> None:
    """Put zeros, which take no room on the disk, before what stands behind a place in a file."""
    content = path.read_bytes()
    with path.open("wb") as file:
        file.write(content[:at] + between)
        file.seek(SIZE, os.SEEK_CUR)
        file.write(content[at:])


def _line(path: Path) -> None:
    """Make a line of zeros of what stands between the second line and the third."""
    lines = path.read_bytes().splitlines(keepends=True)
    _insert(path, len(b"".join(lines[:2])), between=b"")
    with path.open("r+b") as file:
        file.seek(SIZE + len(b"".join(lines[:2])) - 1)
        file.write(b"\n")


def _journal(place: Path, run: RunInfo) -> None:
    (path,) = place.glob(f"digits/{encode_name(run.id)}/journal/*.jsonl")
    _line(path)


def _mlruns(place: Path, run: RunInfo) -> None:
    (path,) = place.glob(f"*/{run.id}/metrics/loss")
    _line(path)


def _param(place: Path, run: RunInfo) -> None:
    (path,) = place.glob(f"*/{run.id}/params/lr")
    os.truncate(path, SIZE)


def _comet(place: Path, run: RunInfo) -> None:
    (path,) = place.glob(f"{run.place}.zip")
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    first, _, rest = held["messages.json"].partition(b"\n")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in held.items():
            if name != "messages.json":
                archive.writestr(name, content)
        with archive.open("messages.json", "w", force_zip64=True) as file:
            file.write(first + b"\n")
            for _ in range(SIZE // len(_PIECE)):
                file.write(_PIECE)
            file.write(b"\n" + rest)


def _wandb(place: Path, run: RunInfo) -> None:
    """Append a record of pieces that go on and on, each with the right checksum."""
    (path,) = place.glob(f"**/wandb/offline-run-*-{run.id}/run-{run.id}.wandb")
    size = path.stat().st_size
    with path.open("ab") as file:
        file.write(bytes(-size % 32_768))
        for number in range(SIZE // 32_768):
            body = bytes([2 if number == 0 else 3 if number < SIZE // 32_768 - 1 else 4]) + bytes(32_761)
            file.write(struct.pack("<IH", zlib.crc32(body), 32_761) + body)


def _claim(place: Path, run: RunInfo) -> None:
    """Append a record whose content says that it has 2 GB."""
    (path,) = place.glob(f"**/offline-run-*-{run.id}/run-{run.id}.wandb")
    body = b"\x01\x12" + b"\x80\x80\x80\x80\x08"
    with path.open("ab") as file:
        file.write(bytes(-path.stat().st_size % 32_768))
        file.write(struct.pack("<IH", zlib.crc32(body), len(body) - 1) + body)


def _text(place: Path, run: RunInfo) -> None:
    """Write one more part, with a text in it."""
    import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow has no types
    import pyarrow.parquet as pq  # type: ignore[import-untyped]  # pyarrow has no types

    (path,) = place.rglob(f"{run.id}-*_part_2.parquet")
    schema = pq.read_schema(path)
    row = {"project_id": "team/digits", "run_id": run.id, "attribute_path": "note", "attribute_type": "string"}
    table = pa.Table.from_pylist([{**row, "string_value": "x" * SIZE}], schema)
    pq.write_table(table, str(path).replace("_part_2", "_part_3"), compression="snappy")


def _manifest(place: Path, run: RunInfo) -> None:
    (path,) = [path for path in place.glob("commits/*.json") if f'"id":"{run.id}"'.encode() in path.read_bytes()]
    _insert(path, 0)


GIANTS: Mapping[str, tuple[str, Callable[[Path, RunInfo], None]]] = {
    "a journal's line": ("local", _journal),
    "a line of a metric": ("mlflow-folder", _mlruns),
    "a param": ("mlflow-folder", _param),
    "a message in a zip": ("comet-folder", _comet),
    "a record of a log": ("wandb-folder", _wandb),
    "a record that claims to be one": ("wandb-folder", _claim),
    "a text in a table": ("neptune", _text),
    "a bundle's commit": ("bundle", _manifest),
}
"""Each with its kind of place, and what puts it there."""
