"""Deleting a run: it is out of sight, and nothing else is."""

import pytest

from tracklib.backends.contract import Remover
from tracklib.errors import RejectedError, TransientError
from tracklib.model.query import RunQuery
from tracklib.model.records import Metrics, RunEnd


def test_a_deleted_run_is_out_of_sight(bench):
    """MLflow marks it as deleted, as its own pages do; its neighbour stays; deleting it again is no error."""
    bench.write(Metrics({"loss": 1.0}, 0), RunEnd("finished", 0))
    gone = bench.found()
    other = bench.run("run-2")
    sink = bench.sink(other)
    sink.send(bench.records(Metrics({"loss": 1.0}, 0), writer="w2"))
    sink.close()
    source = bench.source()
    assert isinstance(source, Remover)
    for _ in range(2):
        assert "mlflow gc" in source.delete(gone)
    assert [run.id for run in bench.source().runs(RunQuery(project=bench.project))] == ["run-2"]
    assert bench.client.get_run(gone.place).info.lifecycle_stage == "deleted"
    with pytest.raises(TransientError, match="mlflow runs restore"):
        bench.sink(vendor_id=gone.place)


def test_a_run_that_is_collected_while_it_is_read(bench):
    """MLflow gives empty metrics and no files of a run that `mlflow gc` took away: it is told, and no end of it is read."""
    bench.write(Metrics({"loss": 1.0, "acc": 0.5}, 0), RunEnd("finished", 0))
    gone, source = bench.found(), bench.source()
    records = source.read(gone)
    begun = [next(records)]
    for table in ("latest_metrics", "metrics", "params", "tags", "runs"):
        bench.store.sql(f"DELETE FROM {table} WHERE run_uuid = ?", gone.place)
    with pytest.raises(RejectedError, match="it was deleted while it was read"):
        begun.extend(records)
    assert not [record for record in begun if isinstance(record.body, RunEnd)]
