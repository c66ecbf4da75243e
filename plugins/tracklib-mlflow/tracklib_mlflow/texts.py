"""Texts: param values and tags as MLflow's text columns hold them, and back.

A param's value is a text to MLflow. One that is a string and does not look like JSON stays as it is; everything else
is JSON, as Python writes it (``NaN`` and ``Infinity`` included), so that reading gives the type back.

A text that a column cannot hold (too long: MLflow's server cuts it without a word; NUL; a lone surrogate) becomes a
stub, its beginning and its digest, and the whole of it a companion file of that digest.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import cast

from tracklib.typing import JSON
from tracklib_mlflow.names import Lookup

__all__ = [
    "MAX_PARAM",
    "MAX_TAG",
    "as_held",
    "digest",
    "from_bytes",
    "from_text",
    "is_plain",
    "stub",
    "to_bytes",
    "to_json",
    "to_text",
    "whole",
]

MAX_PARAM = 6000
MAX_TAG = 8000

_PREVIEW = 200
_STUB = re.compile(r" \.\.\. \[tracklib:([0-9a-f]{64})\]\Z")
_UNHOLDABLE = re.compile("[\x00\ud800-\udfff]")


def to_text(value: JSON) -> str:
    """Return a param's value as a text that `from_text` reads with its type."""
    return value if isinstance(value, str) and _is_raw(value) else to_json(value)


def to_json(value: JSON) -> str:
    """Return a value as JSON that any column can hold."""
    text = json.dumps(value, ensure_ascii=False)
    return json.dumps(value) if _UNHOLDABLE.search(text) else text


def from_text(text: str) -> JSON:
    """Return the value that `to_text` wrote."""
    try:
        return cast("JSON", json.loads(text))
    except (ValueError, RecursionError):  # a string that was left as it is
        return text


def is_plain(text: str) -> bool:
    """Tell whether a column holds a text as it is, and it cannot be taken for a stub."""
    return not _UNHOLDABLE.search(text) and not _STUB.search(text)


def as_held(text: str, limit: int) -> str:
    """Return what MLflow holds for a text: itself, or a stub."""
    return text if len(text) <= limit and is_plain(text) else stub(text)


def stub(text: str) -> str:
    """Return the beginning of a text and its digest."""
    return f"{_UNHOLDABLE.sub('?', text[:_PREVIEW])} ... [tracklib:{digest(text)}]"


def whole(held: str, lookup: Lookup) -> str:
    """Return the text behind what MLflow holds; a stub that was altered stays as it is, so that it shows."""
    found = _STUB.search(held)
    text = lookup(found[1]) if found else None
    return text if text is not None and held == stub(text) else held


def digest(text: str) -> str:
    """Return the digest that names a companion text."""
    return hashlib.sha256(to_bytes(text)).hexdigest()


def to_bytes(text: str) -> bytes:
    """Write a text, lone surrogates included."""
    return text.encode("utf-8", "surrogatepass")


def from_bytes(content: bytes) -> str:
    """Read what `to_bytes` wrote."""
    return content.decode("utf-8", "surrogatepass")


def _is_raw(text: str) -> bool:
    if not text or not is_plain(text):
        return False
    try:
        json.loads(text)
    except RecursionError:
        return False
    except ValueError:
        return True
    return False
