"""The victim: a process that sends what it is told to, and is killed before it can look after the rest of it."""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from tracklib.backends.contract import SinkContext
from tracklib.model.codec import from_fields, loads
from tracklib.model.records import FileRef
from tracklib.model.run import RunInfo

__all__ = ["main"]


def main() -> None:
    """Do what the task on standard input says, and die."""
    task: dict[str, Any] = json.load(sys.stdin)
    place, arguments = task["recipe"]
    module, _, name = place.partition(":")
    subject = getattr(importlib.import_module(module), name)(**arguments)

    def content(file: FileRef) -> Path:
        return Path(task["contents"]) / file.sha256

    sink = subject.sink(SinkContext(content, Path(task["scratch"])))
    sink.open(RunInfo(task["project"], task["run"], task["name"], started=task["started"]))
    records = [from_fields(loads(fields), writer) for writer, fields in task["records"]]
    first = task["first"]
    if first:
        sink.send(records[:first])
    position = json.dumps(dict(sink.confirmed()))
    if records[first:]:
        sink.send(records[first:])
    Path(task["out"]).write_text(position)
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
