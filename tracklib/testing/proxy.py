"""`FaultProxy`: stands before any HTTP server, and makes it fail on demand."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from tracklib.errors import UsageError
from tracklib.testing.emulators.emulator import Emulator
from tracklib.testing.emulators.exchange import Reply, Request

__all__ = ["FaultProxy"]

_HOP = frozenset(
    [
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailers"),
        *("transfer-encoding", "upgrade", "content-length", "content-encoding", "host"),
    ]
)
"""Headers that concern one connection, or the form of a body that is passed on in another."""


class FaultProxy(Emulator):
    """A server that passes everything on to another one, but for the faults that it is told to show.

    An operation is a request's method and path, ``"POST /api/2.0/mlflow/runs/create"``. Use it as a context manager::

        with FaultProxy("http://127.0.0.1:5000") as proxy:
            proxy.faults.add("POST *", DropReply())
            ...  # lead the client to proxy.url

    Args:
        upstream: The server's address, ``http://`` alone.
        first: Returns a request with the first items of its batch alone, for `Partial`.
        timeout: Seconds that the server may take to answer.
    """

    def __init__(
        self, upstream: str, *, first: Callable[[Request, int], Request] | None = None, timeout: float = 60.0
    ) -> None:
        super().__init__()
        parts = urlsplit(upstream)
        if parts.scheme != "http" or parts.hostname is None:
            raise UsageError(f"expected the address of a server, http://host:port, got {upstream!r}")
        self._host, self._port, self._prefix = parts.hostname, parts.port or 80, parts.path.rstrip("/")
        self._first = first
        self._timeout = timeout

    def environment(self) -> dict[str, str]:
        """Nothing: how a client is led here is the vendor's affair."""
        return {}

    def save(self) -> None:
        """There is nothing to keep."""

    def first(self, request: Request, keep: int) -> Request:
        """Return a request with the first items of its batch alone."""
        return super().first(request, keep) if self._first is None else self._first(request, keep)

    def respond(self, request: Request) -> Reply:
        """Pass a request on, and return what the server answers."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        headers = {name: value for name, value in request.headers.items() if name not in _HOP}
        try:
            connection.request(request.method, self._prefix + request.target, request.body or None, headers)
            answer = connection.getresponse()
            body = answer.read()
        except OSError as error:
            return Reply(502, f"the server behind the proxy does not answer: {error}".encode())
        finally:
            connection.close()
        return Reply(answer.status, body, _kept(dict(answer.getheaders()), len(body)))

    def _done(self, request: Request, *, keep: int | None = None) -> Reply:
        """Pass requests on side by side: the state is the server's affair."""
        return self.respond(request if keep is None else self.first(request, keep))


def _kept(headers: Mapping[str, str], size: int) -> dict[str, str]:
    """Return the headers of an answer that go on to the client; its body goes as it came."""
    kept = {name: value for name, value in headers.items() if name.lower() not in _HOP - {"content-encoding"}}
    return kept if size else {name: value for name, value in kept.items() if name.lower() != "content-encoding"}
