"""Paths: where the files of an artifact lie in Aim's store, within what every file system and store takes."""

from __future__ import annotations

import hashlib
import unicodedata

__all__ = ["artifact_place", "stored_path"]

_BAD = frozenset('~#?%\\:*"<>|')
_MAX_BYTES = 200
"""Of one part: file systems take 255."""


def artifact_place(name: str, version: int) -> str:
    """Return the folder of an artifact's version: ``classifier``, then ``classifier@2``, ...; no two are one."""
    part = _encode(name, "/@" if name.strip(".") else "/@.") or "~EMPTY~"
    return part if version == 1 else f"{part}@{version}"


def stored_path(place: str, path: str) -> str:
    """Return where a file of an artifact lies; parts are encoded, so that it never leaves its folder."""
    return "/".join((place, *(_encode(part) for part in path.split("/"))))


def _encode(part: str, also: str = "") -> str:
    last = len(part) - 1
    text = "".join(
        f"~{ord(char):02X}~" if _is_bad(char) or char in also or (i in (0, last) and char == " ") else char
        for i, char in enumerate(part)
    )
    if len(text.encode()) <= _MAX_BYTES:
        return text
    mark = f"~L{hashlib.sha256(text.encode()).hexdigest()[:32]}~"
    return text.encode()[: _MAX_BYTES - len(mark)].decode(errors="ignore") + mark


def _is_bad(char: str) -> bool:
    return char in _BAD or (char != " " and unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp"))
