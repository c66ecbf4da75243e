"""MLflow keeps the laws that every backend keeps."""

from pathlib import Path
from urllib.parse import unquote

import pytest

from tracklib.testing.conformance import PlaceSubject
from tracklib.testing.conformance.suite import ConformanceSuite


class Tables:
    """What stands in MLflow's own tables, read with no MLflow between."""

    def __init__(self, store):
        self._store = store

    def points(self, run, metric):
        return self._store.sql("SELECT step, value FROM metrics WHERE run_uuid = ? AND key = ?", run.id, metric)


class TestMLflow(ConformanceSuite):
    """On a real server."""

    sdks = ("mlflow",)
    results = Path(__file__).parent / "support.json"

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, server_store):
        return PlaceSubject(f"mlflow:{unquote(server_store.uri)}", witness=Tables(server_store))
