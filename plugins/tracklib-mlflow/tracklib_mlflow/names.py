"""Names: every metric's, param's and tag's name as MLflow takes it, and back.

MLflow takes letters and digits of any script and ``_ - . / :`` and space, in paths that are normal (no ``//``, no
``..``), up to 250 characters (`mlflow.utils.validation`, 3.17). What it does not take is written ``:HEX:``, the code
point in hexadecimal; a name that is too long is cut and ends in ``:L<sha256>:``, and the whole of it stands in a
companion text of that digest. A name that needs none of this stays as it is.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import TypeAlias

__all__ = ["MAX_NAME", "Lookup", "decode", "decode_path", "encode", "encode_path", "long_digest", "shorten"]

MAX_NAME = 250
"""Characters of a key (``MAX_ENTITY_KEY_LENGTH``)."""

Lookup: TypeAlias = Callable[[str], "str | None"]
"""Returns the companion text of a digest, ``None`` where there is none."""

_EMPTY = ":EMPTY:"
_ESCAPE = re.compile(r":([0-9A-F]{2,6}|EMPTY):")
_LONG = re.compile(r":L([0-9a-f]{64}):\Z")
_PUNCTUATION = frozenset("_-./ ")
# A fixed edition of Unicode: client and server may run Pythons that know different letters, and one name must have
# one form. Two characters of it are letters no more.
_UNICODE = unicodedata.ucd_3_2_0
_NO_LETTERS = frozenset("\u1885\u1886")


def encode(name: str, *, reserved: tuple[str, ...] = ()) -> str:
    """Return a name as MLflow takes it, but for its length (see `shorten`).

    Args:
        reserved: Beginnings that belong to MLflow or to tracklib; a name that has one is escaped.
    """
    if _is_natural(name) and not name.startswith(reserved):
        return name
    text = _escaped(name, "")
    return _hex(name[0]) + _escaped(name[1:], "") if text.startswith(reserved) else text


def decode(text: str, lookup: Lookup | None = None) -> str:
    """Return the name that `encode` and `shorten` wrote."""
    return _ESCAPE.sub(_character, _whole(text, lookup))


def encode_path(path: Sequence[str]) -> str:
    """Return the path of a nested param as one name: its parts joined by dots, dots inside a part escaped."""
    return ".".join(part if _is_natural(part) and "." not in part else _escaped(part, ".") for part in path)


def decode_path(text: str, lookup: Lookup | None = None) -> tuple[str, ...]:
    """Return the path that `encode_path` and `shorten` wrote."""
    return tuple(_ESCAPE.sub(_character, part) for part in _whole(text, lookup).split("."))


def shorten(text: str, limit: int = MAX_NAME) -> str:
    """Return an encoded name within a limit; one that is too long ends in its digest."""
    if len(text) <= limit:
        return text
    mark = f":L{hashlib.sha256(text.encode()).hexdigest()}:"
    return text[: limit - len(mark)] + mark


def long_digest(text: str) -> str | None:
    """Return the digest of the whole name, where `shorten` cut it."""
    found = _LONG.search(text)
    return found[1] if found else None


def _whole(text: str, lookup: Lookup | None) -> str:
    digest = long_digest(text)
    whole = lookup(digest) if lookup is not None and digest is not None else None
    return text if whole is None else whole


def _is_natural(name: str) -> bool:
    """Tell whether MLflow takes a name as it is, and nothing in it looks like an escape."""
    return (
        name == name.strip(" ")
        and _is_normal(name)
        and all(char == ":" or _is_plain(char) for char in name)
        and not (":" in name and (_ESCAPE.search(name) or _LONG.search(name)))
    )


def _is_normal(name: str) -> bool:
    """Tell whether a name, taken as a path, is its own normal form: MLflow's file store makes it one."""
    normal = posixpath.normpath(name)
    return normal == name and name != "." and not name.startswith(("..", "/"))


def _is_plain(char: str) -> bool:
    if char in _PUNCTUATION:
        return True
    return char.isalnum() if char.isascii() else _UNICODE.category(char)[0] in "LN" and char not in _NO_LETTERS


def _escaped(name: str, also: str) -> str:
    """Escape a name; ``also`` are characters that MLflow would take, but that mean something here."""
    if not name:
        return _EMPTY
    also += "" if _is_normal(name) else "/."
    last = len(name) - 1
    edge = {i for i in (0, last) if name[i] == " "}
    return "".join(
        char if _is_plain(char) and char not in also and i not in edge else _hex(char) for i, char in enumerate(name)
    )


def _hex(char: str) -> str:
    return f":{ord(char):02X}:"


def _character(found: re.Match[str]) -> str:
    if found[0] == _EMPTY:
        return ""
    code = int(found[1], 16)
    return chr(code) if code <= 0x10FFFF else found[0]
