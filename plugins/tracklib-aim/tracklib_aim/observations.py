"""Observations: system metrics and console output, shown where Aim shows its own; whole records are kept beside."""

from __future__ import annotations

from typing import Any

from tracklib.model.records import Console, Record, System
from tracklib_aim.border import border
from tracklib_aim.companions import document, read_document
from tracklib_aim.database import Operation
from tracklib_aim.identity import clean
from tracklib_aim.open_run import OpenRun
from tracklib_aim.points import NS, Point
from tracklib_aim.sequences import Sequences
from tracklib_aim.surroundings import sdk
from tracklib_aim.system import shown
from tracklib_aim.writers import Writes

__all__ = ["LOGS", "ObservationWriter"]

LOGS = "logs"
_LINES = "lines"
_LOG_LINE = "aim.log_line"


class ObservationWriter:
    """Writes samples of the machine, and lines of output.

    Aim numbers the lines of a run. How far this has come is written with the lines themselves, in one batch, so that a
    record that comes again gets no second line.
    """

    def __init__(self, run: OpenRun, sequences: Sequences) -> None:
        self._run = run
        self._sequences = sequences
        self._lines: dict[str, Any] | None = None
        self._is_moved = False

    def take(self, record: Record, writes: Writes) -> None:
        """Add the writes of one record."""
        if isinstance(record.body, System):
            self._sample(record, record.body, writes)
        elif isinstance(record.body, Console):
            self._print(record, record.body, writes)

    def lines_operations(self) -> list[Operation]:
        """Return the write of how far the lines have come."""
        if not self._is_moved:
            return []
        self._is_moved = False
        return [document(self._run.hash, _LINES, self._lines)]

    def _sample(self, record: Record, body: System, writes: Writes) -> None:
        second = max(0, record.time - self._run.identity.started) // NS
        for name, value in body.values.items():
            held, context = shown(clean(name))
            point = Point(record.writer, record.seq, second, value, record.time)
            writes.add(self._sequences.numbers(held, context, [point], exact=False))

    def _print(self, record: Record, body: Console, writes: Writes) -> None:
        if self._lines is None:
            with border("reading how far the output is"):
                self._lines = read_document(self._run.seqs, self._run.hash, _LINES)
        if record.seq <= self._lines.get(record.writer, 0):
            return
        line_class = sdk("aim.ext.resource.log").LogLine
        for line in clean(body.text).splitlines() or [""]:
            number = self._lines.get("", 0)
            said = {"step": number, "number": None, "value": line_class(line), "seconds": record.time / NS}
            writes.add(self._sequences.objects(LOGS, {}, _LOG_LINE, **said))
            self._lines[""] = number + 1
        self._lines[record.writer] = record.seq
        self._is_moved = True
