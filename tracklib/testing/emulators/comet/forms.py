"""Forms of several parts, as files are uploaded in."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from tracklib.testing.emulators.exchange import Request

__all__ = ["parts"]


def parts(request: Request) -> dict[str, bytes]:
    """Return the parts of a form by name, byte for byte."""
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/x-www-form-urlencoded"):
        return {name: value.encode() for name, value in parse_qsl(request.body.decode())}
    if kind.startswith("application/json"):
        return {name: _bytes(value) for name, value in request.json().items()}
    found = re.search(r'boundary="?([^";]+)', kind)
    if found is None:
        return {}
    pieces = (b"\r\n" + request.body).split(b"\r\n--" + found[1].encode())
    return dict(_part(piece) for piece in pieces[1:-1])


def _part(piece: bytes) -> tuple[str, bytes]:
    head, _, content = piece.partition(b"\r\n\r\n")
    name = re.search(rb'name="([^"]*)"', head)
    return name[1].decode() if name else "", content


def _bytes(value: Any) -> bytes:
    return value.encode() if isinstance(value, str) else str(value).encode()
