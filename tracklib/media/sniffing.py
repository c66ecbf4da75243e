"""Sniffing: what an encoded picture, sound or film is, by its own first bytes; never by its name."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import BinaryIO, TypeAlias

from tracklib.errors import BadValueError

__all__ = ["sniff_picture", "sniff_sound", "sniff_video"]

_HEAD = 4096
_Size: TypeAlias = tuple[int, int]

_SOUNDS = ((b"fLaC", "flac"), (b"OggS", "ogg"), (b"ID3", "mp3"))
_FILMS = ((b"\x1aE\xdf\xa3", "webm"), (b"OggS", "ogg"), (b"GIF87a", "gif"), (b"GIF89a", "gif"))
# Start of frame, in all its kinds; C4, C8 and CC mean something else (ITU-T T.81, table B.1).
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def sniff_picture(file: BinaryIO) -> tuple[str, _Size | None]:
    """Return a picture's format, and its width and height in pixels where it says them.

    Raises:
        BadValueError: It is no picture of a known format, or cut off.
    """
    head = file.read(_HEAD)
    for magic, name, size in _PICTURES:
        if head.startswith(magic) and (name != "webp" or head[8:12] == b"WEBP"):
            file.seek(0)
            try:
                return name, size(file)
            except (struct.error, IndexError, EOFError) as error:
                raise BadValueError(
                    f"expected a whole picture, got one in {name} that is cut off or damaged"
                ) from error
    if _is_svg(head):
        return "svg", None
    raise BadValueError(f"expected a picture in PNG, JPEG, GIF, WebP, BMP or SVG, got {_described(head)}")


def _is_svg(head: bytes) -> bool:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    return text.startswith(b"<svg") or (text.startswith((b"<?xml", b"<!--", b"<!DOCTYPE svg")) and b"<svg" in text)


def _described(head: bytes) -> str:
    return f"{head[:16]!r}..." if head else "nothing"


def _fields(layout: str, file: BinaryIO) -> tuple[int, ...]:
    return struct.unpack(layout, file.read(struct.calcsize(layout)))


def _png(file: BinaryIO) -> _Size:
    """Walk through the chunks to the last one."""
    end = file.seek(0, io.SEEK_END)
    file.seek(16)
    width, height = _fields(">II", file)
    place = 8
    while True:
        file.seek(place)
        length, name = struct.unpack(">I4s", file.read(8))
        place += 12 + length
        if place > end:
            raise EOFError
        if name == b"IEND":
            return width, height


def _gif(file: BinaryIO) -> _Size:
    width, height = _fields("<6xHH", file)
    return width, height


def _bmp(file: BinaryIO) -> _Size:
    width, height = _fields("<18xii", file)
    return width, abs(height)  # negative: from the top


def _jpeg(file: BinaryIO) -> _Size:
    file.seek(2)
    while True:
        marker, kind = _fields(">BB", file)
        if marker != 0xFF:
            raise EOFError
        if kind == 0xFF:  # fill bytes
            file.seek(-1, io.SEEK_CUR)
            continue
        if kind in _JPEG_FRAMES:
            height, width = _fields(">3xHH", file)
            return width, height
        (length,) = _fields(">H", file)
        file.seek(length - 2, io.SEEK_CUR)


def _webp(file: BinaryIO) -> _Size:
    head = file.read(30)
    kind = head[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if kind == b"VP8L":
        bits = struct.unpack("<I", head[21:25])[0]
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack("<HH", head[26:30])
    return width & 0x3FFF, height & 0x3FFF


_PICTURES: tuple[tuple[bytes, str, Callable[[BinaryIO], _Size]], ...] = (
    (b"\x89PNG\r\n\x1a\n", "png", _png),
    (b"\xff\xd8\xff", "jpeg", _jpeg),
    (b"GIF87a", "gif", _gif),
    (b"GIF89a", "gif", _gif),
    (b"RIFF", "webp", _webp),
    (b"BM", "bmp", _bmp),
)


def sniff_sound(file: BinaryIO) -> str:
    """Return a sound's format.

    Raises:
        BadValueError: It is no sound of a known format.
    """
    head = file.read(16)
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return "wav"
    if head[4:8] == b"ftyp":
        return "m4a"
    if head[:1] == b"\xff" and head[1:2] and head[1] & 0xE0 == 0xE0:  # MPEG's frame sync: eleven bits
        return "mp3"
    return _named(head, _SOUNDS, "a sound in WAV, FLAC, MP3, Ogg or M4A")


def sniff_video(file: BinaryIO) -> str:
    """Return a film's format.

    Raises:
        BadValueError: It is no film of a known format.
    """
    head = file.read(16)
    return "mp4" if head[4:8] == b"ftyp" else _named(head, _FILMS, "a film in MP4, WebM, Ogg or GIF")


def _named(head: bytes, known: tuple[tuple[bytes, str], ...], what: str) -> str:
    for magic, name in known:
        if head.startswith(magic):
            return name
    raise BadValueError(f"expected {what}, got {_described(head)}")
