# ruff: noqa: INP001  a script, no package
"""Write the golden journal below ``root``, without tracklib: what format.md says, said once more in plain Python.

    python docs/golden/make.py [FOLDER]

It makes the same bytes each time. They are in the repository, and no later version may read them differently.
"""

from __future__ import annotations

import hashlib
import json
import sys
import zlib
from pathlib import Path
from typing import Any

BEGIN = 1767323045_000000000  # 2026-01-02 03:04:05 UTC
PROJECT, PROJECT_FOLDER = "Größe/CON", "+gr%c3%b6%c3%9fe%2f+c+o+n"
RUN, RUN_FOLDER = "Golden-1", "+golden-1"

MAIN = "20260102t030405-00000001"
FORKED = "20260102t030406-00000002"
OBSERVER = "20260102t030407-00000004"
AGAIN = "20260102t030500-00000003"
REAPED = f"{AGAIN}-reaped"

CONTENT = b"true,0,1\n0,35,1\n1,0,36\n"


def seal(writer: str, fields: dict[str, Any]) -> bytes:
    """Return the line for an object; a lone surrogate cannot be UTF-8, so such a line is all ASCII."""
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        body = text.encode()[:-1]
    except UnicodeEncodeError:
        body = json.dumps(fields, separators=(",", ":"), allow_nan=False).encode()[:-1]
    crc = zlib.crc32(body, zlib.crc32(writer.encode()))
    return b'%b,"crc":"%08x"}\n' % (body, crc)


def header(writer: str, role: str, seconds: int) -> dict[str, Any]:
    """Return a segment's first object."""
    return {
        "kind": "segment",
        "run": RUN,
        "project": PROJECT,
        "writer": writer,
        "role": role,
        "host": "golden",
        "boot": "00000000-0000-0000-0000-000000000000",
        "namespace": "pid:[1]",
        "pid": 100 + int(writer[16:24]),
        "start": "1",
        "created": BEGIN + seconds * 1_000_000_000,
        "format": "1.0",
    }


class Segment:
    """The lines of one writer, numbered as they come, a millisecond apart."""

    def __init__(self, writer: str, role: str, seconds: int) -> None:
        self.writer = writer
        self.seq = 0
        self._begin = BEGIN + seconds * 1_000_000_000
        self.content = seal(writer, header(writer, role, seconds))

    def line(self, kind: str, **fields: Any) -> bytes:
        """Return the line of the next record."""
        self.seq += 1
        time = self._begin + self.seq * 1_000_000 + 7
        return seal(self.writer, {"kind": kind, "seq": self.seq, "time": time, **fields})

    def add(self, kind: str, **fields: Any) -> None:
        """Write the next record."""
        self.content += self.line(kind, **fields)


