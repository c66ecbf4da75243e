"""In flight: which batch a relay is sending, so that one that kills it is set apart by the next."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from tracklib.delivery.run_delivery import BATCH, BROKEN
from tracklib.errors import ConfigError

if TYPE_CHECKING:
    from tracklib.delivery.batches import Batch
    from tracklib.delivery.run_delivery import RunDelivery

__all__ = ["Inflight"]

_SURE = 2
"""Crashes over the same record, sent alone, after which it is passed over."""

_ROW = 3
"""Records in a row that crash the relay, after which it is not they that are to blame."""

_REASON = "sending it ended the relay, which the records around it did not"


class Inflight:
    """The note that a relay leaves while it sends.

    Only a death by a fault of native code (SIGSEGV, SIGABRT, ...) counts against a batch: whoever kills a relay from
    outside, the kernel short of memory included, says nothing about what it was sending.
    """

    def __init__(self, path: Path, fault: Path) -> None:
        self._path = path
        crashed = fault.exists() and fault.stat().st_size > 0
        self._left = self._read() if crashed else {}
        """What an earlier relay was sending when it crashed."""
        if crashed:
            os.truncate(fault, 0)

    def _read(self) -> dict[str, Any]:
        try:
            left = orjson.loads(self._path.read_bytes())
        except (OSError, ValueError):
            return {}
        return {"doubted": [], **left} if isinstance(left, dict) else {}

    def guard(self, delivery: RunDelivery) -> None:
        """Make a delivery careful where its last relay crashed over this very batch: one record at a time.

        A record that crashes the relay alone, and again, is passed over; what comes of the next ones decides whether it
        is to blame or the SDK.

        Raises:
            ConfigError: The SDK crashes whatever it is sent.
        """
        left = self._left
        if not left or left.get("run") != str(delivery.folder.path):
            return
        delivery.batch_size = 1
        batch = delivery.peek()
        while batch is not None and [batch.writer, batch.records[0].seq] in left["doubted"]:
            delivery.doubt(batch, _REASON)
            batch = delivery.peek()
        if batch is None or batch.writer != left["writer"] or batch.records[0].seq > left["until"]:
            delivery.batch_size = BATCH  # past the place
            self._left = {}
        elif (left["first"], left["last"]) == (batch.records[0].seq, batch.records[-1].seq):
            self._judge(delivery, batch)

    def _judge(self, delivery: RunDelivery, batch: Batch) -> None:
        """Doubt a record over which the last relay crashed, where that is no longer chance."""
        if self._left["deaths"] >= _SURE or self._left["doubted"]:
            delivery.doubt(batch, _REASON)
            self._left["deaths"] = 0
        if len(delivery.doubted) >= _ROW:
            raise ConfigError(BROKEN)

    def note(self, delivery: RunDelivery, batch: Batch) -> None:
        """Write down what is about to be sent."""
        first, last = batch.records[0].seq, batch.records[-1].seq
        note = {"run": str(delivery.folder.path), "writer": batch.writer, "first": first, "last": last}
        left = self._left
        again = {key: left.get(key) for key in note} == note
        deaths = (left["deaths"] if again else 0) + 1
        until = max(left.get("until", last), last)
        content = orjson.dumps({**note, "until": until, "deaths": deaths, "doubted": delivery.doubted})
        temporary = self._path.with_suffix(".tmp")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        os.replace(temporary, self._path)

    def clear(self) -> None:
        """Take the note away: nothing is being sent."""
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
