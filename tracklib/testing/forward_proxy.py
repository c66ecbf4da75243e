"""`ForwardProxy`: a small HTTP proxy, such as ``HTTP_PROXY`` and ``HTTPS_PROXY`` lead to, which may refuse."""

from __future__ import annotations

import base64
import contextlib
import socket
import socketserver
import threading
from urllib.parse import urlsplit

from typing_extensions import Self

__all__ = ["ForwardProxy"]

_MAX_HEAD = 1 << 20
_OWN = (b"proxy-connection", b"proxy-authorization", b"connection", b"keep-alive")


class ForwardProxy:
    """Passes requests on to the servers that they name; ``https`` in a tunnel, of which it sees nothing.

    Use it as a context manager.

    Args:
        allows: Whether anybody gets through at all.
        user, password: What it asks for; nothing where there is no user.

    Attributes:
        asked: Method and target of every request, such as ``"CONNECT host:443"``.
    """

    def __init__(self, *, allows: bool = True, user: str = "", password: str = "") -> None:
        self.allows = allows
        self.asked: list[str] = []
        self.credentials = base64.b64encode(f"{user}:{password}".encode()) if user else b""
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """The address, without credentials."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def serve(self, client: socket.socket) -> None:
        """Serve one connection, which carries one request, or a tunnel."""
        head, rest = _head(client)
        if not head:
            return
        first, *lines = head.split(b"\r\n")
        method, target, _ = first.decode("latin-1").split(" ", 2)
        self.asked.append(f"{method} {target}")
        if (refusal := self._refusal(lines)) is not None:
            client.sendall(refusal)
            return
        place = urlsplit(f"//{target}" if method == "CONNECT" else target)
        with socket.create_connection((place.hostname or "", place.port or 80), timeout=60) as upstream:
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                path = f"{place.path or '/'}?{place.query}" if place.query else place.path or "/"
                kept = [line for line in lines if line.split(b":")[0].lower() not in _OWN]
                upstream.sendall(
                    b"\r\n".join([f"{method} {path} HTTP/1.1".encode(), *kept, b"Connection: close\r\n\r\n"])
                )
            upstream.sendall(rest)
            _both_ways(client, upstream)

    def _refusal(self, lines: list[bytes]) -> bytes | None:
        given = next((line for line in lines if line.lower().startswith(b"proxy-authorization:")), b"")
        if self.credentials and not given.endswith(self.credentials):
            return _answer(b"407 Proxy Authentication Required", b'Proxy-Authenticate: Basic realm="proxy"\r\n')
        return None if self.allows else _answer(b"403 Forbidden", b"Via: 1.1 the-proxy\r\n")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, proxy: ForwardProxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # a connection that breaks is the affair of its two ends
            self.server.proxy.serve(self.request)


def _answer(status: bytes, more: bytes) -> bytes:
    body = b"<html>the proxy says no</html>"
    return (
        b"HTTP/1.1 " + status + b"\r\n" + more + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    )


def _head(client: socket.socket) -> tuple[bytes, bytes]:
    """Read up to the empty line; return what is before and behind it."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = client.recv(65_536)
        if not piece or len(data) > _MAX_HEAD:
            return b"", b""
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


def _both_ways(a: socket.socket, b: socket.socket) -> None:
    """Pass bytes on in both directions, until one end has no more and the other none either."""
    back = threading.Thread(target=_pass_on, args=(a, b), daemon=True)
    back.start()
    _pass_on(b, a)
    back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65_536):
            target.sendall(piece)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
