"""Companions: what MLflow has no place for, in files beside a run's artifacts that are never rewritten.

``tracklib/<kind>/<writer>-<first>-<last>.jsonl.gz`` holds, one JSON object in a line, what the records ``first`` to
``last`` of a writer had to say of a kind:

- ``points``: metric values that are more than their native points (`tracklib_mlflow.points.Entry`);
- ``records``: whole records (starts with their context, notices, console output, kinds from the future);
- ``console``: console output once more, as plain text in ``.log`` files, for people;
- ``artifacts`` and ``media``: records whose files lie elsewhere, with the places.

Sending again after a crash may cut the chunks elsewhere; every line carries its writer and sequence number, so readers
take it once.
"""

from __future__ import annotations

import gzip
import re
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tracklib.model.codec import dumps, loads, to_fields
from tracklib.model.records import Position, Record
from tracklib_mlflow.border import MissingError
from tracklib_mlflow.files import Files
from tracklib_mlflow.held import HeldFiles
from tracklib_mlflow.paths import CHUNKS, encode_part

__all__ = ["ARTIFACTS", "KINDS", "MEDIA", "POINTS", "RECORDS", "Companions", "read_chunks", "record_fields"]

POINTS, RECORDS, ARTIFACTS, MEDIA = KINDS = ("points", "records", "artifacts", "media")

_CONSOLE = "console"
_MAX_LINES = 5000
_MAX_BYTES = 4 << 20
_FIRST_WAIT, _LONGEST_WAIT = 2.0, 60.0
_CHUNK = re.compile(r".*-\d+-\d+\.jsonl\.gz\Z", re.DOTALL)


class Companions:
    """Holds lines back until they are worth a file.

    The wait grows with the number of files written, from 2 s to 60 s: a short run is complete at once, a long one does
    not drown MLflow in small files.
    """

    def __init__(self, files: Files, clock: Callable[[], float] = time.monotonic) -> None:
        self._files = files
        self._clock = clock
        self._held: dict[tuple[str, str], dict[tuple[int, str], bytes]] = {}
        self._since: float | None = None
        self._flushes = 0

    def hold(self, kind: str, record: Record, fields: Mapping[str, Any], part: str = "") -> None:
        """Hold a line of a record; ``part`` tells several lines of one record apart. The same line counts once."""
        self._held.setdefault((kind, record.writer), {})[record.seq, part] = dumps(fields)
        if self._since is None:
            self._since = self._clock()

    def hold_text(self, record: Record, text: bytes) -> None:
        """Hold what a record says to people."""
        self._held.setdefault((_CONSOLE, record.writer), {})[record.seq, ""] = text

    def flush_if_due(self) -> None:
        """Write what is held, where it is much or old."""
        if self._since is None:
            return
        wait = min(_LONGEST_WAIT, _FIRST_WAIT * 2**self._flushes)
        if self._clock() - self._since >= wait or self._is_much():
            self.flush()

    def flush(self) -> None:
        """Write all that is held; what was written stays written where a later file fails."""
        for (kind, writer), lines in sorted(self._held.items()):
            self._write(kind, writer, lines)
            del self._held[kind, writer]
        self._flushes += self._since is not None
        self._since = None

    def behind(self, position: Position) -> dict[str, int]:
        """Return a position drawn back to before the lines that are held."""
        drawn = dict(position)
        for (_, writer), lines in self._held.items():
            first = min(seq for seq, _ in lines)
            drawn[writer] = min(drawn.get(writer, 0), first - 1)
        return drawn

    def _is_much(self) -> bool:
        chunks = list(self._held.values())
        return (
            sum(map(len, chunks)) >= _MAX_LINES or sum(len(line) for c in chunks for line in c.values()) >= _MAX_BYTES
        )

    def _write(self, kind: str, writer: str, lines: Mapping[tuple[int, str], bytes]) -> None:
        ordered = sorted(lines)
        name = f"{encode_part(writer)}-{ordered[0][0]}-{ordered[-1][0]}"
        if kind == _CONSOLE:
            name, content = f"{name}.log", b"".join(lines[place] for place in ordered)
        else:
            text = b"".join(lines[place] + b"\n" for place in ordered)
            name, content = f"{name}.jsonl.gz", gzip.compress(text, 6, mtime=0)

        def write(path: Path) -> None:
            path.write_bytes(content)

        self._files.put(f"{CHUNKS}/{kind}/{name}", write)


def record_fields(record: Record, **more: Any) -> dict[str, Any]:
    """Return a whole record as a line, with what else there is to say of it."""
    return {"writer": record.writer, "record": to_fields(record), **more}


def read_chunks(files: HeldFiles, kind: str, damaged: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """Yield the lines of all companions of a kind; ``damaged`` hears of those that cannot be read."""
    for place in files.walk(f"{CHUNKS}/{kind}"):
        if not _CHUNK.match(place):
            continue
        try:
            with files.fetched(place) as path:
                lines = gzip.decompress(path.read_bytes()).splitlines()
            yield from [loads(line) for line in lines]
        except (OSError, EOFError, ValueError, zlib.error, MissingError) as error:
            damaged(f"the companion {place} cannot be read: {type(error).__name__}")
