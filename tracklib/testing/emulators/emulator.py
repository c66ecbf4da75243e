"""What every emulator is: a server with faults, an account of what it was asked, and complaints."""

from __future__ import annotations

import threading
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from typing_extensions import Self

from tracklib.errors import UsageError
from tracklib.testing.emulators import faults as f
from tracklib.testing.emulators.exchange import Reply, Request, json_reply
from tracklib.testing.emulators.server import Closed, Server

__all__ = ["Call", "Emulator"]


@dataclass(frozen=True, slots=True)
class Call:
    """One request that was served or refused: its operation, and the status; 0 where the connection was closed."""

    operation: str
    path: str
    status: int


class Emulator(ABC):
    """A vendor's server as far as the vendor's own SDK can tell, on 127.0.0.1.

    It is strict: whatever it does not know is answered with an error and noted in `complaints`, so that a test on it
    cannot pass by luck. Use it as a context manager.

    Attributes:
        faults: What is to go wrong; see `tracklib.testing.emulators.faults`.
        complaints: What was asked of the emulator that it does not know, one sentence each.
        calls: What it was asked, in order.
        lock: Held while a request changes the state; hold it to look at the state while clients write.
    """

    def __init__(self, *, port: int = 0, folder: Path | None = None) -> None:
        self.folder = folder
        self.faults = f.Faults()
        self.complaints: list[str] = []
        self.calls: list[Call] = []
        self.lock = threading.RLock()
        self._server = Server(self._serve, port=port)
        self._saved = time.monotonic()

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        return f"http://127.0.0.1:{self._server.port}"

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """Return the variables that point the vendor's SDK here."""

    def operation(self, request: Request) -> str:
        """Return the name by which faults and calls speak of a request."""
        return f"{request.method} {request.path}"

    @abstractmethod
    def respond(self, request: Request) -> Reply:
        """Do what a request asks and return the reply."""

    def first(self, request: Request, keep: int) -> Request:
        """Return a request with the first items of its batch alone, for `faults.Partial`.

        Raises:
            UsageError: It has no batch.
        """
        asked = self.operation(request)
        raise UsageError(
            f"this emulator cannot take a part of {asked} ({keep} asked for): give the fault an operation with a batch"
        )

    @abstractmethod
    def save(self) -> None:
        """Keep the state in the folder, where there is one."""

    def complain(self, sentence: str) -> None:
        """Note something that the emulator does not know, once."""
        if sentence not in self.complaints:
            self.complaints.append(sentence)

    def unknown(self, request: Request) -> Reply:
        """Refuse a request whose route is not known, and complain."""
        sentence = f"unknown route: {request.method} {request.path}"
        self.complain(sentence)
        return json_reply({"error": sentence}, status=404)

    def count(self, operation: str) -> int:
        """Return how often an operation was asked for."""
        return sum(call.operation == operation for call in self.calls)

    def start(self) -> Self:
        """Begin to listen; after `stop` on the same port, with everything it knew."""
        self._server.start()
        return self

    def stop(self) -> None:
        """Stop listening and cut every connection; what hangs is never done."""
        self._server.stop()
        self.faults.release()
        with self.lock:
            self.save()

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Be away for the length of a block: connections are refused."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _serve(self, request: Request) -> Reply:
        try:
            operation = self.operation(request)
        except Exception as error:  # a body that is not what the route takes
            return self._failed(request, error)
        gate, stops = self.faults.gate(), self._server.stops
        try:
            reply = self._under_fault(request, self.faults.take(operation), gate, stops)
        except Closed:
            self.calls.append(Call(operation, request.path, 0))
            raise
        self.calls.append(Call(operation, request.path, reply.status))
        return replace(reply, headers={**reply.headers, **self.faults.quota(operation)})

    def _under_fault(self, request: Request, fault: f.Fault | None, gate: threading.Event, stops: int) -> Reply:
        if isinstance(fault, f.Status):
            return Reply(fault.code, fault.body, {"Content-Type": "application/json", **fault.headers})
        if isinstance(fault, f.RateLimit):
            return json_reply({"error": "rate limit"}, status=429, headers={"Retry-After": f"{fault.retry_after:g}"})
        if isinstance(fault, f.Disconnect):
            raise Closed
        if isinstance(fault, (f.Hang, f.Latency)):
            gate.wait(fault.seconds)
            if self._server.stops != stops:  # the client has been cut off meanwhile
                raise Closed
        if isinstance(fault, f.Partial):
            self._done(request, keep=fault.keep)
            return json_reply({"error": "taken in part"}, status=fault.code)
        reply = self._done(request)
        if isinstance(fault, f.DropReply):
            raise Closed
        return reply

    def _done(self, request: Request, *, keep: int | None = None) -> Reply:
        with self.lock:
            try:
                return self.respond(request if keep is None else self.first(request, keep))
            except Exception as error:  # told to the client and to the test; a server does not die of a request
                return self._failed(request, error)
            finally:
                self._save_now_and_then()

    def _failed(self, request: Request, error: Exception) -> Reply:
        """Answer 400, and not 500, which SDKs try again for hours."""
        self.complain(f"{request.method} {request.path} failed: {error!r}\n{traceback.format_exc()}")
        return json_reply({"error": repr(error)}, status=400)

    def _save_now_and_then(self) -> None:
        if self.folder is not None and time.monotonic() - self._saved > 1:
            self.save()
            self._saved = time.monotonic()
