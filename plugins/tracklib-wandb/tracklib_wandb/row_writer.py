"""`RowWriter`: points and media of one step, held back until the step moves on, then one row of W&B's."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tracklib.model.records import Media, Metrics, Record
from tracklib.typing import Step
from tracklib_wandb import names
from tracklib_wandb.beside import Beside
from tracklib_wandb.identity import NS
from tracklib_wandb.ledger import Need
from tracklib_wandb.media import Shown, row_value
from tracklib_wandb.open_run import OpenRun
from tracklib_wandb.rows import native_number, write_mark

__all__ = ["RowWriter"]

_HOLD = 1.0
"""Seconds that a row waits for more of its step: what is logged for a step together comes within milliseconds."""

_LARGE = 2000
"""Values in a row, beyond which another one begins."""


@dataclass(slots=True)
class _Row:
    """A row that is not sent yet."""

    writer: str
    step: Step
    when: int
    since: float = field(default_factory=time.monotonic)
    values: dict[str, Any] = field(default_factory=dict)
    media: dict[str, list[Shown]] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    need: Need = field(default_factory=Need)

    def fits(self, record: Record, step: Step, keys: Mapping[str, Any]) -> bool:
        """Tell whether a record's values may stand in this row."""
        return (
            (self.writer, self.step) == (record.writer, step)
            and len(self.values) < _LARGE
            and not keys.keys() & self.values.keys()
            and not keys.keys() & self.media.keys()
        )


class RowWriter:
    """Writes rows; with each goes what waits to be kept beside."""

    def __init__(self, run: OpenRun, beside: Beside) -> None:
        self._run = run
        self._beside = beside
        self._row: _Row | None = None

    def take(self, record: Record) -> Need:
        """Take points; return what tells whether they are held."""
        body = record.body
        assert isinstance(body, Metrics)
        values = {names.encode(key): native_number(value) for key, value in body.values.items()}
        row = self._row_for(record, body.step, values)
        row.values |= values
        row.records.append(record)
        return row.need

    def take_media(self, record: Record, shown: Shown) -> None:
        """Take what W&B shows of a medium; the medium's record is kept beside the row."""
        body = record.body
        assert isinstance(body, Media)
        key = names.encode(body.key)
        row = self._row
        listed = (
            row.media.get(key) if row is not None and (row.writer, row.step) == (record.writer, body.step) else None
        )
        if listed is not None and body.index is not None and shown.joins(listed):
            listed.append(shown)
            return
        self._row_for(record, body.step, {key: shown}).media[key] = [shown]

    def _row_for(self, record: Record, step: Step, keys: Mapping[str, Any]) -> _Row:
        if self._row is not None and not self._row.fits(record, step, keys):
            self.flush()
        if self._row is None:
            self._row = _Row(record.writer, step, record.when if 0 <= record.when < 2**63 else record.time)
        return self._row

    def tick(self) -> None:
        """Send the row that has waited for long enough."""
        if self._row is not None and time.monotonic() - self._row.since > _HOLD:
            self.flush()

    def flush(self) -> None:
        """Send the row."""
        row = self._row
        if row is None:
            return
        beside = self._beside.take_along()
        values = {**row.values, **{key: row_value(shown) for key, shown in row.media.items()}}
        values[names.MARK] = write_mark(row.records, beside.records)
        values["_timestamp"] = row.when / NS
        sent = self._run.log(values, row.step)
        self._row = None
        sent.also(row.need)
        self._beside.went(beside, sent)
