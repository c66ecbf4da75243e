"""MLflow keeps the laws that every backend keeps."""

import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest
import tracklib_mlflow

from tracklib.testing.conformance import PlaceSubject
from tracklib.testing.conformance.gate import Gate
from tracklib.testing.conformance.suite import ConformanceSuite
from tracklib.testing.proxy import FaultProxy

PATIENCE = 4


class Tables:
    """What stands in MLflow's own tables, read with no MLflow between."""

    def __init__(self, store):
        self._store = store

    def points(self, run, metric):
        return self._store.sql("SELECT step, value FROM metrics WHERE run_uuid = ? AND key = ?", run.id, metric)


def first(request, keep):
    """Return a batch of which MLflow takes the first items alone."""
    fields = json.loads(request.body)
    kept = {name: fields[name][:keep] for name in ("metrics", "params", "tags") if name in fields}
    return replace(request, body=json.dumps(fields | kept).encode())


class TestMLflow(ConformanceSuite):
    """On a real server, with a proxy before it that lets faults in."""

    sdks = ("mlflow",)
    results = Path(tracklib_mlflow.__file__).parent / "support.json"

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, server_store):
        place = unquote(server_store.uri)
        with FaultProxy(place, first=first) as proxy:
            gate = Gate(proxy.faults, batches="POST */runs/log-batch", patience=PATIENCE)
            more = {"witness": Tables(server_store), "gate": gate, "read_at": f"mlflow:{place}"}
            yield PlaceSubject(f"mlflow:{proxy.url}", {"timeout": PATIENCE}, **more)
