"""Sniffing: what kind of medium a file is, by its first bytes; its name in an export tells nothing."""

from __future__ import annotations

from typing import BinaryIO

__all__ = ["medium"]

_MAGIC: tuple[tuple[bytes, str, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image", "png"),
    (b"\xff\xd8\xff", "image", "jpeg"),
    (b"GIF87a", "image", "gif"),
    (b"GIF89a", "image", "gif"),
    (b"fLaC", "audio", "flac"),
    (b"ID3", "audio", "mp3"),
    (b"OggS", "audio", "ogg"),
    (b"\x1a\x45\xdf\xa3", "video", "webm"),
)
_HEAD = 64


def medium(file: BinaryIO) -> tuple[str, str] | None:
    """Return the type and format of a medium, as `tracklib.model.records.Media` has them, or ``None``."""
    head = file.read(_HEAD)
    if head.startswith(b"RIFF") and head[8:12] in (b"WEBP", b"WAVE"):
        return ("image", "webp") if head[8:12] == b"WEBP" else ("audio", "wav")
    if head.startswith(b"BM") and head[6:10] == bytes(4):  # two letters alone begin many a text
        return "image", "bmp"
    if head[4:8] == b"ftyp":
        return "video", "mp4"
    text = head.lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "html", ""
    return next(((kind, word) for magic, kind, word in _MAGIC if head.startswith(magic)), None)
