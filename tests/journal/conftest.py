"""Journals written without a run around them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tracklib.journal.layout import Root, RunFolder
from tracklib.journal.segment import Header, new_writer_id, seal, seed_of
from tracklib.journal.writer import SegmentWriter
from tracklib.model.codec import dumps


@pytest.fixture
def folder(root: Root) -> RunFolder:
    """Return the folder of a run, which does not exist yet."""
    root.create()
    return root.run("digits", "run1")


@pytest.fixture
def warnings() -> list[str]:
    """Return what writers warn of."""
    return []


@pytest.fixture
def new_writer(folder: RunFolder, warnings: list[str]) -> Iterator[Callable[..., SegmentWriter]]:
    """Return a function that begins to write the run; every writer is closed in the end."""
    made = []

    def make(**options: str) -> SegmentWriter:
        made.append(SegmentWriter(folder, "run1", "digits", warn=warnings.append, **options))
        return made[-1]

    yield make
    for writer in made:
        if not writer.closed:
            writer.close()


@pytest.fixture
def writer(new_writer: Callable[..., SegmentWriter]) -> SegmentWriter:
    """Return a writer of the run."""
    return new_writer()


HOLD = """
import sys, time
from tracklib.journal.layout import Root
from tracklib.journal.writer import SegmentWriter
from tracklib.model.records import Notes, RunStart
writer = SegmentWriter(Root(sys.argv[1]).run("digits", "run1"), "run1", "digits", warn=print)
writer.append(RunStart("digits", "run1"))
writer.append(Notes("here"))
print("ready", flush=True)
exec(sys.stdin.readline())
time.sleep(600)
"""


@contextlib.contextmanager
def writing(root: Root, then: str = "pass") -> Iterator[subprocess.Popen]:
    """Run a process that writes the run ``run1`` and does something more; it is killed in the end."""
    root.create()
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "ready\n"
        process.stdin.write(then + "\n")
        process.stdin.flush()
        yield process
    finally:
        process.kill()
        process.communicate()


def kill(process: subprocess.Popen) -> None:
    """Kill a process and wait until it is gone."""
    process.send_signal(signal.SIGKILL)
    process.wait(60)


def foreign(folder: RunFolder, role: str, *records: bytes, **header: object) -> Path:
    """Write a segment by hand, as another machine would."""
    writer = new_writer_id()
    folder.journal.mkdir(parents=True, exist_ok=True)
    path = folder.journal / f"{writer}.jsonl"
    fields = {**Header("run1", "digits", writer, role, "elsewhere", "b", "n", 7, "8", 9).fields(), **header}
    path.write_bytes(b"".join(seal(line, seed_of(writer)) for line in (dumps(fields), *records)))
    return path


STARTED = b'{"kind":"start","seq":1,"time":10,"project":"digits","name":"run1"}'
ENDED = b'{"kind":"end","seq":2,"time":20,"status":"finished"}'


def forked(work: Callable[..., object], *arguments: object) -> int:
    """Run a function in a forked child, which then leaves as multiprocessing's do; return the child's number."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work(*arguments)
            code = 0
        finally:
            os._exit(code)
    return child
