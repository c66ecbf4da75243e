"""Streams: output and load, shown where W&B shows its own; the whole records are kept beside."""

from __future__ import annotations

import importlib
import json

from tracklib.model.records import Console, Record, System
from tracklib_wandb import system
from tracklib_wandb.border import border
from tracklib_wandb.identity import clean
from tracklib_wandb.open_run import OpenRun
from tracklib_wandb.rows import native_number

__all__ = ["Streams"]


class Streams:
    """Shows samples of the machine, and lines of output."""

    def __init__(self, run: OpenRun) -> None:
        self._run = run

    def show(self, records: list[Record]) -> None:
        """Show those records that W&B has a stream for."""
        for record in records:
            with border("showing output and load"):
                if isinstance(record.body, Console):
                    self._print(record.body)
                elif isinstance(record.body, System) and 0 <= record.time < 2**63:
                    self._sample(record, record.body)

    def _print(self, body: Console) -> None:
        write = getattr(self._run.native, "write_logs", None)
        if write is not None:  # an older SDK shows only what it captures itself
            for line in clean(body.text).splitlines():
                write(line)

    def _sample(self, record: Record, body: System) -> None:
        """Publish a sample as the SDK's own monitor does, which has no public way in."""
        messages = importlib.import_module("wandb.proto.wandb_internal_pb2")
        sample = messages.StatsRecord()
        sample.timestamp.FromNanoseconds(record.time)
        for name, value in body.values.items():
            number = native_number(value)
            if number - number == 0:
                item = sample.item.add()
                item.key, item.value_json = system.shown(clean(name)), json.dumps(number)
        interface = self._run.native._interface  # noqa: SLF001  see above
        interface._publish(interface._make_record(stats=sample))  # noqa: SLF001  see above
