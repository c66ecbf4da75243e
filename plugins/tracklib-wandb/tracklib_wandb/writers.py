"""Writers of what W&B shows of a run as a whole: params, tags, notes, summary, starts and ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tracklib.model.records import Params as ParamsBody
from tracklib.model.records import Record, RunEnd, RunStart, Summary
from tracklib.typing import JSON
from tracklib_wandb import params
from tracklib_wandb.border import border
from tracklib_wandb.identity import KEY, Identity
from tracklib_wandb.labels import LABELS, PARAMS, Labels, document, read_document
from tracklib_wandb.ledger import Need
from tracklib_wandb.open_run import OpenRun

__all__ = ["LabelWriter"]


class LabelWriter:
    """Writes params, tags, notes, summary and identity; those of a batch in one change of the config."""

    def __init__(self, run: OpenRun) -> None:
        self._run = run
        config: Mapping[str, Any] = run.known.config if run.known is not None else {}
        own = config.get(KEY)
        own = own if isinstance(own, Mapping) else {}
        exact: dict[str, JSON] = read_document(own.get(PARAMS))
        self._params = params.Params(params.read(config, exact), exact)
        self._labels = Labels.read(own.get(LABELS))
        self._changed: dict[str, JSON] = {}
        self._need: Need | None = None

    def take(self, record: Record) -> Need:
        """Take what a record says; return what tells whether it is held. `apply` writes it."""
        before = (self._labels.shown(), self._labels.notes)
        if isinstance(record.body, ParamsBody):
            self._changed |= self._params.take(record.body.values)
        elif isinstance(record.body, (RunStart, RunEnd)):
            self._run.show(_after(self._run.identity, record))
        else:
            self._labels.take(record)
            self._show(record, before)
        if self._need is None:
            self._need = Need()
        return self._need

    def apply(self) -> None:
        """Write what was taken."""
        if self._need is None:
            return
        own: dict[str, JSON] = {}
        if self._params.exact:
            own[PARAMS] = document(self._params.exact)
        if self._labels != Labels():
            own[LABELS] = self._labels.text()
        self._run.configure(self._changed, own).also(self._need)
        self._changed, self._need = {}, None

    def close(self) -> None:
        """Write the summary once more, over what rows made of it, and whether the run is only let go of."""
        if self._labels.summary:
            self._show_summary()
        identity = self._run.identity
        if identity.parked == identity.is_over:
            self._run.show(replace(identity, parked=not identity.is_over))
            self._need = self._need or Need()
        self.apply()

    def _show(self, record: Record, before: tuple[tuple[str, ...], str | None]) -> None:
        words, notes = before
        with border("labelling the run"):
            if self._labels.shown() != words:
                self._run.native.tags = self._labels.shown()
            if self._labels.notes != notes:
                self._run.native.notes = self._labels.shown_notes()
        if isinstance(record.body, Summary):
            self._show_summary()

    def _show_summary(self) -> None:
        with border("writing the summary"):
            self._run.native.summary.update(params.shown(self._labels.summary))


def _after(held: Identity, record: Record) -> Identity:
    """Return who the run is after a start or an end; who starts it holds it again."""
    moved = held.after(record)
    return replace(moved, parked=False) if isinstance(record.body, RunStart) and moved is not held else moved
