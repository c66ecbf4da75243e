"""Members: what the members of a record's JSON object must be, so that nothing else is believed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from tracklib.errors import BadValueError
from tracklib.model.records import FileRef, Reference
from tracklib.typing import Number, Step

__all__ = [
    "file",
    "files",
    "integer",
    "maybe",
    "number",
    "numbers",
    "paths",
    "references",
    "step",
    "tag_values",
    "text",
    "texts",
]

_T = TypeVar("_T")
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_PLAIN = frozenset({float, int})
_INTEGER = re.compile(r"-?[0-9]+")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def _expected(what: str, value: object) -> BadValueError:
    return BadValueError(f"expected {what}, got {type(value).__name__}")


def _exactly(kind: type[_T], value: object) -> _T:
    if type(value) is not kind:
        raise _expected(kind.__name__, value)
    return value


def text(value: object) -> str:
    """Return a text."""
    return _exactly(str, value)


def integer(value: object) -> int:
    """Return an integer; true and false are none."""
    return _exactly(int, value)


def maybe(kind: type[_T], value: object) -> _T | None:
    """Return a value of a type, or ``None``."""
    return None if value is None else _exactly(kind, value)


def texts(value: object) -> tuple[str, ...]:
    """Return a list of texts, which may be missing."""
    return tuple(text(item) for item in _exactly(list, value)) if value is not None else ()


def number(value: object) -> Number:
    """Return a metric's value, where a text stands for a number that JSON lacks."""
    kind = type(value)
    if kind is float or kind is int:
        return cast("Number", value)
    word = text(value)
    if word in _SPECIAL:
        return _SPECIAL[word]
    if _INTEGER.fullmatch(word) is None:
        raise BadValueError(f"expected a number, got {word[:40]!r}")
    return int(word)


def numbers(value: object) -> dict[str, Number]:
    """Return the values of metrics."""
    found: dict[str, Any] = _exactly(dict, value)
    if _PLAIN.issuperset(map(type, found.values())):  # nearly all are, and there may be millions
        return found
    return {key: number(item) for key, item in found.items()}


def step(value: object) -> Step:
    """Return a step: a number that is finite."""
    found = number(value)
    if found - found != 0:
        raise BadValueError(f"expected a finite step, got {found}")
    return found


def tag_values(value: object) -> dict[str, str | None]:
    """Return tags: a text, or ``None``, for each name."""
    return {key: maybe(str, item) for key, item in _exactly(dict, value).items()}


def _path(value: object) -> str:
    """Return a path that stays inside its artifact and is in its one form."""
    path = text(value)
    if "\0" in path or any(part in ("", ".", "..") for part in path.split("/")):
        raise BadValueError(f"expected a relative path without '..', got {path[:100]!r}")
    return path


def paths(value: object) -> tuple[str, ...]:
    """Return a list of paths, which may be missing."""
    return tuple(_path(item) for item in _exactly(list, value)) if value is not None else ()


def file(value: object) -> FileRef:
    """Return a file; its digest becomes a path among the blobs, so it must be one."""
    fields: Mapping[str, Any] = _exactly(dict, value)
    digest = text(fields["sha256"])
    if _DIGEST.fullmatch(digest) is None:
        raise BadValueError(f"expected a SHA-256 of 64 hexadecimal digits, got {digest[:80]!r}")
    return FileRef(_path(fields["path"]), integer(fields["size"]), digest)


def files(value: object) -> tuple[FileRef, ...]:
    """Return a list of files."""
    return tuple(file(item) for item in _exactly(list, value))


def _reference(value: object) -> Reference:
    fields: Mapping[str, Any] = _exactly(dict, value)
    size, digest = maybe(int, fields.get("size")), maybe(str, fields.get("digest"))
    return Reference(_path(fields["path"]), text(fields["url"]), size, digest)


def references(value: object) -> tuple[Reference, ...]:
    """Return a list of files that lie elsewhere."""
    return tuple(_reference(item) for item in _exactly(list, value))
