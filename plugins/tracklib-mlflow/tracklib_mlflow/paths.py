"""Paths: where files lie among a run's artifacts, under names that every MLflow store keeps.

Measured with 3.17: through a server ``p%41q`` becomes ``pAq``, ``h#x?y`` becomes ``h``, control characters and a
leading space are not found again, and ``C:x`` breaks the listing of its folder; on a local root such files are written
but cannot be downloaded. They are written ``~HEX~``, and so is ``~``. With 2.18: a server takes a file whose name is not
ASCII, and breaks the connection when it is asked for; names in its folders do no harm.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

__all__ = [
    "CHUNKS",
    "IMAGES",
    "MEDIA",
    "TEXTS",
    "artifact_place",
    "ascii_part",
    "ascii_path",
    "decode_path",
    "encode_part",
    "encode_path",
    "media_place",
]

CHUNKS = "tracklib"
TEXTS = "tracklib/text"
MEDIA = "media"
IMAGES = "images"  # where MLflow looks for pictures

_BAD = frozenset('~#?%\\:*"<>|')
_ESCAPE = re.compile(r"~([0-9A-F]{2,6})~")
# MLflow's local artifact store hides files of this name from its listings.
_HIDDEN = ".artifact.uploading."
_MAX_BYTES = 200
"""Of one part: file systems take 255, and stores add endings of their own."""


def encode_part(part: str, also: str = "") -> str:
    """Return one part of a path; one that is too long ends in a digest, and only a manifest can tell it again."""
    last = len(part) - 1
    text = "".join(
        f"~{ord(char):02X}~" if _is_bad(char) or char in also or _is_bad_at(part, i, last) else char
        for i, char in enumerate(part)
    )
    return _short(text)


def _short(text: str) -> str:
    if len(text.encode()) <= _MAX_BYTES:
        return text
    mark = f"~L{hashlib.sha256(text.encode()).hexdigest()[:32]}~"
    return text.encode()[: _MAX_BYTES - len(mark)].decode(errors="ignore") + mark


def encode_path(path: str) -> str:
    """Return a file's path inside its artifact."""
    return "/".join(encode_part(part) for part in path.split("/"))


def ascii_part(part: str) -> str:
    """Return what `encode_part` wrote in ASCII; `decode_path` reads both."""
    return _short("".join(char if char.isascii() else f"~{ord(char):02X}~" for char in part))


def ascii_path(path: str) -> str:
    """Return a path whose last part is in ASCII."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{ascii_part(name)}"


def decode_path(path: str) -> str:
    """Return the path that `encode_path` wrote."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if int(found[1], 16) <= 0x10FFFF else found[0], path)


def artifact_place(name: str, version: int) -> str:
    """Return the folder of an artifact's version: ``classifier``, then ``classifier@2``, ...; no two are one."""
    part = encode_part(name, "/@" if name.strip(".") else "/@.") or "~EMPTY~"
    if part.casefold() in (CHUNKS, MEDIA, IMAGES):
        part = f"~{ord(part[0]):02X}~{part[1:]}"
    return part if version == 1 else f"{part}@{version}"


def media_place(key: str, step: object, sha256: str, path: str) -> str:
    """Return the place of a media file: one folder for each key, the step first in the file's name."""
    folder = "/".join(encode_part(part, "" if part.strip(".") else ".") or "~EMPTY~" for part in key.split("/"))
    ending = path.rpartition("/")[2].rpartition(".")[2] if "." in path.rpartition("/")[2] else "bin"
    return f"{MEDIA}/{folder}/{encode_part(f'{step}-{sha256[:16]}.{ending}')}"


def _is_bad(char: str) -> bool:
    return char in _BAD or (char != " " and unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp"))


def _is_bad_at(part: str, i: int, last: int) -> bool:
    """Tell whether a character is bad in its place: spaces at the ends, a final dot (Windows), a name MLflow hides."""
    edge = (i in (0, last) and part[i] == " ") or (i == last and part[i] == "." and bool(part.strip(".")))
    return edge or (i == 0 and part.startswith(_HIDDEN))
