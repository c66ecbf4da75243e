"""`.wandb` logs: the file that a run writes on its machine, read record by record, however it was cut off.

The format was learnt from files that wandb 0.27 to 0.31 wrote: a header of 7 bytes, then blocks of 32,768 bytes with
records as LevelDB's log has them, each with a CRC-32 of its type and body. Payloads are messages of wandb's own
``wandb_internal.proto``.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tracklib.errors import RejectedError

__all__ = ["Damage", "payloads", "records"]

_BLOCK = 32_768
_HEADER = struct.Struct("<4sHB")
_MAGIC = (b":W&B", 0xBEE1)
_PIECE = struct.Struct("<IHB")
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_MAX_PAYLOAD = 128 << 20
"""No SDK writes one this large; what claims to be is damage, and would not fit in memory."""


@dataclass(slots=True)
class Damage:
    """What of a log could not be believed.

    Attributes:
        records: How many records are damaged, or lost a part.
        torn: How many bytes at the end are no whole record: of a run that goes on, or was cut off.
    """

    records: int = 0
    torn: int = 0


def records(path: Path, damage: Damage) -> Iterator[tuple[int, bytes]]:
    """Yield each record of a log as its kind, a number of `KIND`, and the message of that kind.

    Raises:
        RejectedError: It is no such log, or cannot be read.
    """
    for payload in payloads(path, damage):
        try:
            found = _kind(payload)
        except (IndexError, ValueError):
            found = None
        if found is None:
            damage.records += 1
        else:
            yield found


def payloads(path: Path, damage: Damage) -> Iterator[bytes]:
    """Yield what stands in each sound record.

    Raises:
        RejectedError: It is no such log, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            _check_header(path, file.read(_HEADER.size))
            yield from _joined(file, damage)
    except OSError as error:
        raise RejectedError(f"{path} cannot be read: {error}") from error


def _check_header(path: Path, head: bytes) -> None:
    if len(head) < _HEADER.size:
        raise RejectedError(f"{path} is no W&B log: it has {len(head)} bytes")
    magic, number, version = _HEADER.unpack(head)
    if (magic, number) != _MAGIC:
        raise RejectedError(f"{path} is no W&B log: it begins with {head!r}")
    if version != 0:
        raise RejectedError(f"{path} is a W&B log of version {version}; this reads version 0")


def _joined(file: BinaryIO, damage: Damage) -> Iterator[bytes]:
    """Put the pieces of records together that are larger than the rest of their block."""
    parts: list[bytes] = []
    size = 0
    for kind, body in _pieces(file, damage):
        if kind == _FULL and not parts:
            yield body
            continue
        if parts and kind in (_FULL, _FIRST):  # the end of the one before is lost
            damage.records += 1
            parts, size = [], 0
        if kind == _FULL:
            yield body
        elif kind == _FIRST:
            parts, size = [body], len(body)
        elif not parts:  # the beginning is lost
            damage.records += kind == _LAST
        else:
            parts.append(body)
            size += len(body)
            if kind == _LAST:
                yield b"".join(parts)
                parts, size = [], 0
            elif size > _MAX_PAYLOAD:
                damage.records += 1
                parts, size = [], 0
    if parts:
        damage.torn += size


def _pieces(file: BinaryIO, damage: Damage) -> Iterator[tuple[int, bytes]]:
    """Yield the pieces that are sound, block by block."""
    start = _HEADER.size  # the header stands in the first block
    while block := file.read(_BLOCK - start):
        yield from _in_block(block, damage, is_last=len(block) < _BLOCK - start)
        start = 0


def _in_block(block: bytes, damage: Damage, *, is_last: bool) -> list[tuple[int, bytes]]:
    """Return the sound pieces of a block; behind a damaged one it goes on at the next that is sound."""
    found: list[tuple[int, bytes]] = []
    at, size = 0, len(block)
    while size - at >= _PIECE.size:
        crc, length, kind = _PIECE.unpack_from(block, at)
        end = at + 7 + length
        if end <= size and _FULL <= kind <= _LAST and zlib.crc32(block[at + 6 : end]) == crc:
            found.append((kind, block[at + 7 : end]))
            at = end
        elif is_last and not _resumes(block, at):
            break
        else:
            damage.records += 1
            at = _next(block, at)
    if is_last:
        damage.torn += size - at
    return found


def _resumes(block: bytes, at: int) -> bool:
    """Tell whether anything sound stands behind a place."""
    return _next(block, at) < len(block)


def _next(block: bytes, at: int) -> int:
    """Return where the next sound piece of a block begins, looking first where the damaged one says that it ends."""
    _, length, _ = _PIECE.unpack_from(block, at)
    places = [at + _PIECE.size + length, *range(at + 1, len(block) - _PIECE.size + 1)]
    return next((place for place in places if _is_sound(block, place)), len(block))


def _is_sound(block: bytes, at: int) -> bool:
    if len(block) - at < _PIECE.size:
        return False
    crc, length, kind = _PIECE.unpack_from(block, at)
    end: int = at + _PIECE.size + length
    return end <= len(block) and _FULL <= kind <= _LAST and zlib.crc32(block[at + 6 : end]) == crc


# -- the outermost message, taken apart by hand: which kind it is decides whether the rest is worth decoding


_SUMMARY, _INFO = 3, 200
_PLAIN = frozenset((1, 16, 19, _INFO))
"""Members of ``Record`` that are no kind: number, control, uuid, info."""


def _kind(payload: bytes) -> tuple[int, bytes] | None:
    """Return the number and the content of the one member that says what a record is.

    What the training process sent has an ``_info``; a summary without one is the SDK's own, made of a row's values.
    """
    found, at, size = 0, 0, len(payload)
    content, is_sent = b"", False
    while at < size:
        tag = payload[at]
        at += 1
        if tag > 127:
            tag, at = _varint(payload, at - 1)
        wire = tag & 7
        if wire == 2:
            length, at = _varint(payload, at)
            if at + length > size:
                return None
            is_sent = is_sent or tag >> 3 == _INFO
            if tag >> 3 not in _PLAIN:
                found, content = tag >> 3, payload[at : at + length]
                if found != _SUMMARY:
                    break
            at += length
        elif wire == 0:
            while payload[at] > 127:
                at += 1
            at += 1
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        else:
            return None
    return (found if found != _SUMMARY or is_sent else -_SUMMARY), content


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
