"""One HTTP request, and the reply to it, as plain values."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

__all__ = ["Reply", "Request", "json_reply", "loads"]


def loads(text: str | bytes) -> Any:
    """Parse JSON as SDKs send it: the bare ``NaN`` and infinities, which JSON does not have, become their names."""
    return json.loads(text, parse_constant=str)


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent.

    Attributes:
        method: In capitals.
        path: Without the query, its percent signs decoded.
        query: The parameters after the question mark; of a repeated one, the last.
        headers: By lower-case name.
        body: Decompressed.
        target: Path and query as they stood on the wire.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    target: str = ""

    def json(self) -> Any:
        """Return the body as JSON; an empty one is an empty object."""
        return loads(self.body) if self.body else {}

    @classmethod
    def parse(cls, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
        """Make a request of what stood on the wire."""
        parts = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        lower = {name.lower(): value for name, value in headers.items()}
        body = _decompress(body, lower.get("content-encoding", ""))
        return cls(method, unquote(parts.path), query, lower, body, target)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answers."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def json_reply(value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Return a reply of strict JSON.

    Raises:
        ValueError: For NaN or an infinity, which JSON does not have, and on which clients in other languages die.
    """
    body = json.dumps(value, allow_nan=False).encode()
    return Reply(status, body, {"Content-Type": "application/json", **(headers or {})})


def _decompress(body: bytes, encoding: str) -> bytes:
    if encoding == "gzip":
        return gzip.decompress(body)
    if encoding == "deflate":
        return zlib.decompress(body)
    return body
