"""The HTTP server below every emulator: threads, keep-alive, faults, and a stop that cuts every connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tracklib.testing.emulators.exchange import Reply, Request

__all__ = ["Closed", "Server"]

Handle = Callable[[Request], Reply]


class Closed(Exception):  # noqa: N818 - an outcome, not an error
    """Raised by a handler in order to close the connection without a reply."""


class Server:
    """A server on 127.0.0.1 that gives each request to one function.

    Stopped and started again it keeps its port, as a service does that comes back from an outage.

    Attributes:
        stops: How often it was stopped.
    """

    def __init__(self, handle: Handle, *, port: int = 0) -> None:
        self._handle = handle
        self.port = port
        self.stops = 0
        self._http: _Http | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen, on the port that was asked for, or else on a free one."""
        self._http = _Http(("127.0.0.1", self.port), self._handle)
        self.port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and cut every connection; stopping twice is no harm."""
        http, self._http = self._http, None
        if http is None:
            return
        self.stops += 1
        http.shutdown()
        http.cut()
        http.server_close()
        if self._thread is not None:
            self._thread.join()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handle: Handle) -> None:
        self.handle = handle
        self._open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def cut(self) -> None:
        for connection in list(self._open):
            with contextlib.suppress(OSError):  # the client may have closed it a moment ago
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that breaks is the client's affair; faults of the emulator are replies."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a reply is two writes: the second would wait for the first to be acknowledged
    server: _Http

    def serve(self) -> None:
        request = Request.parse(self.command, self.path, dict(self.headers), self._body())
        try:
            reply = self.server.handle(request)
        except Closed:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = serve  # noqa: N815 - the names of http.server

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(iter(self._chunk, b""))
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline().split(b";")[0], 16)
        content = self.rfile.read(size)
        self.rfile.readline()
        return content

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are kept in `Emulator.calls`, not printed."""