def file_ref(path: str, content: bytes) -> dict[str, Any]:
    """Return the reference of a file."""
    return {"path": path, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def main_segment() -> Segment:
    """The first attempt: every kind of record, and every value that JSON lacks."""
    s = Segment(MAIN, "main", 0)
    add_facts(s)
    add_files(s)
    s.add("input", name="digits", type="dataset", version="v2", run="Golden-0")
    s.add("system", values={"cpu.percent": 12.5, "gpu.0.temperature": "NaN"})
    s.add("notice", code="refused", message="log: metric 'x': expected a number, got str 'y'", count=1)
    s.add("hologram", shape=[1, 2], depth={"m": 0.5})  # no version knows this kind yet
    s.add("summary", values={"loss.min": 0.1, "best": "!float NaN"})
    s.add("end", status="failed", exit_code=3, error="ValueError: gold")
    return s


def add_facts(s: Segment) -> None:
    """Add what a line alone can say: params, metrics, text."""
    context = {"host": "golden", "system": "linux", "python": "3.12.1", "script": "train.py", "pid": 101}
    s.add("start", project=PROJECT, name="gold", group="folds", job_type="train", attempt=1, context=context, rank=0)
    values = {
        "lr": 0.001,
        "whole": 1.0,
        "on": True,
        "none": None,
        "model": {"layers": [64, 32], "nothing": {}},
        "nan": "!float NaN",
        "never": ["!float Infinity", "!float -Infinity"],
        "big": "!int 170141183460469231731687303715884105728",
        "text": "NaN",
        "marked": "!str !float NaN",
    }
    s.add("params", values=values)
    s.add("tags", values={"dev": "", "team": "vision", "old": None})
    s.add("notes", text="Zeile eins\nZeile zwei: naïve 機械学習 🙂")
    s.add(
        "metrics", step=0, values={"loss": 0.1, "count": 3, "zero": -0.0, "tiny": 5e-324, "third": 0.3333333333333333}
    )
    s.add("metrics", step=-2.5, values={"loss": "NaN", "up": "Infinity", "down": "-Infinity"})
    s.add("metrics", step="18446744073709551616", values={"big": "-9223372036854775809", "max": 18446744073709551615})
    s.add("metrics", step=0, timestamp=1767323000123456789, values={"loss": 0.1})
    s.add("metrics", step=1, values={"Genauigkeit/größe": 0.5, "lone \ud800 surrogate": 1})
    s.add("console", stream="stdout", text="epoch 1\r\n")


def add_files(s: Segment) -> None:
    """Add what files belong to."""
    s.add(
        "media",
        key="sample",
        step=1,
        index=0,
        timestamp=1767323001123456789,
        media_type="image",
        metadata={"w": 8},
        attachments=[file_ref("mask.png", b"MASK")],
        file=file_ref("s.png", b"PNG"),
    )
    s.add(
        "artifact",
        name="confusion",
        type="evaluation",
        aliases=["best", "latest"],
        metadata={"accuracy": "!float NaN"},
        folders=["empty"],
        references=[{"path": "b.bin", "url": "s3://bucket/b.bin", "size": 5, "digest": "etag:9a"}],
        files=[file_ref("a/confusion.csv", CONTENT)],
    )


def forked_segment() -> Segment:
    """A forked child's: a line with one bit flipped, and a record that was never written."""
    s = Segment(FORKED, "child", 1)
    s.add("metrics", step=10, values={"child/loss": 0.5})
    damaged = bytearray(s.line("metrics", step=11, values={"child/loss": 0.25}))
    damaged[-21] ^= 0x01  # 0.25 is 0.24 now, and still JSON
    s.content += bytes(damaged)
    s.seq += 1  # lost
    s.add("metrics", step=13, values={"child/loss": 0.125})
    return s


def observing_segment() -> Segment:
    """What another process saw of the first attempt: its surroundings, and what the machine was doing."""
    s = Segment(OBSERVER, "observer", 2)
    git = {"commit": "9fceb02d0ae598e95dc970b74767f19372d61af8", "branch": "main", "dirty": True}
    s.add("context", values={"git": git, "packages": {"numpy": "2.3.1"}, "share": "!float NaN"})
    s.add("system", values={"process.cpu.percent": 99.5, "memory.used": 17179869184})
    s.add("console", stream="stderr", text="100%\r")
    return s


def again_segment() -> Segment:
    """The second attempt, whose last line a power cut tore."""
    s = Segment(AGAIN, "main", 55)
    s.add("start", project=PROJECT, name="gold", parent="Golden-0", attempt=2)
    s.add("metrics", step=2, values={"loss": 0.05})
    s.content += s.line("metrics", step=3, values={"loss": 0.025})[:-30]
    return s


def reaped_segment() -> Segment:
    """The end of the second attempt, written for it by another process."""
    s = Segment(REAPED, "reaper", 600)
    s.add("end", status="crashed", error="the process vanished without a word")
    return s


def receipt() -> dict[str, Any]:
    """Return the account at a backend that took all but one record."""
    place = {MAIN: [4096, 18], FORKED: [900, 4]}
    return {
        "format": 1,
        "entry": "elsewhere:http://127.0.0.1:5000",
        "backend": "elsewhere",
        "destination": {"address": "http://127.0.0.1:5000"},
        "relay": "elsewhere-0123456789abcdef",
        "vendor_id": "7",
        "url": "http://127.0.0.1:5000/7",
        "sent": place,
        "confirmed": place,
        "changes": {"times are kept in milliseconds": 5},
        "refused": 1,
        "refusals": [{"writer": MAIN, "seq": 16, "kind": "hologram", "reason": "no such thing there"}],
        "resent": 0,
        "state": "delivering",
        "error": "",
        "since": 0.0,
    }


def main(root: Path) -> None:
    """Write everything."""
    run = root / PROJECT_FOLDER / RUN_FOLDER
    for segment in (main_segment(), forked_segment(), observing_segment(), again_segment(), reaped_segment()):
        write(run / "journal" / f"{segment.writer}.jsonl", segment.content)
    write(run / "receipts" / "elsewhere%3ahttp%3a%2f%2f127.0.0.1%3a5000.json", json.dumps(receipt(), indent=2).encode())
    digest = hashlib.sha256(CONTENT).hexdigest()
    write(root / "blobs" / "sha256" / digest[:2] / digest[2:], CONTENT)
    write(root / "active" / f"{PROJECT_FOLDER},{RUN_FOLDER}", b"")


def write(path: Path, content: bytes) -> None:
    """Write a file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "root")
