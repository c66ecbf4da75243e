"""Inputs: the artifacts that a run uses, as MLflow's datasets, and the datasets of others as inputs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence

from tracklib.backends.contract import Outcome, accepted, changed
from tracklib.errors import RejectedError
from tracklib.model.records import Input, Record
from tracklib_mlflow import companions as kinds
from tracklib_mlflow.companions import record_fields
from tracklib_mlflow.held import HeldRun
from tracklib_mlflow.writers import Desk

__all__ = ["InputWriter", "foreign_inputs"]

_SOURCE = "tracklib"
_CONTEXT = "mlflow.data.context"
# mlflow.utils.validation: MAX_DATASET_NAME_SIZE, MAX_DATASET_DIGEST_SIZE, MAX_INPUT_TAG_VALUE_SIZE
_NAME, _DIGEST, _TAG = 500, 36, 500


class InputWriter:
    """Writes inputs: whole in a companion, and as datasets for MLflow's pages."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def write(self, records: Sequence[Record]) -> list[Outcome]:
        """Write inputs."""
        return [self._write(record) for record in records]

    def _write(self, record: Record) -> Outcome:
        body = record.body
        assert isinstance(body, Input)
        problem = self._show(body)
        self._desk.companions.hold(kinds.RECORDS, record, record_fields(record))
        return changed(problem) if problem else accepted()

    def _show(self, item: Input) -> str:
        """Make MLflow show an input; return why it does not."""
        entities, client = self._desk.client.entities, self._desk.client
        source = json.dumps({"name": item.name, "version": item.version, "run": item.run})
        dataset = entities.Dataset(item.name[:_NAME] or "unnamed", _digest(item), _SOURCE, source)
        tags = [entities.InputTag(_CONTEXT, item.type[:_TAG])] if item.type else []
        inputs = [entities.DatasetInput(dataset, tags)]
        try:
            client.call("logging an input", client.raw.log_inputs, self._desk.run_id, datasets=inputs)
        except RejectedError:
            return "MLflow does not take the input as a dataset; it is in tracklib/records, and is read back"
        return ""


def _digest(item: Input) -> str:
    """Return what tells versions apart at MLflow, within its length: the version itself where it fits."""
    if item.version and len(item.version) <= _DIGEST and item.run is None:
        return item.version
    facts = json.dumps([item.name, item.version, item.run])
    return hashlib.sha256(facts.encode()).hexdigest()[:_DIGEST]


def foreign_inputs(run: HeldRun) -> Iterator[Input]:
    """Yield the datasets of a run that tracklib did not log."""
    for item in getattr(getattr(run, "inputs", None), "dataset_inputs", None) or ():
        if item.dataset.source_type != _SOURCE:
            context = next((tag.value for tag in item.tags if tag.key == _CONTEXT), None)
            yield Input(str(item.dataset.name), context, str(item.dataset.digest))
